// Forward with heads abreast.
#pragma once

#include <limits>

#include "abreast.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {

// What a receiver has heard so far in the heads of a block.
template <typename T> class HeardAbreast : Abreast<T> {
  public:
    using typename Stored<T>::Exact;
    using typename Abreast<T>::Vector;
    using Abreast<T>::W;
    using Abreast<T>::a;
    using Abreast<T>::heads;
    using Stored<T>::at;

    // `near` is the attention over Filled arrays; `wide` are the channels of its values.
    HeardAbreast(const Attend& near, int64_t wide) : Abreast<T>(near), wide_(wide), sum_(W * wide), logits_(kChunk * W) {}

    void hear(const Forward& f, const Columns& columns, const Stretch& of, int64_t item, HeadBlock block) {
        Abreast<T>::begin(of.row, block);
        largest_ = Vector{} - std::numeric_limits<Exact>::infinity();
        mass_ = Vector{};
        std::fill(sum_.begin(), sum_.end(), Exact(0));
        columns.each(of, [&](const Edges& edges) { hear(edges); });
        if (of.whole) end(f, of.row);
        else keep(f, item);
    }

  private:
    void hear(const Edges& edges) {
        Exact* logits = logits_.data();
        const Vector before = largest_;
        for (int64_t n = 0; n < edges.count; ++n) {
            if (n < edges.asks_ahead) Abreast<T>::ask(a.value, edges.ahead[n], wide_);
            const Vector x = Abreast<T>::logit(Abreast<T>::inside(edges.columns[n], edges.edge + n), edges.edge + n);
            put<Exact>(logits + n * W, x);
            largest_ = x > largest_ ? x : largest_;
        }
        // Where all logits are -inf, nothing is heard, and nothing must become NaN.
        const Vector shift = largest_ == -std::numeric_limits<Exact>::infinity() ? Vector{} : largest_;
        if (heard_before(before)) shrink(exponential(before - shift));
        for (int64_t n = 0; n < edges.count; ++n) {
            Vector w = exponential(load(logits + n * W) - shift);
            mass_ += w;
            if (a.keep_from) w *= Abreast<T>::kept_of(edges.columns[n]);
            add_heads(sum_.data(), w, row_of<T>(a.value, edges.columns[n], heads.first), a.value.head_stride, heads.count, wide_);
        }
    }
    bool heard_before(Vector before) const {
        for (int64_t lane = 0; lane < W; ++lane) {
            if (before[lane] != largest_[lane] && mass_[lane] != 0) return true;
        }
        return false;
    }
    void shrink(Vector by) {
        mass_ *= by;
        for (int64_t h = 0; h < heads.count; ++h) {
            for (int64_t d = 0; d < wide_; ++d) sum_[h * wide_ + d] *= by[h];
        }
    }

    void end(const Forward& f, int64_t receiver) const {
        for (int64_t h = 0; h < heads.count; ++h) {
            const int64_t head = heads.first + h, place = receiver * a.num_heads + head;
            const Exact mass = mass_[h], share = mass == 0 ? Exact(0) : 1 / mass, *sum = sum_.data() + h * wide_;
            const int64_t at_out = receiver * f.out.node_stride + head * f.out.head_stride;
            T* out = static_cast<T*>(f.out.data) + at_out;
            store_scaled(out, sum, share, a.value_dim);
            if (f.rest) {
                T* rest = static_cast<T*>(f.rest) + at_out;
                for (int64_t d = 0; d < a.value_dim; ++d) store(rest + d, sum[d] * share - exact(out[d]));
            }
            if (f.log_sum) *at(f.log_sum, place) = mass == 0 ? std::numeric_limits<Exact>::infinity() : largest_[h] + std::log(mass);
        }
    }
    void keep(const Forward& f, int64_t item) const {
        for (int64_t h = 0; h < heads.count; ++h) {
            Exact* part = at(f.partial, (item * a.num_heads + heads.first + h) * (2 + a.value_dim));
            part[0] = largest_[h];
            part[1] = mass_[h];
            std::copy_n(sum_.data() + h * wide_, a.value_dim, part + 2);
        }
    }

    const int64_t wide_;
    Vector largest_, mass_;
    std::vector<Exact> sum_, logits_;
};

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
