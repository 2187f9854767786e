// Backward: by receiver the weights are recomputed, and all that belongs to receivers and edges is summed up; what each
// edge weighs is left for the pass by sender, over the transposed graph, which only sums. Every number is written by one
// thread in one order, so results do not depend on how many threads there are.
#include "attend.hpp"

#include <algorithm>
#include <vector>

#include "abreast_backward.hpp"
#include "dropout.hpp"
#include "join.hpp"
#include "logit_gradients.hpp"
#include "packed.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {
namespace {

// What the pass by receiver leaves of an edge and head: the weight of its value, and what spread_by_sender takes of it.
template <typename Exact> struct Left {
    Exact weight, pull;
};

// The heads that are computed together: all, over arrays as they lie, or those of one packed key head.
template <typename Exact> struct Heads {
    int64_t first, last;
    Left<Exact>* left;  // [E, last - first]; null: nothing is asked for by sender

    int64_t count() const { return last - first; }
    Left<Exact>* of(int64_t edge, int64_t head) const { return left + edge * count() + head - first; }
};

template <typename T> struct ByReceiver : LogitGradients<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;

    ByReceiver(const Rows& rows, const Attend& a, const Backward& b, int64_t width, int64_t wide)
        : rows_(rows), a_(a), b_(b), F_(a.query_edge ? a.key_features : 0), columns_(rows), query_(width), grad_(wide),
          whole_(wide), grad_query_(width), summed_(F_), w_(kChunk), back_(kChunk), keep_(kChunk, Exact(1)) {}

    // Inside a parallel region. `near` is the attention, over packed copies where there are any.
    void run(const Attend& near, const Heads<Exact>& heads) {
        // What all rows share is summed up block of items by block of items.
        const bool shares = b_.grad_vector || b_.grad_inner_weight || b_.grad_table;
        const int64_t all = rows_.num_items, block = std::max<int64_t>((all + kVectorBlocks - 1) / kVectorBlocks, 1);
        const int64_t step = shares ? block : kItems, steps = (all + step - 1) / step;
#pragma omp for schedule(dynamic, 1)
        for (int64_t s = 0; s < steps; ++s) {
            const int64_t end = std::min(all, (s + 1) * step);
            for (int64_t first = s * step; first < end; first += kItems) {
                const int64_t last = std::min(end, first + kItems);
                columns_.take(first, last);
                for (int64_t item = first; item < last; ++item) {
                    for (int64_t head = heads.first; head < heads.last; ++head) answer(near, heads, s, item, head);
                }
            }
        }
    }

  private:
    void answer(const Attend& near, const Heads<Exact>& heads, int64_t step, int64_t item, int64_t h) {
        const Stretch of = stretch(rows_, item);
        const int64_t i = of.row, H = a_.num_heads, D = a_.dim, V = a_.value_dim, place = i * H + h;
        if (i + kRowsAhead < rows_.num_rows) {
            if (a_.score != kNone) ask(row_of<T>(a_.query, i + kRowsAhead, h), D);
            ask(row_of<T>(b_.grad, i + kRowsAhead, h), V);
            ask(row_of<T>(b_.out, i + kRowsAhead, h), V);
        }
        if (a_.score != kNone) copy_row<T>(query_.data(), a_.query, i, h, D);
        copy_row<T>(grad_.data(), b_.grad, i, h, V);
        std::fill(grad_query_.begin(), grad_query_.end(), Exact(0));
        std::fill(summed_.begin(), summed_.end(), Exact(0));
        const Exact delta = delta_of(i, h);
        columns_.each(of, [&](const Edges& edges) {
            weigh(near, i, h, edges);
            Left<Exact>* left = heads.left ? heads.of(edges.edge, h) : nullptr;
            for (int64_t n = 0; left && n < edges.count; ++n) left[n * heads.count()].weight = w_[n] * keep_[n];
            for (int64_t n = 0; b_.grad_value_edge && n < edges.count; ++n) {
                const int64_t G = a_.value_features;
                add(at(b_.grad_value_edge, (edges.edge + n) * G), w_[n] * keep_[n], at(b_.grad_edge, place * G), G);
            }
            for (int64_t n = 0; n < edges.count; ++n) w_[n] *= keep_[n] * back_[n] - delta;
            keep_logit_gradients(step, i, h, edges);
            const ReceiverGradients<Exact> to{
                a_.score == kDot && !b_.grad_query ? nullptr : grad_query_.data(), summed_.data(),
                b_.grad_vector ? at(b_.grad_vector, (step * H + h) * D) : nullptr,
                b_.grad_inner_weight ? at(b_.grad_inner_weight, (step * H + h) * a_.key_features * D) : nullptr,
                b_.grad_key_edge, b_.grad_inner};
            LogitGradients<T>::spread(near, query_.data(), i, h, edges, w_.data(), to);
            for (int64_t n = 0; left && n < edges.count; ++n) left[n * heads.count()].pull = w_[n];
        });
        Exact* to = of.whole ? nullptr : at(b_.partial, item * H * (D + F_));
        if (b_.grad_query) std::copy_n(grad_query_.data(), D, of.whole ? at(b_.grad_query, place * D) : to + h * D);
        if (b_.summed_edge) std::copy_n(summed_.data(), F_, of.whole ? at(b_.summed_edge, place * F_) : to + H * D + h * F_);
    }

