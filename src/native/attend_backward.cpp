// Backward recomputes the weights, twice: by receiver for what belongs to receivers and edges, by sender over the
// transposed graph for what belongs to senders. Every number is written by one thread in one order, so results do not
// depend on how many threads there are.
#include "attend.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "dropout.hpp"
#include "join.hpp"
#include "logit_gradients.hpp"
#include "packed.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {
namespace {

// Queries and the gradients that arrive, with the log-sum-exp and the delta of their rows, a head after the other; or as
// they lie, where copies do not pay.
template <typename T> class PackedReceivers {
  public:
    typedef typename ExactOf<T>::type Exact;
    struct View {
        Attend near;
        Nodes<const void*> grads, log_sums, deltas;
    };

    PackedReceivers(const Rows& rows, const Attend& a) : stages(1) {
        const int64_t edges = rows.run_edge_start[rows.run_offsets[rows.num_rows]], R = a.num_receivers;
        if (!pays_to_pack<T>(edges, R, a.num_heads * (a.dim + a.value_dim))) return;
        stages = a.num_heads;
        if (a.score != kNone) queries_.emplace(R, a.dim, width_of_key<T>(a));
        grads_.emplace(R, a.value_dim, padded<Exact>(a.value_dim));
        log_sums_.emplace(R, 1, 1);
        deltas_.emplace(R, 1, 1);
    }
    View widened(const Attend& a, const BackwardSenders& b) const {
        const Nodes<const void*> log_sums{b.log_sum, a.num_heads, 1}, deltas{b.delta, a.num_heads, 1};
        View view{a, b.grad, log_sums, deltas};
        if (queries_) view.near.dim = queries_->width;
        if (grads_) view.near.value_dim = grads_->width;
        return view;
    }
    // Inside a parallel region, by all threads: the view reads the copies of one head.
    void fill(const Attend& a, const BackwardSenders& b, int64_t head, View& view) const {
        if (!grads_) return;
        if (queries_) view.near.query = queries_->fill(a.query, head);
        view.grads = grads_->fill(b.grad, head);
        view.log_sums = log_sums_->fill({b.log_sum, a.num_heads, 1}, head);
        view.deltas = deltas_->fill({b.delta, a.num_heads, 1}, head);
    }
    int64_t stages;

  private:
    std::optional<Packed<T>> queries_, grads_;
    std::optional<Packed<Exact>> log_sums_, deltas_;
};

template <typename T> struct AttendBackwardReceivers : LogitGradients<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;

