// Sums and maxima over runs of senders: what the kernels of every instruction set take and give.
#pragma once

#include <cstdint>

#include "cpu.hpp"
#include "rows.hpp"

namespace edgewise {

// out_r = reduce_c w_rc x_c. "Exact" arrays hold what is accumulated in: float, or double for float64.
struct Aggregate {
    Storage storage;
    int64_t num_heads;           // of the weights; the heads of x and of the output divide them
    int64_t heads_in, heads_out;
    int64_t dim, features;       // raw edge features; 0: none
    Nodes<const void*> x;
    const void* weight;          // exact [E, H]; null: 1
    const int64_t* edge_number;  // of each edge of these rows in the order of the weights; null: they have one order
    const void* factor;          // exact [columns], times the weight; null: 1
    const void* edge;            // exact [E, F]
    int64_t num_threads;
};

// Sum or mean: of values by receiver, and of their gradients by sender over the transposed graph.
struct Sum {
    int64_t mean;      // 1: divided by the number of edges of the row
    void* out;         // storage [rows, heads out, D]
    void* heard_edge;  // exact [rows, H, F]: reduce_c w_rc e_rc; null: none
    void* partial;     // exact [items, heads out * D + H * F], for rows cut into items; null: none is cut
};

// The largest, channel by channel; heads out are H.
struct Maximum {
    void* out;      // storage [R, H, D]
    void* highest;  // exact [R, H, D], the same unrounded; null: not asked for
    void* share;    // exact [R, H, D], 1 / senders that tie for it; null: not asked for
    void* partial;  // exact [items, H, 2, D], for rows cut into items; null: none is cut
};

// Its derivative by sender, over the transposed graph: the gradients of values. Columns are receivers, x is the value.
struct MaximumSenders {
    const void* highest;  // exact [R, H, D]
    const void* grad;     // exact [R, H, D], times the share
    void* grad_value;     // storage [S, heads in, D]
    void* partial;        // exact [items, heads in * D]
};

// Its derivative by receiver: the gradients of weights.
struct MaximumWeights {
    const void* highest;
    const void* grad;
    void* grad_weight;  // exact [E, H]
};

struct AggregateKernels {
    void (*sum)(const Rows&, const Aggregate&, const Sum&);
    void (*maximum)(const Rows&, const Aggregate&, const Maximum&);
    void (*maximum_senders)(const Rows&, const Aggregate&, const MaximumSenders&);
    void (*maximum_weights)(const Rows&, const Aggregate&, const MaximumWeights&);
};

#define EDGEWISE_AGGREGATE(LEVEL)                                                                  \
    namespace LEVEL {                                                                              \
    void aggregate_sum(const Rows&, const Aggregate&, const Sum&);                                 \
    void aggregate_maximum(const Rows&, const Aggregate&, const Maximum&);                         \
    void aggregate_maximum_senders(const Rows&, const Aggregate&, const MaximumSenders&);          \
    void aggregate_maximum_weights(const Rows&, const Aggregate&, const MaximumWeights&);          \
    }
EDGEWISE_AGGREGATE(baseline)
EDGEWISE_AGGREGATE(v3)
EDGEWISE_AGGREGATE(v4)

AggregateKernels aggregate_kernels(Level level);

}  // namespace edgewise