    // grad · out and what else the softmax takes off every edge's own gradient, in the order in which that is summed up,
    // so that a row of one edge has a gradient of exactly 0.
    Exact delta_of(int64_t i, int64_t h) {
        const int64_t V = a_.value_dim, G = a_.value_features, place = i * a_.num_heads + h;
        copy_row<T>(whole_.data(), b_.out, i, h, V);
        if (b_.rest) {
            const T* rest = static_cast<const T*>(b_.rest) + place * V;
            for (int64_t d = 0; d < V; ++d) whole_[d] += exact(rest[d]);
        }
        const int32_t first = 0;
        Exact delta = 0;
        dots(grad_.data(), HeadRows<Exact>{whole_.data(), 0}, &first, 1, static_cast<int64_t>(grad_.size()), Exact(1), &delta);
        if (G) delta += dot(at(b_.grad_edge, place * G), at(b_.heard_edge, place * G), G);
        if (b_.grad_weights) delta += *at(b_.weights_share, place);
        return delta;
    }

    // Of some edges of a receiver: the weights, what dropout multiplies them with, and the gradients that arrive at them.
    void weigh(const Attend& near, int64_t i, int64_t h, const Edges& edges) {
        const int64_t count = edges.count, G = a_.value_features, H = a_.num_heads, shared = h * a_.num_shared / H;
        Logits<T>::logits(near, query_.data(), i, h, edges, w_.data());
        exponentials(w_.data(), *at(b_.log_sum, i * H + h), count);
        dots(grad_.data(), rows_of<T>(near.value, shared, edges), edges.columns, count, near.value_dim, Exact(1), back_.data());
        for (int64_t n = 0; G && n < count; ++n) {
            back_[n] += dot(at(b_.grad_edge, (i * H + h) * G), at(a_.value_edge, (edges.edge + n) * G), G);
        }
        for (int64_t n = 0; b_.grad_weights && n < count; ++n) back_[n] += *at(b_.grad_weights, (edges.edge + n) * H + h);
        if (a_.keep_from) {
            const uint32_t row = row_hash(a_.seed, i, h);
            for (int64_t n = 0; n < count; ++n) keep_[n] = kept<Exact>(a_, row, edges.columns[n]);
        }
    }

    // Of the logits of some edges: to the edges, and to the offset table.
    void keep_logit_gradients(int64_t step, int64_t i, int64_t h, const Edges& edges) const {
        const int64_t H = a_.num_heads;
        for (int64_t n = 0; b_.grad_logit && n < edges.count; ++n) *at(b_.grad_logit, (edges.edge + n) * H + h) = w_[n];
        for (int64_t n = 0; b_.grad_table && n < edges.count; ++n) {
            const int64_t offset = edges.columns[n] - a_.position[i] - a_.table_lowest;
            const int64_t t = std::clamp<int64_t>(offset, 0, a_.table_rows - 1);
            *at(b_.grad_table, (step * a_.table_rows + t) * H + h) += w_[n];
        }
    }

