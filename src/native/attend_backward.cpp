// Backward recomputes the weights, twice: by receiver for what belongs to receivers and edges, by sender over the
// transposed graph for what belongs to senders. Every number is written by one thread in one order, so results do not
// depend on how many threads there are.
#include "attend.hpp"

#include <algorithm>
#include <vector>

#include "dropout.hpp"
#include "join.hpp"
#include "logit_gradients.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {
namespace {

template <typename T> struct AttendBackwardReceivers : LogitGradients<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;

    static void run(const Rows& rows, const Attend& a, const BackwardReceivers& b) {
        const int64_t H = a.num_heads, D = a.dim, V = a.value_dim, F = a.key_features, G = a.value_features;
        const bool asks = b.grad_query != nullptr;
        // GATv2's vector is summed up block of items by block of items.
        const int64_t block = (rows.num_items + kVectorBlocks - 1) / kVectorBlocks;
        const int64_t step = b.grad_vector ? std::max<int64_t>(block, 1) : 32;
        const int64_t steps = (rows.num_items + step - 1) / step;
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            std::vector<Exact> query(H * D), grad(H * V), grad_query(H * D), summed(H * F), w(kChunk), back(kChunk),
                whole(V), delta(H);
#pragma omp for schedule(dynamic, 1)
            for (int64_t s = 0; s < steps; ++s) {
                for (int64_t item = s * step; item < std::min(rows.num_items, (s + 1) * step); ++item) {
                    const Stretch of = stretch(rows, item);
                    const int64_t i = of.row;
                    if (a.score != kNone) copy_row<T>(query.data(), a.query, i, H, D);
                    copy_row<T>(grad.data(), b.grad, i, H, V);
                    std::fill(grad_query.begin(), grad_query.end(), Exact(0));
                    std::fill(summed.begin(), summed.end(), Exact(0));
                    // Cut rows compute their delta once an item, all to the same number.
                    for (int64_t h = 0; h < H; ++h) {
                        const T* out = row_of<T>(b.out, i, h);
                        const T* rest = b.rest ? static_cast<const T*>(b.rest) + (i * H + h) * V : nullptr;
                        for (int64_t d = 0; d < V; ++d) whole[d] = exact(out[d]) + (rest ? exact(rest[d]) : Exact(0));
                        // As `back` is computed below, so that a row of one edge has a gradient of exactly 0.
                        const int32_t first = 0;
                        dots(grad.data() + h * V, HeadRows<Exact>{whole.data(), 0}, &first, 1, V, Exact(1), &delta[h]);
                        if (G) delta[h] += dot(at(b.grad_edge, (i * H + h) * G), at(b.heard_edge, (i * H + h) * G), G);
                        if (of.begin == rows.run_edge_start[rows.run_offsets[i]]) *at(b.delta, i * H + h) = delta[h];
                    }
                    if (!b.walks) continue;
                    Chunks chunks(rows, of, item);
                    while (chunks.advance()) {
                        const int32_t* senders = chunks.columns;
                        const int64_t count = chunks.count, edge = chunks.edge;
                        for (int64_t h = 0; h < H; ++h) {
                            const int64_t shared = h * a.num_shared / H;
                            const uint32_t row = row_hash(a.seed, i, h);
                            Logits<T>::logits(a, query.data(), i, h, chunks, w.data());
                            exponentials(w.data(), *at(b.log_sum, i * H + h), count);
                            dots(grad.data() + h * V, rows_of<T>(a.value, shared, chunks), senders, count, V, Exact(1),
                                 back.data());
                            for (int64_t n = 0; n < count; ++n) {
                                const int64_t e = edge + n;
                                if (G) back[n] += dot(at(b.grad_edge, (i * H + h) * G), at(a.value_edge, e * G), G);
                                const Exact keep = a.keep_from ? kept<Exact>(a, row, senders[n]) : Exact(1);
                                if (b.grad_value_edge) {
                                    add(at(b.grad_value_edge, e * G), w[n] * keep, at(b.grad_edge, (i * H + h) * G), G);
                                }
                                w[n] *= keep * back[n] - delta[h];
                                if (b.grad_logit) *at(b.grad_logit, e * H + h) = w[n];
                            }
                            const ReceiverGradients<Exact> to{
                                a.score == kDot && !asks ? nullptr : grad_query.data() + h * D, summed.data() + h * F,
                                b.grad_vector ? at(b.grad_vector, (s * H + h) * D) : nullptr, b.grad_key_edge,
                                b.grad_inner};
                            LogitGradients<T>::spread(a, query.data(), i, h, chunks, w.data(), to);
                        }
                    }
                    Exact* to = of.whole ? nullptr : at(b.partial, item * H * (D + F));
                    if (asks) std::copy_n(grad_query.data(), H * D, of.whole ? at(b.grad_query, i * H * D) : to);
                    if (F) std::copy_n(summed.data(), H * F, of.whole ? at(b.summed_edge, i * H * F) : to + H * D);
                }
            }
            if (rows.item_row && b.walks) {
                join<Exact>(rows, b.partial, {{asks ? b.grad_query : nullptr, H * D}, {F ? b.summed_edge : nullptr, H * F}});
            }
        }
    }
};

