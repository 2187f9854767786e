// One head of many nodes, side by side.
#pragma once

#include <algorithm>

#include "attend.hpp"
#include "room.hpp"
#include "stored.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {

template <typename Exact> inline int64_t padded(int64_t dim) {
    return (dim + kLanes<Exact> - 1) / kLanes<Exact> * kLanes<Exact>;
}
// Dot products and sums may run over channels that are 0; GATv2's vector has none.
template <typename T> inline int64_t width_of_key(const Attend& a) {
    if (a.score == kNone) return 0;
    return a.score == kDot ? padded<typename ExactOf<T>::type>(a.dim) : a.dim;
}

// Copies of one head of two arrays, keys and values or queries and the gradients that arrive, filled up with 0 to whole
// vectors. Where nodes have many heads, the rows of one lie pages apart: read in any order, each would cost a miss in the
// table of pages, and together they would share a few sets of every cache.
template <typename T> class PackedPair {
  public:
    PackedPair(const Attend& a, int64_t nodes)
        : width(width_of_key<T>(a)), wide(padded<typename ExactOf<T>::type>(a.value_dim)), nodes_(nodes),
          dim_(width ? a.dim : 0), value_dim_(a.value_dim) {}

    int64_t numbers() const { return nodes_ * (width + wide); }

    // Inside a parallel region, by all threads: x and y become copies that stand for every head.
    void fill(T* room, Nodes<const void*>& x, Nodes<const void*>& y, int64_t head) const {
#pragma omp for schedule(static)
        for (int64_t node = 0; node < nodes_; ++node) {
            T* to = room + node * (width + wide);
            copy(x, node, head, dim_, width, to);
            copy(y, node, head, value_dim_, wide, to + width);
        }
        x = {static_cast<const T*>(room), width + wide, 0};
        y = {static_cast<const T*>(room) + width, width + wide, 0};
    }

    const int64_t width, wide;

  private:
    void copy(const Nodes<const void*>& x, int64_t node, int64_t head, int64_t dim, int64_t many, T* to) const {
        if (many == 0) return;
        if (node + 2 * kAhead < nodes_) ask(row_of<T>(x, node + 2 * kAhead, head), dim);
        std::copy_n(row_of<T>(x, node, head), dim, to);
        std::fill(to + dim, to + many, T{});
    }

    int64_t nodes_, dim_, value_dim_;
};

// Whether copies of one head at a time pay: rows are read often enough to make up for the copying, and are more than stay
// near anyway. Read as they lie, all heads of a node are at least next to each other.
template <typename T> inline bool pays_to_pack(const Rows& rows, const Attend& a) {
    constexpr int64_t kOften = 12, kNear = 1 << 19;  // bytes
    const int64_t edges = rows.run_edge_start[rows.run_offsets[rows.num_rows]], nodes = std::max(a.num_senders, a.num_receivers);
    const int64_t numbers = a.num_senders * a.num_shared * (a.dim + a.value_dim);
    return a.num_shared > 1 && edges >= kOften * nodes && numbers * static_cast<int64_t>(sizeof(T)) > kNear;
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
