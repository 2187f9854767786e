// The scores of edges by themselves, without a softmax: what the kernels of every instruction set take and give.
#pragma once

#include "attend.hpp"

namespace edgewise {

// Dot and GATv2: values play no part. Arrays without strides are contiguous and exact.
struct Scores {
    void* out;  // [E, H]
};

// By receiver: the gradients of queries and of everything that an edge has of its own.
struct ScoresReceivers {
    const void* grad;         // [E, H]
    void* grad_query;         // [R, H, D]; null: not asked for
    void* summed_edge;        // [R, H, F]: sum of gradients times key_edge; null
    void* grad_key_edge;      // [E, F]; null
    void* grad_vector;        // [kVectorBlocks, H, D], to be summed; null
    void* grad_inner_weight;  // [kVectorBlocks, H, F, D], to be summed; null
    void* partial;            // [items, H, D + F], for rows cut into items; null: none is cut
};

// By sender, over the transposed graph: the gradients of keys.
struct ScoresSenders {
    const void* grad;            // [E, H]
    const int64_t* edge_number;  // of each transposed edge in the graph's order
    void* grad_key;              // [S, H_kv, D]
    void* partial;               // [items, H_kv, D]; null
};

struct ScoresKernels {
    void (*forward)(const Rows&, const Attend&, const Scores&);
    void (*receivers)(const Rows&, const Attend&, const ScoresReceivers&);
    void (*senders)(const Rows&, const Attend&, const ScoresSenders&);
};

#define EDGEWISE_SCORES(LEVEL)                                                 \
    namespace LEVEL {                                                          \
    void scores_forward(const Rows&, const Attend&, const Scores&);            \
    void scores_receivers(const Rows&, const Attend&, const ScoresReceivers&); \
    void scores_senders(const Rows&, const Attend&, const ScoresSenders&);     \
    }
EDGEWISE_SCORES(baseline)
EDGEWISE_SCORES(v3)
EDGEWISE_SCORES(v4)

ScoresKernels scores_kernels(Level level);

}  // namespace edgewise
