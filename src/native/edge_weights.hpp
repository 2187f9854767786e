// The weights of some edges of a row, whichever way they come.
#pragma once

#include <algorithm>

#include "aggregate.hpp"
#include "stored.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {

// w[n] of one head. Without weights and factor `w` is to hold ones already.
template <typename Exact>
inline void edge_weights(const Aggregate& a, int64_t head, const Edges& edges, Exact* w) {
    const int64_t count = edges.count, edge = edges.edge;
    const Exact* weight = static_cast<const Exact*>(a.weight);
    if (weight) {
        for (int64_t n = 0; n < count; ++n) {
            const int64_t e = a.edge_number ? a.edge_number[edge + n] : edge + n;
            w[n] = weight[e * a.num_heads + head];
        }
    }
    if (a.factor) {
        const Exact* factor = static_cast<const Exact*>(a.factor);
        for (int64_t n = 0; n < count; ++n) w[n] = weight ? w[n] * factor[edges.columns[n]] : factor[edges.columns[n]];
    }
}

// One node's numbers, side by side, into storage.
template <typename T, typename Exact> inline void store_row(void* to, int64_t row, const Exact* from, int64_t width) {
    T* at = static_cast<T*>(to) + row * width;
    for (int64_t d = 0; d < width; ++d) store(at + d, from[d]);
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