    static void run(const Rows& rows, const Attend& a, const BackwardReceivers& b) {
        const int64_t H = a.num_heads, D = a.dim, V = a.value_dim, F = a.query_edge ? a.key_features : 0, G = a.value_features;
        const bool asks = b.grad_query != nullptr;
        // What all rows share is summed up block of items by block of items.
        const int64_t block = (rows.num_items + kVectorBlocks - 1) / kVectorBlocks;
        const int64_t step = b.grad_vector || b.grad_inner_weight || b.grad_table ? std::max<int64_t>(block, 1) : 32;
        const int64_t steps = (rows.num_items + step - 1) / step;
        const PackedSenders<T> packed(rows, a);
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            Attend near = packed.widened(a);
            Columns columns(rows);
            std::vector<Exact> query(near.dim, Exact(0)), grad(near.value_dim, Exact(0)), whole(near.value_dim, Exact(0)),
                grad_query(near.dim), summed(F), w(kChunk), back(kChunk);
            for (int64_t stage = 0; stage < packed.stages; ++stage) {
                if (b.walks) packed.fill(a, stage, near);
                // Heads add to the gradients of an edge's features in their order.
                const int64_t each = b.grad_key_edge || b.grad_value_edge ? H / packed.stages : 1;
                const int64_t parts = H / packed.stages / each * steps;
#pragma omp for schedule(dynamic, 1)
                for (int64_t part = 0; part < parts; ++part) {
                    const int64_t s = part % steps, from = stage * (H / packed.stages) + part / steps * each;
                    const int64_t begin = s * step, end = std::min(rows.num_items, begin + step);
                    for (int64_t n = 0; n < (end - begin) * each; ++n) {
                        const int64_t item = begin + n % (end - begin), h = from + n / (end - begin), shared = h * a.num_shared / H;
                        const Stretch of = stretch(rows, item);
                        const int64_t i = of.row;
                        if (i + kRowsAhead < rows.num_rows) {
                            if (a.score != kNone) ask(row_of<T>(a.query, i + kRowsAhead, h), D);
                            ask(row_of<T>(b.grad, i + kRowsAhead, h), V);
                            ask(row_of<T>(b.out, i + kRowsAhead, h), V);
                        }
                        if (a.score != kNone) copy_row<T>(query.data(), a.query, i, h, D);
                        copy_row<T>(grad.data(), b.grad, i, h, V);
                        std::fill(grad_query.begin(), grad_query.end(), Exact(0));
                        std::fill(summed.begin(), summed.end(), Exact(0));
                        // Cut rows compute their delta once an item, all to the same number.
                        const T* out = row_of<T>(b.out, i, h);
                        const T* rest = b.rest ? static_cast<const T*>(b.rest) + (i * H + h) * V : nullptr;
                        for (int64_t d = 0; d < V; ++d) whole[d] = exact(out[d]) + (rest ? exact(rest[d]) : Exact(0));
                        // As `back` is computed below, so that a row of one edge has a gradient of exactly 0.
                        const int32_t first = 0;
                        Exact delta = 0;
                        dots(grad.data(), HeadRows<Exact>{whole.data(), 0}, &first, 1, near.value_dim, Exact(1), &delta);
                        if (G) delta += dot(at(b.grad_edge, (i * H + h) * G), at(b.heard_edge, (i * H + h) * G), G);
                        if (b.grad_weights) delta += *at(b.weights_share, i * H + h);
                        if (of.begin == rows.run_edge_start[rows.run_offsets[i]]) *at(b.delta, i * H + h) = delta;
                        if (!b.walks) continue;
                        columns.each(of, [&](const Edges& edges) {
                            const int32_t* senders = edges.columns;
                            const int64_t count = edges.count;
                            const uint32_t row = row_hash(a.seed, i, h);
                            Logits<T>::logits(near, query.data(), i, h, edges, w.data());
                            exponentials(w.data(), *at(b.log_sum, i * H + h), count);
                            dots(grad.data(), rows_of<T>(near.value, shared, edges), senders, count, near.value_dim, Exact(1),
                                 back.data());
                            for (int64_t n = 0; n < count; ++n) {
                                const int64_t e = edges.edge + n;
                                if (G) back[n] += dot(at(b.grad_edge, (i * H + h) * G), at(a.value_edge, e * G), G);
                                if (b.grad_weights) back[n] += *at(b.grad_weights, e * H + h);
                                const Exact keep = a.keep_from ? kept<Exact>(a, row, senders[n]) : Exact(1);
                                if (b.grad_value_edge) {
                                    add(at(b.grad_value_edge, e * G), w[n] * keep, at(b.grad_edge, (i * H + h) * G), G);
                                }
                                w[n] *= keep * back[n] - delta;
                                if (b.grad_logit) *at(b.grad_logit, e * H + h) = w[n];
                                if (b.grad_table) {
                                    const int64_t offset = senders[n] - a.position[i] - a.table_lowest;
                                    const int64_t t = std::clamp<int64_t>(offset, 0, a.table_rows - 1);
                                    *at(b.grad_table, ((s * a.table_rows) + t) * H + h) += w[n];
                                }
                            }
                            const ReceiverGradients<Exact> to{
                                a.score == kDot && !asks ? nullptr : grad_query.data(), summed.data(),
                                b.grad_vector ? at(b.grad_vector, (s * H + h) * D) : nullptr,
                                b.grad_inner_weight ? at(b.grad_inner_weight, (s * H + h) * a.key_features * D) : nullptr,
                                b.grad_key_edge, b.grad_inner};
                            LogitGradients<T>::spread(near, query.data(), i, h, edges, w.data(), to);
                        });
                        Exact* to = of.whole ? nullptr : at(b.partial, item * H * (D + F));
                        if (asks) std::copy_n(grad_query.data(), D, of.whole ? at(b.grad_query, (i * H + h) * D) : to + h * D);
                        if (F) std::copy_n(summed.data(), F, of.whole ? at(b.summed_edge, (i * H + h) * F) : to + H * D + h * F);
                    }
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
        const PackedReceivers<T> packed(rows, a);
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            typename PackedReceivers<T>::View view = packed.widened(a, b);
            const Attend& near = view.near;
            Columns columns(rows);
            std::vector<Exact> key(near.dim, Exact(0)), value(near.value_dim, Exact(0)), grad_key(near.dim),
                grad_value(near.value_dim), w(kChunk), inner(kChunk), keep(kChunk), heard(kChunk), back(kChunk);
            for (int64_t stage = 0; stage < packed.stages; ++stage) {
                packed.fill(a, b, stage, view);
                // The query heads of one key head follow each other, and add to its gradients in this order.
                const int64_t each = packed.stages > 1 ? 1 : group, heads = H / packed.stages / each;
#pragma omp for schedule(dynamic, 32)
                for (int64_t n = 0; n < rows.num_items * heads; ++n) {
                    const int64_t item = n % rows.num_items, from = stage * each + n / rows.num_items * each, shared = from / group;
                    const Stretch of = stretch(rows, item);
                    const int64_t j = of.row;
                    if (j + kRowsAhead < rows.num_rows) {
                        if (a.score != kNone) ask(row_of<T>(a.key, j + kRowsAhead, shared), D);
                        ask(row_of<T>(a.value, j + kRowsAhead, shared), V);
                    }
                    if (a.score != kNone) copy_row<T>(key.data(), a.key, j, shared, D);
                    copy_row<T>(value.data(), a.value, j, shared, V);
                    Exact* part = of.whole ? nullptr : at(b.partial, item * Hk * (D + V));
                    Exact* to_key = of.whole ? at(b.grad_key, (j * Hk + shared) * D) : part + shared * D;
                    Exact* to_value = of.whole ? at(b.grad_value, (j * Hk + shared) * V) : part + Hk * D + shared * V;
                    const bool begins = from % group == 0;
                    if (asks && !begins) std::copy_n(to_key, D, grad_key.data());
                    if (!begins) std::copy_n(to_value, V, grad_value.data());
                    if (begins) std::fill(grad_key.begin(), grad_key.end(), Exact(0));
                    if (begins) std::fill(grad_value.begin(), grad_value.end(), Exact(0));
                    columns.each(of, [&](const Edges& edges) {
                        const int32_t* receivers = edges.columns;
                        const int64_t count = edges.count, place = edges.edge;
                        for (int64_t h = from; h < from + each; ++h) {
                            const HeadRows<T> rows_of_grad = rows_of<T>(view.grads, h, edges);
                            Logits<T>::logits_by_sender(near, key.data(), j, h, edges, b.edge_number, inner.data(), w.data());
                            for (int64_t n = 0; n < count; ++n) w[n] -= *row_of<Exact>(view.log_sums, receivers[n], h);
                            exponentials(w.data(), Exact(0), count);
                            for (int64_t n = 0; n < count; ++n) {
                                keep[n] = a.keep_from ? kept<Exact>(a, row_hash(a.seed, receivers[n], h), j) : Exact(1);
                                heard[n] = w[n] * keep[n];
                            }
                            add_rows(grad_value.data(), heard.data(), rows_of_grad, receivers, count, near.value_dim);
                            if (!asks) continue;
                            dots(value.data(), rows_of_grad, receivers, count, near.value_dim, Exact(1), back.data());
                            for (int64_t n = 0; n < count; ++n) {
                                const int64_t i = receivers[n];
                                if (G) {
                                    const Exact* features = at(a.value_edge, b.edge_number[place + n] * G);
                                    back[n] += dot(at(b.grad_edge, (i * H + h) * G), features, G);
                                }
                                if (b.grad_weights) back[n] += *at(b.grad_weights, b.edge_number[place + n] * H + h);
                                w[n] *= keep[n] * back[n] - *row_of<Exact>(view.deltas, i, h);
                            }
                            LogitGradients<T>::spread_by_sender(near, key.data(), h, edges, b.edge_number, inner.data(), w.data(),
                                                                grad_key.data());
                        }
                    });
                    if (asks) std::copy_n(grad_key.data(), D, to_key);
                    std::copy_n(grad_value.data(), V, to_value);
                }
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