    const Rows& rows_;
    const Attend& a_;
    const Backward& b_;
    const int64_t F_;
    Columns columns_;
    std::vector<Exact> query_, grad_, whole_, grad_query_, summed_, w_, back_, keep_;
};

template <typename T> struct BySender : LogitGradients<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;

    BySender(const Rows& turned, const Attend& a, const Backward& b, int64_t width, int64_t wide)
        : rows_(turned), a_(a), b_(b), columns_(turned), key_(a.dim), grad_key_(width), grad_value_(wide), weight_(kChunk),
          pull_(kChunk) {}

    // Inside a parallel region, for heads that are among `heads`. `near` and `grads` may be packed copies.
    void run(const Attend& near, const Nodes<const void*>& grads, const Heads<Exact>& heads, int64_t first, int64_t last) {
        const int64_t all = rows_.num_items, blocks = (all + kItems - 1) / kItems;
#pragma omp for schedule(dynamic, 1)
        for (int64_t block = 0; block < blocks; ++block) {
            const int64_t end = std::min(all, (block + 1) * kItems);
            columns_.take(block * kItems, end);
            for (int64_t item = block * kItems; item < end; ++item) {
                for (int64_t head = first; head < last; ++head) sum_up(near, grads, heads, item, head);
            }
        }
    }

  private:
    // The query heads of one key head follow each other, and add to its gradients in this order.
    void sum_up(const Attend& near, const Nodes<const void*>& grads, const Heads<Exact>& heads, int64_t item, int64_t h) {
        const Stretch of = stretch(rows_, item);
        const int64_t j = of.row, Hk = a_.num_shared, group = a_.num_heads / Hk, shared = h / group, D = a_.dim, V = a_.value_dim;
        Exact* part = of.whole ? nullptr : at(b_.partial_senders, item * Hk * (D + V));
        Exact* to_key = !b_.grad_key ? nullptr : of.whole ? at(b_.grad_key, (j * Hk + shared) * D) : part + shared * D;
        Exact* to_value = !b_.grad_value ? nullptr : of.whole ? at(b_.grad_value, (j * Hk + shared) * V) : part + Hk * D + shared * V;
        begin(to_key, D, h % group == 0, grad_key_);
        begin(to_value, V, h % group == 0, grad_value_);
        if (to_key && a_.score == kGATv2) copy_row<T>(key_.data(), a_.key, j, shared, D);
        columns_.each(of, [&](const Edges& edges) {
            const int64_t* number = b_.edge_number + edges.edge;
            for (int64_t n = 0; n < edges.asks_ahead; ++n) __builtin_prefetch(heads.of(number[n + kAhead], h), 0, 2);
            for (int64_t n = 0; n < edges.count; ++n) {
                const Left<Exact> left = *heads.of(number[n], h);
                weight_[n] = left.weight;
                pull_[n] = left.pull;
            }
            if (to_value) add_rows(grad_value_.data(), weight_.data(), rows_of<T>(grads, h, edges), edges.columns, edges.count, near.value_dim);
            if (to_key) LogitGradients<T>::spread_by_sender(near, key_.data(), h, edges, b_.edge_number, pull_.data(), grad_key_.data());
        });
        if (to_key) std::copy_n(grad_key_.data(), D, to_key);
        if (to_value) std::copy_n(grad_value_.data(), V, to_value);
    }
    static void begin(const Exact* from, int64_t dim, bool anew, std::vector<Exact>& sum) {
        if (from && !anew) std::copy_n(from, dim, sum.data());
        else std::fill(sum.begin(), sum.end(), Exact(0));
    }

    const Rows& rows_;
    const Attend& a_;
    const Backward& b_;
    Columns columns_;
    std::vector<Exact> key_, grad_key_, grad_value_, weight_, pull_;
};

