// How loudly an edge is heard: its logit, by receiver and by sender.
#pragma once

#include "attend.hpp"
#include "stored.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {

template <typename Exact> inline Exact leaky(Exact x, Exact slope) { return x > 0 ? x : slope * x; }
template <typename Exact> inline Exact leaky_slope(Exact x, Exact slope) { return x > 0 ? Exact(1) : slope; }

template <typename Exact, typename T>
inline Exact gatv2(const Exact* a, const Exact* x, const T* y, Exact slope, int64_t dim) {
    constexpr int64_t W = kLanes<Exact>;
    Lanes<Exact> sum{};
    int64_t d = 0;
    for (; d + W <= dim; d += W) {
        const Lanes<Exact> z = load(x + d) + load(y + d);
        sum += load(a + d) * (z > 0 ? z : z * slope);
    }
    Exact result = total(sum);
    for (; d < dim; ++d) result += a[d] * leaky(x[d] + exact(y[d]), slope);
    return result;
}

// Channels that are made at a time of what is heard along an edge.
constexpr int64_t kChannels = 64;

template <typename T> struct Logits : Stored<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;

    // What is added to the logit of an edge besides its score.
    static Exact added(const Attend& a, int64_t receiver, int64_t sender, int64_t edge, int64_t head) {
        Exact sum = 0;
        if (a.edge_logit) sum += *at(a.edge_logit, edge * a.num_heads + head);
        if (a.table) {
            const int64_t offset = sender - a.position[receiver] - a.table_lowest;
            sum += *at(a.table, std::clamp<int64_t>(offset, 0, a.table_rows - 1) * a.num_heads + head);
        }
        if (a.query_edge) {
            const Exact* query = at(a.query_edge, (receiver * a.num_heads + head) * a.key_features);
            sum += static_cast<Exact>(a.scale) * dot(query, at(a.key_edge, edge * a.key_features), a.key_features);
        }
        return sum;
    }
    static bool adds(const Attend& a) { return a.edge_logit || a.table || a.query_edge; }

    // y_d + Σ_f e_f W_fd: what GATv2 hears along an edge, `width` channels of it from the first.
    template <typename Y>
    static void with_features(const Attend& a, const Y* y, int64_t edge, int64_t head, int64_t first, int64_t width, Exact* to) {
        for (int64_t d = 0; d < width; ++d) to[d] = exact(y[first + d]);
        for (int64_t f = 0; f < a.key_features; ++f) {
            const Exact* weight = at(a.inner_weight, (head * a.key_features + f) * a.dim + first);
            add(to, *at(a.key_edge, edge * a.key_features + f), weight, width);
        }
    }
    template <typename Y>
    static Exact gatv2_with_features(const Attend& a, const Exact* x, const Y* y, int64_t edge, int64_t head) {
        Exact heard[kChannels], sum = 0;
        for (int64_t d = 0; d < a.dim; d += kChannels) {
            const int64_t width = std::min(kChannels, a.dim - d);
            with_features(a, y, edge, head, d, width, heard);
            sum += gatv2(at(a.vector, head * a.dim + d), x + d, heard, static_cast<Exact>(a.slope), width);
        }
        return sum;
    }

    // Logits of some edges of a receiver in one head, `q` being its query of that head; -inf up to the next whole vector.
    static void logits(const Attend& a, const Exact* q, int64_t receiver, int64_t head, const Edges& edges, Exact* out) {
        const int32_t* senders = edges.columns;
        const int64_t count = edges.count, edge = edges.edge;
        const int64_t shared = head * a.num_shared / a.num_heads, D = a.dim;
        const Exact scale = static_cast<Exact>(a.scale), slope = static_cast<Exact>(a.slope);
        switch (a.score) {
            case kNone:
                for (int64_t n = 0; n < count; ++n) out[n] = 0;
                break;
            case kDot:
                dots(q, rows_of<T>(a.key, shared, edges), senders, count, D, scale, out);
                break;
            case kAdditive:
                for (int64_t n = 0; n < count; ++n) {
                    Exact x = q[0] + exact(*row_of<T>(a.key, senders[n], shared));
                    if (a.edge_inner) x += *at(a.edge_inner, (edge + n) * a.num_heads + head);
                    out[n] = leaky(x, slope);
                }
                break;
            case kGATv2:
                for (int64_t n = 0; n < count; ++n) {
                    const T* k = row_of<T>(a.key, senders[n], shared);
                    out[n] = a.inner_weight ? gatv2_with_features(a, q, k, edge + n, head)
                                            : gatv2(at(a.vector, head * D), q, k, slope, D);
                }
                break;
        }
        if (adds(a)) {
            for (int64_t n = 0; n < count; ++n) out[n] += added(a, receiver, senders[n], edge + n, head);
        }
        fill_up(out, count);
    }
};

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
