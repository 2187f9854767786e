// The rows of a graph in another order of its nodes.
#pragma once

#include <cstdint>
#include <vector>

#include "rows.hpp"

namespace edgewise {

struct Reordered {
    std::vector<int64_t> run_offsets, run_edge_start;
    std::vector<int32_t> run_start, run_stop;
    std::vector<int32_t> rank;  // of each node in the order

    Rows rows() const;
};

// Row k is that of node order[k], and so are its columns; `turned` is the transpose. Linear in nodes and edges.
Reordered reordered(const Rows& rows, const Rows& turned, const int32_t* order);

// The other way round: runs of columns by place in the order become those of nodes, row by row.
void restore(const Reordered& of, const int32_t* order, std::vector<int64_t>& run_offsets, std::vector<int32_t>& run_start,
             std::vector<int32_t>& run_stop);

}  // namespace edgewise
