// One head of many nodes, side by side.
#pragma once

#include <algorithm>
#include <optional>

#include "attend.hpp"
#include "room.hpp"
#include "stored.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {

template <typename Exact> inline int64_t padded(int64_t dim) {
    return (dim + kLanes<Exact> - 1) / kLanes<Exact> * kLanes<Exact>;
}

// Copies of one head, filled up with 0 to `width` channels. Where nodes have many heads, the rows of one lie pages
// apart: read in any order, each would cost a miss in the table of pages, and together they would share a few sets of
// every cache.
template <typename T> class Packed {
  public:
    Packed(int64_t nodes, int64_t dim, int64_t many) : width(many), nodes_(nodes), dim_(dim), data_(nodes * many) {}

    // Inside a parallel region, by all threads. The copies stand for every head.
    Nodes<const void*> fill(const Nodes<const void*>& x, int64_t head) const {
#pragma omp for schedule(static)
        for (int64_t node = 0; node < nodes_; ++node) {
            if (node + 2 * kAhead < nodes_) ask(row_of<T>(x, node + 2 * kAhead, head), dim_);
            T* to = data_ + node * width;
            std::copy_n(row_of<T>(x, node, head), dim_, to);
            std::fill(to + dim_, to + width, T{});
        }
        return {static_cast<const T*>(data_), width, 0};
    }

    const int64_t width;

  private:
    int64_t nodes_, dim_;
    Room<T> data_;
};

// Whether copies of one head at a time pay: rows are read a few times each, and more of them than stay near anyway.
template <typename T> inline bool pays_to_pack(int64_t edges, int64_t nodes, int64_t numbers_each) {
    constexpr int64_t kNear = 1 << 16;  // bytes
    return edges >= 2 * nodes && nodes * numbers_each * static_cast<int64_t>(sizeof(T)) > kNear;
}
// Dot products and sums may run over channels that are 0; GATv2's vector has none.
template <typename T> inline int64_t width_of_key(const Attend& a) {
    return a.score == kDot ? padded<typename ExactOf<T>::type>(a.dim) : a.dim;
}

// Keys and values of the senders, a shared head after the other; or as they lie, all at once, where copies do not pay.
template <typename T> class PackedSenders {
  public:
    PackedSenders(const Rows& rows, const Attend& a) : stages(1) {
        const int64_t edges = rows.run_edge_start[rows.run_offsets[rows.num_rows]];
        if (!pays_to_pack<T>(edges, a.num_senders, a.num_shared * (a.dim + a.value_dim))) return;
        stages = a.num_shared;
        if (a.score != kNone) keys_.emplace(a.num_senders, a.dim, width_of_key<T>(a));
        values_.emplace(a.num_senders, a.value_dim, padded<typename ExactOf<T>::type>(a.value_dim));
    }
    // An attention over the channels of the copies.
    Attend widened(const Attend& a) const {
        Attend near = a;
        if (keys_) near.dim = keys_->width;
        if (values_) near.value_dim = values_->width;
        return near;
    }
    // Inside a parallel region, by all threads: `near` reads the copies of one stage.
    void fill(const Attend& a, int64_t stage, Attend& near) const {
        if (keys_) near.key = keys_->fill(a.key, stage);
        if (values_) near.value = values_->fill(a.value, stage);
    }
    int64_t stages;

  private:
    std::optional<Packed<T>> keys_, values_;
};

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
