// The scores of edges and their gradients, edge by edge over runs: attention without softmax and value.
#include "scores.hpp"

#include <algorithm>
#include <vector>

#include "join.hpp"
#include "logit_gradients.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {
namespace {

template <typename T> struct ScoresForward : Logits<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;

    static void run(const Rows& rows, const Attend& a, const Scores& s) {
        const int64_t H = a.num_heads, D = a.dim;
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            std::vector<Exact> query(H * D), w(kChunk);
            Columns columns(rows);
#pragma omp for schedule(dynamic, 32)
            for (int64_t item = 0; item < rows.num_items; ++item) {
                const Stretch of = stretch(rows, item);
                for (int64_t h = 0; h < H; ++h) copy_row<T>(query.data() + h * D, a.query, of.row, h, D);
                columns.take(item, item + 1);
                columns.each(of, [&](const Edges& edges) {
                    for (int64_t h = 0; h < H; ++h) {
                        Logits<T>::logits(a, query.data() + h * D, of.row, h, edges, w.data());
                        for (int64_t n = 0; n < edges.count; ++n) *at(s.out, (edges.edge + n) * H + h) = w[n];
                    }
                });
            }
        }
    }
};

template <typename T> struct ScoresBackwardReceivers : LogitGradients<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;

    static void run(const Rows& rows, const Attend& a, const ScoresReceivers& s) {
        const int64_t H = a.num_heads, D = a.dim, F = a.query_edge ? a.key_features : 0;
        const bool asks = s.grad_query != nullptr, sums = s.summed_edge != nullptr;
        // GATv2's vector and inner weight are summed up block of items by block of items.
        const int64_t block = (rows.num_items + kVectorBlocks - 1) / kVectorBlocks;
        const int64_t step = s.grad_vector || s.grad_inner_weight ? std::max<int64_t>(block, 1) : 32;
        const int64_t steps = (rows.num_items + step - 1) / step;
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            std::vector<Exact> query(H * D), grad_query(H * D), summed(H * F), w(kChunk);
            Columns columns(rows);
#pragma omp for schedule(dynamic, 1)
            for (int64_t k = 0; k < steps; ++k) {
                for (int64_t item = k * step; item < std::min(rows.num_items, (k + 1) * step); ++item) {
                    const Stretch of = stretch(rows, item);
                    const int64_t i = of.row;
                    for (int64_t h = 0; h < H; ++h) copy_row<T>(query.data() + h * D, a.query, i, h, D);
                    std::fill(grad_query.begin(), grad_query.end(), Exact(0));
                    std::fill(summed.begin(), summed.end(), Exact(0));
                    columns.take(item, item + 1);
                    columns.each(of, [&](const Edges& edges) {
                        for (int64_t h = 0; h < H; ++h) {
                            for (int64_t n = 0; n < edges.count; ++n) w[n] = *at(s.grad, (edges.edge + n) * H + h);
                            const ReceiverGradients<Exact> to{
                                a.score == kDot && !asks ? nullptr : grad_query.data() + h * D, summed.data() + h * F,
                                s.grad_vector ? at(s.grad_vector, (k * H + h) * D) : nullptr,
                                s.grad_inner_weight ? at(s.grad_inner_weight, (k * H + h) * a.key_features * D) : nullptr,
                                s.grad_key_edge, nullptr};
                            LogitGradients<T>::spread(a, query.data() + h * D, i, h, edges, w.data(), to);
                        }
                    });
                    Exact* to = of.whole ? nullptr : at(s.partial, item * H * (D + F));
                    if (asks) std::copy_n(grad_query.data(), H * D, of.whole ? at(s.grad_query, i * H * D) : to);
                    if (sums) std::copy_n(summed.data(), H * F, of.whole ? at(s.summed_edge, i * H * F) : to + H * D);
                }
            }
            if (rows.item_row) join<Exact>(rows, s.partial, {{s.grad_query, H * D}, {s.summed_edge, H * F}});
        }
    }
};

template <typename T> struct ScoresBackwardSenders : LogitGradients<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;

    static void run(const Rows& rows, const Attend& a, const ScoresSenders& s) {
        const int64_t H = a.num_heads, Hk = a.num_shared, D = a.dim;
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            std::vector<Exact> key(Hk * D), grad_key(Hk * D), w(kChunk);
            Columns columns(rows);
#pragma omp for schedule(dynamic, 32)
            for (int64_t item = 0; item < rows.num_items; ++item) {
                const Stretch of = stretch(rows, item);
                const int64_t j = of.row;
                for (int64_t h = 0; h < Hk; ++h) copy_row<T>(key.data() + h * D, a.key, j, h, D);
                std::fill(grad_key.begin(), grad_key.end(), Exact(0));
                columns.take(item, item + 1);
                columns.each(of, [&](const Edges& edges) {
                    const int64_t* number = s.edge_number + edges.edge;
                    for (int64_t h = 0; h < H; ++h) {
                        const int64_t shared = h * Hk / H;
                        const Exact* k = key.data() + shared * D;
                        for (int64_t n = 0; n < edges.count; ++n) w[n] = *at(s.grad, number[n] * H + h);
                        // The scale that `spread` leaves in w.
                        for (int64_t n = 0; a.score == kDot && n < edges.count; ++n) w[n] *= static_cast<Exact>(a.scale);
                        Exact* to = grad_key.data() + shared * D;
                        LogitGradients<T>::spread_by_sender(a, k, h, edges, s.edge_number, w.data(), to);
                    }
                });
                std::copy_n(grad_key.data(), Hk * D, of.whole ? at(s.grad_key, j * Hk * D) : at(s.partial, item * Hk * D));
            }
            if (rows.item_row) join<Exact>(rows, s.partial, {{s.grad_key, Hk * D}});
        }
    }
};

}  // namespace

void scores_forward(const Rows& rows, const Attend& a, const Scores& s) { by_storage<ScoresForward>(a.storage, rows, a, s); }
void scores_receivers(const Rows& rows, const Attend& a, const ScoresReceivers& s) {
    by_storage<ScoresBackwardReceivers>(a.storage, rows, a, s);
}
void scores_senders(const Rows& rows, const Attend& a, const ScoresSenders& s) {
    by_storage<ScoresBackwardSenders>(a.storage, rows, a, s);
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
