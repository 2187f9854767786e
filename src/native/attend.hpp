// Attention over runs of senders: what the kernels of every instruction set take and give.
#pragma once

#include <cstdint>

#include "cpu.hpp"
#include "rows.hpp"

namespace edgewise {

// Rows are summed up for what they all share, GATv2's vector and inner weight and the offset table, in this many
// stretches, whatever the number of threads.
constexpr int64_t kVectorBlocks = 64;

enum ScoreKind : int64_t { kNone = 0, kDot = 1, kAdditive = 2, kGATv2 = 3 };

// Arrays without strides are contiguous. "Exact" arrays hold what is accumulated in: float, or double for float64.
struct Attend {
    Storage storage;
    ScoreKind score;
    int64_t num_receivers, num_senders;
    int64_t num_heads, num_shared;  // heads of queries; of keys and values
    int64_t dim, value_dim;
    int64_t key_features, value_features;  // raw edge features; 0: none
    Nodes<const void*> query, key, value;
    const int64_t* position;    // of each receiver, for the offset table
    const void* edge_logit;     // exact [E, H]: added to the logit; null: none
    const void* edge_inner;     // exact [E, H]: added inside the LeakyReLU of an additive score; null: none
    const void* table;          // exact [T, H] by offset; null: none
    int64_t table_rows, table_lowest;
    const void* query_edge;     // exact [R, H, F]: the query in the space of key_edge; null for GATv2
    const void* key_edge;       // exact [E, F]
    const void* value_edge;     // exact [E, F']
    const void* vector;         // exact [H, D]: of GATv2
    const void* inner_weight;   // exact [H, F, D]: brings key_edge inside GATv2's nonlinearity; null: none
    double scale, slope, dropout;
    int64_t seed, keep_from;    // an edge stays iff its hash is at least keep_from; 0: no dropout
    int64_t num_threads;
};

struct Forward {
    Nodes<void*> out;      // storage [R, H, V]
    void* rest;            // storage [R, H, V]: what rounding took from a half-precision out; null: not asked for
    void* log_sum;         // exact [R, H]; +inf where nobody is heard; null: not asked for, which weights do
    void* heard_edge;      // exact [R, H, F']: sum of weights times value_edge; null: none
    void* weights;         // exact [E, H]; null: not asked for
    // exact [R, H, 2]: the largest logit, and the sum of e^(logit - largest); null: not asked for. Where it is asked for,
    // nothing is written to out and rest of who has heard nobody.
    void* so_far;
    void* partial;         // exact [items, H, 2 + V + F'], for rows cut into items; null: none is cut
};

struct Backward {
    Nodes<const void*> grad, out;  // storage [R, H, V]
    const void* rest;              // storage [R, H, V]; null: out is exact
    const void* heard_edge;        // exact [R, H, F']
    const void* grad_edge;         // exact [R, H, F']: the gradient in the space of value_edge
    const void* log_sum;           // exact [R, H]
    const void* grad_weights;      // exact [E, H]: the gradient of the weights handed out; null: none
    const void* weights_share;     // exact [R, H]: sum of the weights times it; null with grad_weights
    // By receiver: the gradients of queries and of everything that an edge has of its own.
    void* grad_query;              // exact [R, H, D]; null: not asked for
    void* grad_logit;              // exact [E, H]; null
    void* grad_inner;              // exact [E, H]; null
    void* summed_edge;             // exact [R, H, F]: sum of logit gradients times key_edge; null
    void* grad_key_edge;           // exact [E, F]; null
    void* grad_value_edge;         // exact [E, F']; null
    void* grad_vector;             // exact [kVectorBlocks, H, D], to be summed; null
    void* grad_inner_weight;       // exact [kVectorBlocks, H, F, D], to be summed; null
    void* grad_table;              // exact [kVectorBlocks, T, H], to be summed; null
    void* partial;                 // exact [items, H, D + F], for rows cut into items; null
    // By sender, over the transposed graph: the gradients of keys and values.
    const int64_t* edge_number;    // of each transposed edge in the graph's order; null: neither is asked for
    void* grad_key;                // exact [S, H_kv, D]; null: not asked for
    void* grad_value;              // exact [S, H_kv, V]; null
    void* partial_senders;         // exact [items of the transpose, H_kv, D + V]; null
};

struct AttendKernels {
    void (*forward)(const Rows&, const Attend&, const Forward&);
    void (*backward)(const Rows&, const Rows&, const Attend&, const Backward&);
};

#define EDGEWISE_ATTEND(LEVEL)                                                       \
    namespace LEVEL {                                                                \
    void attend_forward(const Rows&, const Attend&, const Forward&);                 \
    void attend_backward(const Rows&, const Rows&, const Attend&, const Backward&);  \
    }
EDGEWISE_ATTEND(baseline)
EDGEWISE_ATTEND(v3)
EDGEWISE_ATTEND(v4)

AttendKernels attend_kernels(Level level);

}  // namespace edgewise