template <typename T> struct AttendBackwardSenders : LogitGradients<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;

    static void run(const Rows& rows, const Attend& a, const BackwardSenders& b) {
        const int64_t H = a.num_heads, Hk = a.num_shared, D = a.dim, V = a.value_dim, G = a.value_features;
        const int64_t group = H / Hk;
        const bool asks = b.grad_key != nullptr;
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            std::vector<Exact> key(Hk * D), value(Hk * V), grad_key(Hk * D), grad_value(Hk * V), w(kChunk), inner(kChunk),
                keep(kChunk), heard(kChunk), back(kChunk);
#pragma omp for schedule(dynamic, 32)
            for (int64_t item = 0; item < rows.num_items; ++item) {
                const Stretch of = stretch(rows, item);
                const int64_t j = of.row;
                if (a.score != kNone) copy_row<T>(key.data(), a.key, j, Hk, D);
                copy_row<T>(value.data(), a.value, j, Hk, V);
                std::fill(grad_key.begin(), grad_key.end(), Exact(0));
                std::fill(grad_value.begin(), grad_value.end(), Exact(0));
                Chunks chunks(rows, of, item);
                while (chunks.advance()) {
                    const int32_t* receivers = chunks.columns;
                    const int64_t count = chunks.count, place = chunks.edge;
                    for (int64_t h = 0; h < H; ++h) {
                        const int64_t shared = h / group;
                        const Exact *k = key.data() + shared * D, *v = value.data() + shared * V;
                        const HeadRows<T> grads = rows_of<T>(b.grad, h, chunks);
                        Logits<T>::logits_by_sender(a, k, j, h, chunks, b.edge_number, inner.data(), w.data());
                        for (int64_t n = 0; n < count; ++n) w[n] -= *at(b.log_sum, receivers[n] * H + h);
                        exponentials(w.data(), Exact(0), count);
                        for (int64_t n = 0; n < count; ++n) {
                            keep[n] = a.keep_from ? kept<Exact>(a, row_hash(a.seed, receivers[n], h), j) : Exact(1);
                            heard[n] = w[n] * keep[n];
                        }
                        add_rows(grad_value.data() + shared * V, heard.data(), grads, receivers, count, V);
                        if (!asks) continue;
                        dots(v, grads, receivers, count, V, Exact(1), back.data());
                        for (int64_t n = 0; n < count; ++n) {
                            const int64_t i = receivers[n];
                            if (G) {
                                const Exact* features = at(a.value_edge, b.edge_number[place + n] * G);
                                back[n] += dot(at(b.grad_edge, (i * H + h) * G), features, G);
                            }
                            w[n] *= keep[n] * back[n] - *at(b.delta, i * H + h);
                        }
                        Exact* to = grad_key.data() + shared * D;
                        LogitGradients<T>::spread_by_sender(a, k, h, chunks, inner.data(), w.data(), to);
                    }
                }
                Exact* to = of.whole ? nullptr : at(b.partial, item * Hk * (D + V));
                if (asks) std::copy_n(grad_key.data(), Hk * D, of.whole ? at(b.grad_key, j * Hk * D) : to);
                std::copy_n(grad_value.data(), Hk * V, of.whole ? at(b.grad_value, j * Hk * V) : to + Hk * D);
            }
            if (rows.item_row) {
                join<Exact>(rows, b.partial, {{asks ? b.grad_key : nullptr, Hk * D}, {b.grad_value, Hk * V}});
            }
        }
    }
};

}  // namespace

void attend_backward_receivers(const Rows& rows, const Attend& a, const BackwardReceivers& b) {
    by_storage<AttendBackwardReceivers>(a.storage, rows, a, b);
}
void attend_backward_senders(const Rows& rows, const Attend& a, const BackwardSenders& b) {
    by_storage<AttendBackwardSenders>(a.storage, rows, a, b);
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