template <typename T> struct AttendBackward : Stored<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;

    static void run(const Rows& rows, const Rows& turned, const Attend& a, const Backward& b) {
        if (goes_abreast(a) && !b.grad_weights) return run_abreast(rows, turned, a, b);
        const int64_t H = a.num_heads, Hk = a.num_shared, D = a.dim, V = a.value_dim, F = a.query_edge ? a.key_features : 0;
        const bool packs = pays_to_pack<T>(rows, a), by_sender = b.edge_number != nullptr;
        const PackedPair<T> senders(a, a.num_senders), receivers(a, a.num_receivers);
        const Room<T> room(packs ? std::max(senders.numbers(), receivers.numbers()) : 0);
        const int64_t stages = packs ? Hk : 1, each = H / stages;
        const Room<Left<Exact>> left(by_sender ? rows.run_edge_start[rows.run_offsets[rows.num_rows]] * each : 0);
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            Attend near = a;
            Nodes<const void*> grads = b.grad;
            if (packs) near.dim = senders.width, near.value_dim = senders.wide;
            ByReceiver<T> receiver(rows, a, b, near.dim, near.value_dim);
            BySender<T> sender(turned, a, b, near.dim, near.value_dim);
            for (int64_t stage = 0; stage < stages; ++stage) {
                const Heads<Exact> heads{stage * each, (stage + 1) * each, by_sender ? static_cast<Left<Exact>*>(left) : nullptr};
                if (packs) near.key = a.key, near.value = a.value, senders.fill(room, near.key, near.value, stage);
                receiver.run(near, heads);
                if (by_sender && !packs) sender.run(near, grads, heads, heads.first, heads.last);
                for (int64_t head = heads.first; by_sender && packs && head < heads.last; ++head) {
                    near.query = a.query, grads = b.grad, receivers.fill(room, near.query, grads, head);
                    sender.run(near, grads, heads, head, head + 1);
                }
            }
            if (rows.item_row) join<Exact>(rows, b.partial, {{b.grad_query, H * D}, {b.summed_edge, H * F}});
            if (by_sender && turned.item_row) join<Exact>(turned, b.partial_senders, {{b.grad_key, Hk * D}, {b.grad_value, Hk * V}});
        }
    }

    static void run_abreast(const Rows& rows, const Rows& turned, const Attend& a, const Backward& b) {
        const int64_t H = a.num_heads, V = a.value_dim, wide = padded<Exact>(V), edges = rows.run_edge_start[rows.run_offsets[rows.num_rows]];
        const bool by_sender = b.edge_number != nullptr;
        const Filled<T, Exact> query(a.query, a.num_receivers, H, 1, 1), key(a.key, a.num_senders, H, 1, 1);
        const Filled<T, T> value(a.value, a.num_senders, H, V, wide, wide != V);
        const Filled<T, T> grads(b.grad, a.num_receivers, H, V, wide, by_sender && b.grad_value && wide != V);
        const Room<Exact> room(by_sender ? 2 * edges * H : 0);
        const LeftAbreast<Exact> left{by_sender ? static_cast<Exact*>(room) : nullptr, H};
        Attend near = a;
        near.query = query.nodes(), near.key = key.nodes(), near.value = value.nodes();
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            query.fill(), key.fill(), value.fill(), grads.fill();
            ByReceiverAbreast<T> receiver(near, b, wide);
            each_item<Exact>(rows, H, [&](const Columns& columns, int64_t item, HeadBlock heads) {
                receiver.answer(columns, stretch(rows, item), item, heads, left);
            });
            BySenderAbreast<T> sender(a, b, grads.nodes(), wide);
            if (by_sender) each_item<Exact>(turned, H, [&](const Columns& columns, int64_t item, HeadBlock heads) {
                sender.sum_up(columns, stretch(turned, item), item, heads, left);
            });
            if (rows.item_row) join<Exact>(rows, b.partial, {{b.grad_query, H}});
            if (by_sender && turned.item_row) join<Exact>(turned, b.partial_senders, {{b.grad_key, H}, {b.grad_value, H * V}});
        }
    }
};

}  // namespace

void attend_backward(const Rows& rows, const Rows& turned, const Attend& a, const Backward& b) {
    by_storage<AttendBackward>(a.storage, rows, turned, a, b);
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
