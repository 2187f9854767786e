// Backward with heads abreast: by receiver, then by sender, as one head after the other.
#pragma once

#include <vector>

#include "abreast.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {

// What the pass by receiver leaves for the one by sender: of every edge the weights of its values in all heads, and then
// the gradients of its logits. null: nothing is asked for by sender.
template <typename Exact> struct LeftAbreast {
    Exact* data;
    int64_t heads;

    Exact* weights(int64_t edge) const { return data + 2 * edge * heads; }
    Exact* pulls(int64_t edge) const { return data + (2 * edge + 1) * heads; }
};

template <typename T> class ByReceiverAbreast : Abreast<T> {
  public:
    using typename Stored<T>::Exact;
    using typename Abreast<T>::Vector;
    using Abreast<T>::W;
    using Abreast<T>::a;
    using Abreast<T>::heads;
    using Stored<T>::at;

    ByReceiverAbreast(const Attend& near, const Backward& b, int64_t wide)
        : Abreast<T>(near), b_(b), wide_(wide), grad_(W * wide), out_(W * wide) {}

    void answer(const Columns& columns, const Stretch& of, int64_t item, HeadBlock block, const LeftAbreast<Exact>& left) {
        Abreast<T>::begin(of.row, block);
        const Vector log_sum = load_some(at(b_.log_sum, of.row * a.num_heads + heads.first), heads.count), delta = delta_of(of.row);
        Vector pull{};
        columns.each(of, [&](const Edges& edges) {
            for (int64_t n = 0; n < edges.count; ++n) {
                if (n < edges.asks_ahead) Abreast<T>::ask(a.value, edges.ahead[n], wide_);
                const int32_t sender = edges.columns[n];
                const int64_t edge = edges.edge + n, place = edge * a.num_heads + heads.first;
                const Vector inside = Abreast<T>::inside(sender, edge);
                const Vector weight = exponential(Abreast<T>::logit(inside, edge) - log_sum);
                const Vector kept = a.keep_from ? Abreast<T>::kept_of(sender) : Vector{} + 1;
                const T* value = row_of<T>(a.value, sender, heads.first);
                const Vector back = dot_heads(grad_.data(), value, a.value.head_stride, heads.count, wide_);
                const Vector logit = weight * (kept * back - delta), inner = logit * Abreast<T>::slope(inside);
                if (left.data) {
                    put_some(left.weights(edge) + heads.first, weight * kept, heads.count);
                    put_some(left.pulls(edge) + heads.first, inner, heads.count);
                }
                if (b_.grad_logit) put_some(at(b_.grad_logit, place), logit, heads.count);
                if (b_.grad_inner) put_some(at(b_.grad_inner, place), inner, heads.count);
                pull += inner;
            }
        });
        if (!b_.grad_query) return;
        put_some(at(of.whole ? b_.grad_query : b_.partial, (of.whole ? of.row : item) * a.num_heads + heads.first), pull, heads.count);
    }

  private:
    // grad · out, summed up in the order in which that of an edge is, so that a row of one edge has a gradient of exactly 0.
    Vector delta_of(int64_t receiver) {
        const int64_t V = a.value_dim;
        for (int64_t h = 0; h < heads.count; ++h) {
            const int64_t head = heads.first + h;
            Exact *grad = grad_.data() + h * wide_, *out = out_.data() + h * wide_;
            copy_row<T>(grad, b_.grad, receiver, head, V);
            copy_row<T>(out, b_.out, receiver, head, V);
            if (!b_.rest) continue;
            const T* rest = static_cast<const T*>(b_.rest) + (receiver * a.num_heads + head) * V;
            for (int64_t d = 0; d < V; ++d) out[d] += exact(rest[d]);
        }
        return dot_heads(grad_.data(), out_.data(), wide_, heads.count, wide_);
    }

    const Backward& b_;
    const int64_t wide_;
    std::vector<Exact> grad_, out_;  // of the heads of a block; 0 from value_dim on
};

template <typename T> class BySenderAbreast : Stored<T> {
  public:
    using typename Stored<T>::Exact;
    using Stored<T>::at;
    static constexpr int64_t W = kLanes<Exact>;

    // `grads` are Filled, with `wide` channels.
    BySenderAbreast(const Attend& a, const Backward& b, const Nodes<const void*>& grads, int64_t wide)
        : a_(a), b_(b), grads_(grads), wide_(wide), sum_(W * wide) {}

    void sum_up(const Columns& columns, const Stretch& of, int64_t item, HeadBlock heads, const LeftAbreast<Exact>& left) {
        const int64_t H = a_.num_heads, V = a_.value_dim;
        Lanes<Exact> pull{};
        std::fill(sum_.begin(), sum_.end(), Exact(0));
        columns.each(of, [&](const Edges& edges) {
            const int64_t* number = b_.edge_number + edges.edge;
            for (int64_t n = 0; n < edges.count; ++n) {
                if (n < edges.asks_ahead) ask_ahead(left.weights(number[n + kAhead]) + heads.first, edges.ahead[n], heads);
                pull += load_some(left.pulls(number[n]) + heads.first, heads.count);
                if (!b_.grad_value) continue;
                const Lanes<Exact> weight = load_some(left.weights(number[n]) + heads.first, heads.count);
                add_heads(sum_.data(), weight, row_of<T>(grads_, edges.columns[n], heads.first), grads_.head_stride, heads.count, wide_);
            }
        });
        Exact* part = of.whole ? nullptr : at(b_.partial_senders, item * H * (1 + V));
        if (b_.grad_key) put_some((of.whole ? at(b_.grad_key, of.row * H) : part) + heads.first, pull, heads.count);
        if (!b_.grad_value) return;
        Exact* to = of.whole ? at(b_.grad_value, of.row * H * V) : part + H;
        for (int64_t h = 0; h < heads.count; ++h) std::copy_n(sum_.data() + h * wide_, V, to + (heads.first + h) * V);
    }

  private:
    void ask_ahead(const Exact* left, int32_t receiver, HeadBlock heads) const {
        __builtin_prefetch(left, 0, 2);
        ask(row_of<T>(grads_, receiver, heads.first), heads.count * wide_);
    }

    const Attend& a_;
    const Backward& b_;
    const Nodes<const void*> grads_;
    const int64_t wide_;
    std::vector<Exact> sum_;
};

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
