// Tiles: receivers side by side that hear the same senders, computed like small dense attentions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "attend.hpp"
#include "cpu.hpp"

namespace edgewise {

constexpr int64_t kTileRows = 32;  // receivers of a tile: the bits of a mask

// Which edges of a graph lie in tiles, and which are left to be taken edge by edge.
//
// A tile is kTileRows receivers and stretches of senders; the bits of a stretch's mask say which of the receivers hear
// it. A few tiles make a block, whose senders, in pieces, are numbered from 0: their `near` numbers. Blocks are grouped
// into segments. Every sender belongs to the first segment that hears it, which adds to the sender's gradient; other
// segments add to slots of their own, and these are summed up in their order. So no two threads add to one place, and
// the result does not depend on how many threads there are.
//
// Nodes may stand in an order in which those who hear the same are near: receivers and senders are then places in it.
struct Tiles {
    std::vector<int32_t> order;                  // [receivers] the node at each place; empty: node k is at place k
    std::vector<int32_t> row;                    // [tiles] first receiver
    std::vector<int64_t> stretch_offsets;        // [tiles + 1]
    std::vector<int32_t> start, stop, near;      // [stretches] senders, and the near number of the first
    std::vector<uint32_t> mask;                  // [stretches]
    std::vector<int64_t> block_offsets;          // [blocks + 1] tiles
    std::vector<int64_t> piece_offsets;          // [blocks + 1]
    std::vector<int32_t> piece_start, piece_stop, piece_near;  // [pieces]
    std::vector<int32_t> piece_slot;             // [pieces] slot of the first sender; -1: its own gradient
    std::vector<int64_t> segment_offsets;        // [segments + 1] blocks
    std::vector<int32_t> slot_sender;            // [slots] a node
    std::vector<int64_t> rest_offsets;           // [receivers + 1] runs that are in no tile, of nodes as the graph has them
    std::vector<int32_t> rest_start, rest_stop;
    int64_t num_rows = 0, num_edges = 0, rest_edges = 0, num_pairs = 0;  // num_pairs: edges and blanks of all tiles

    int64_t node(int64_t place) const { return order.empty() ? place : order[place]; }
    // The same of a place that may lie past the end, where nothing is read but asked for.
    int64_t node_near(int64_t place) const { return order.empty() ? place : order[std::min<int64_t>(place, order.size() - 1)]; }
    int64_t num_tiles() const { return static_cast<int64_t>(row.size()); }
    int64_t num_blocks() const { return static_cast<int64_t>(block_offsets.size()) - 1; }
    int64_t num_segments() const { return static_cast<int64_t>(segment_offsets.size()) - 1; }
    int64_t num_slots() const { return static_cast<int64_t>(slot_sender.size()); }
};

// What is taken edge by edge costs so many pairs of a tile, an edge, a row with edges and one without; and a row of a
// tile besides its pairs. Fitted to what benchmarks/routes.py measures.
struct TileCosts {
    double edge_in_run, edge_alone, edge_row, silent_row, tile_row;
};

Tiles find_tiles(const Rows& rows, int64_t num_senders, const TileCosts& costs);
// The same with nodes in an order; `turned` is the transpose, and receivers and senders are the same nodes.
Tiles find_tiles_in_order(const Rows& rows, const Rows& turned, const int32_t* order, const TileCosts& costs);

struct TileForward {
    Nodes<void*> out;      // storage [R, H, V]
    void* rest;            // storage [R, H, V]: what rounding took from a half-precision out; null: not asked for
    void* log_sum;         // exact [R, H]; +inf where nobody is heard
    const void* so_far;    // exact [R, H, 2] of Forward: rows go on from this and out; null: they begin
};

// Gradients are added to what stands there.
struct TileBackward {
    Nodes<const void*> grad, out;  // storage [R, H, V]
    const void* rest;              // storage [R, H, V]; null: out is exact
    const void* log_sum;           // exact [R, H]
    void* grad_query;              // exact [R, H, D]; null: not asked for
    void* grad_key;                // exact [S, H_kv, D]; null
    void* grad_value;              // exact [S, H_kv, V]; null
    void* grad_table;              // exact [segments, T, H], zeroed; null
    void* slots;                   // exact [slots, H_kv, D + V], zeroed; null: there are none
};

struct TileKernels {
    void (*forward)(const Tiles&, const Attend&, const TileForward&);
    void (*backward)(const Tiles&, const Attend&, const TileBackward&);
};

namespace baseline {
void tile_forward(const Tiles&, const Attend&, const TileForward&);
void tile_backward(const Tiles&, const Attend&, const TileBackward&);
}
namespace v3 {
void tile_forward(const Tiles&, const Attend&, const TileForward&);
void tile_backward(const Tiles&, const Attend&, const TileBackward&);
}
namespace v4 {
void tile_forward(const Tiles&, const Attend&, const TileForward&);
void tile_backward(const Tiles&, const Attend&, const TileBackward&);
}

TileKernels tile_kernels(Level level);

}  // namespace edgewise
