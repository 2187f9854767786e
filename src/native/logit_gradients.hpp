// From the gradients of logits to those of what they are made of.
#pragma once

#include "logits.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {

// Where the gradients of one receiver and head go; null: not asked for.
template <typename Exact> struct ReceiverGradients {
    Exact* query;     // [D]
    Exact* summed;    // [F]: sum of logit gradients times key_edge
    Exact* vector;    // [D]: of GATv2
    Exact* inner_weight;  // [F, D]
    void* key_edge;   // [E, F]
    void* inner;      // [E, H]
};

template <typename T> struct LogitGradients : Logits<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;

    // `w` holds the gradients of one head's logits for some edges of a receiver, `q` being its query, and afterwards what
    // spread_by_sender takes of these edges.
    static void spread(const Attend& a, const Exact* q, int64_t receiver, int64_t head, const Edges& edges, Exact* w,
                       const ReceiverGradients<Exact>& to) {
        const int32_t* senders = edges.columns;
        const int64_t count = edges.count, edge = edges.edge, H = a.num_heads, D = a.dim;
        const int64_t F = a.query_edge ? a.key_features : 0;
        const int64_t shared = head * a.num_shared / H;
        const Exact scale = static_cast<Exact>(a.scale), slope = static_cast<Exact>(a.slope);
        for (int64_t n = 0; F && n < count; ++n) {
            const int64_t e = edge + n;
            add(to.summed, w[n] * scale, at(a.key_edge, e * F), F);
            if (to.key_edge) add(at(to.key_edge, e * F), w[n] * scale, at(a.query_edge, (receiver * H + head) * F), F);
        }
        if (a.score == kDot) {
            for (int64_t n = 0; n < count; ++n) w[n] *= scale;
            if (to.query) add_rows(to.query, w, rows_of<T>(a.key, shared, edges), senders, count, D);
        } else if (a.score == kAdditive) {
            for (int64_t n = 0; n < count; ++n) {
                const int64_t at_edge = (edge + n) * H + head;
                Exact x = q[0] + exact(*row_of<T>(a.key, senders[n], shared));
                if (a.edge_inner) x += *at(a.edge_inner, at_edge);
                w[n] *= leaky_slope(x, slope);
                to.query[0] += w[n];
                if (to.inner) *at(to.inner, at_edge) = w[n];
            }
        } else if (a.score == kGATv2 && a.inner_weight) {
            for (int64_t n = 0; n < count; ++n) {
                spread_with_features(a, q, row_of<T>(a.key, senders[n], shared), edge + n, head, w[n], to);
            }
        } else if (a.score == kGATv2) {
            const Exact* vector = at(a.vector, head * D);
            for (int64_t n = 0; n < count; ++n) {
                const T* k = row_of<T>(a.key, senders[n], shared);
                for (int64_t d = 0; d < D; ++d) {
                    const Exact z = q[d] + exact(k[d]);
                    to.query[d] += w[n] * vector[d] * leaky_slope(z, slope);
                    if (to.vector) to.vector[d] += w[n] * leaky(z, slope);
                }
            }
        }
    }

    static void spread_with_features(const Attend& a, const Exact* query, const T* key, int64_t edge, int64_t head, Exact w,
                                     const ReceiverGradients<Exact>& to) {
        const int64_t D = a.dim, F = a.key_features;
        const Exact *vector = at(a.vector, head * D), *features = at(a.key_edge, edge * F);
        const Exact slope = static_cast<Exact>(a.slope);
        Exact heard[kChannels], back[kChannels];
        for (int64_t first = 0; first < D; first += kChannels) {
            const int64_t width = std::min(kChannels, D - first);
            Logits<T>::with_features(a, key, edge, head, first, width, heard);
            for (int64_t d = 0; d < width; ++d) {
                const Exact z = query[first + d] + heard[d];
                back[d] = w * vector[first + d] * leaky_slope(z, slope);
                to.query[first + d] += back[d];
                if (to.vector) to.vector[first + d] += w * leaky(z, slope);
            }
            for (int64_t f = 0; f < F; ++f) {
                const Exact* weight = at(a.inner_weight, (head * F + f) * D + first);
                if (to.key_edge) *at(to.key_edge, edge * F + f) += dot(back, weight, width);
                if (to.inner_weight) add(to.inner_weight + f * D + first, features[f], back, width);
            }
        }
    }

    // The same by sender: the gradient of its key of one head, `w` being as `spread` left it.
    static void spread_by_sender(const Attend& a, const Exact* key, int64_t head, const Edges& edges, const int64_t* edge_number,
                                 const Exact* w, Exact* grad_key) {
        const int32_t* receivers = edges.columns;
        const int64_t count = edges.count, D = a.dim;
        const Exact slope = static_cast<Exact>(a.slope);
        const HeadRows<T> queries = rows_of<T>(a.query, head, edges);
        if (a.score == kDot) {
            add_rows(grad_key, w, queries, receivers, count, D);
        } else if (a.score == kAdditive) {
            for (int64_t n = 0; n < count; ++n) grad_key[0] += w[n];
        } else if (a.score == kGATv2) {
            const Exact* vector = at(a.vector, head * D);
            for (int64_t n = 0; n < count; ++n) {
                const T* q = queries(receivers[n]);
                if (a.inner_weight) {
                    Exact heard[kChannels];
                    for (int64_t first = 0; first < D; first += kChannels) {
                        const int64_t width = std::min(kChannels, D - first), e = edge_number[edges.edge + n];
                        Logits<T>::with_features(a, q, e, head, first, width, heard);
                        for (int64_t d = first; d < first + width; ++d) {
                            grad_key[d] += w[n] * vector[d] * leaky_slope(key[d] + heard[d - first], slope);
                        }
                    }
                    continue;
                }
                for (int64_t d = 0; d < D; ++d) {
                    grad_key[d] += w[n] * vector[d] * leaky_slope(key[d] + exact(q[d]), slope);
                }
            }
        }
    }
};

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
