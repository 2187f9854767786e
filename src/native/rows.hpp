// What every kernel walks: rows of runs, and the arrays of their nodes.
#pragma once

#include <cstdint>

namespace edgewise {

enum Storage : int64_t { kFloat32 = 0, kFloat64 = 1, kBFloat16 = 2, kFloat16 = 3 };

// Bytes of a number as it is stored, and of one that is accumulated in.
inline int64_t bytes_stored(Storage storage) { return storage == kFloat64 ? 8 : storage == kFloat32 ? 4 : 2; }
inline int64_t bytes_exact(Storage storage) { return storage == kFloat64 ? 8 : 4; }

// Rows and the runs of columns that each hears, cut into items: stretches of one row's edges, short enough that one
// hub does not keep the other threads waiting. Without cuts an item is a row.
struct Rows {
    int64_t num_rows;
    const int64_t* run_offsets;
    const int32_t* run_start;
    const int32_t* run_stop;
    const int64_t* run_edge_start;
    int64_t num_items;
    const int64_t* item_row;    // null: item k is row k, whole
    const int64_t* item_begin;  // edge numbers
    const int64_t* item_end;
    const int64_t* row_item;    // first item of each row, [rows + 1]; null with item_row
};

// [nodes, heads, dim] in any strides with a unit last one, counted in elements.
template <typename Pointer>
struct Nodes {
    Pointer data;
    int64_t node_stride;
    int64_t head_stride;
};

}  // namespace edgewise
