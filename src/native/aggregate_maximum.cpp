// out_i = max_j w_ij v_j, channel by channel. Senders that tie for a maximum share its gradient, so forward counts them
// and backward finds them again: the same product of the same two numbers, compared with the maximum unrounded.
#include "aggregate.hpp"

#include <algorithm>
#include <vector>

#include "edge_weights.hpp"
#include "stored.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {
namespace {

// m <- max(m, x), c <- how often it was met; a NaN stays, met by none.
template <typename X> inline void meet(X x, X& m, X& c) {
    const auto above = (x > m) | (x != x);
    c = above ? X{} + 1 : (x == m ? c + 1 : c);
    m = above ? x : m;
}

// `highest` and `met` over the rows of a chunk of nodes, K registers of channels each.
template <int K, typename Exact, typename T>
inline void meet_of(Exact* highest, Exact* met, const Exact* w, HeadRows<T> rows, const int32_t* index, int64_t count) {
    constexpr int64_t W = kLanes<Exact>;
    Lanes<Exact> m[K], c[K];
    for (int k = 0; k < K; ++k) m[k] = load(highest + k * W), c[k] = load(met + k * W);
    for (int64_t n = 0; n < count; ++n) {
        const T* row = rows(index[n]);
        rows.ask(n, K * W);
        for (int k = 0; k < K; ++k) meet(Lanes<Exact>(w[n] * load(row + k * W)), m[k], c[k]);
    }
    for (int k = 0; k < K; ++k) put<Exact>(highest + k * W, m[k]), put<Exact>(met + k * W, c[k]);
}

template <typename Exact, typename T>
inline void meet_rows(Exact* highest, Exact* met, const Exact* w, HeadRows<T> rows, const int32_t* index, int64_t count,
                      int64_t dim) {
    constexpr int64_t W = kLanes<Exact>;
    int64_t d = 0;
    for (; d + 4 * W <= dim; d += 4 * W) meet_of<4>(highest + d, met + d, w, rows.from(d), index, count);
    for (; d + W <= dim; d += W) meet_of<1>(highest + d, met + d, w, rows.from(d), index, count);
    for (int64_t n = 0; d < dim && n < count; ++n) {
        const T* row = rows(index[n]);
        rows.from(d).ask(n, dim - d);
        for (int64_t tail = d; tail < dim; ++tail) {
            const Exact x = w[n] * exact(row[tail]);
            const bool above = x > highest[tail] || x != x;
            met[tail] = above ? 1 : (x == highest[tail] ? met[tail] + 1 : met[tail]);
            if (above) highest[tail] = x;
        }
    }
}

template <typename T> struct AggregateMaximum : Stored<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;

    static void run(const Rows& rows, const Aggregate& a, const Maximum& m) {
        const int64_t H = a.num_heads, D = a.dim, width = H * D;
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            std::vector<Exact> highest(width), met(width), w(kChunk, Exact(1));
            Columns columns(rows);
#pragma omp for schedule(dynamic, 32)
            for (int64_t item = 0; item < rows.num_items; ++item) {
                const Stretch of = stretch(rows, item);
                std::fill(highest.begin(), highest.end(), static_cast<Exact>(-INFINITY));
                std::fill(met.begin(), met.end(), Exact(0));
                columns.take(item, item + 1);
                columns.each(of, [&](const Edges& edges) {
                    for (int64_t h = 0; h < H; ++h) {
                        edge_weights(a, h, edges, w.data());
                        meet_rows(highest.data() + h * D, met.data() + h * D, w.data(),
                                  rows_of<T>(a.x, h * a.heads_in / H, edges), edges.columns, edges.count, D);
                    }
                });
                if (of.whole) {
                    write(m, of.row, width, of.end > of.begin, highest.data(), met.data());
                } else {
                    std::copy_n(highest.data(), width, at(m.partial, 2 * item * width));
                    std::copy_n(met.data(), width, at(m.partial, (2 * item + 1) * width));
                }
            }
            if (rows.item_row) {
#pragma omp for schedule(dynamic, 1)
                for (int64_t row = 0; row < rows.num_rows; ++row) {
                    const int64_t first = rows.row_item[row], last = rows.row_item[row + 1];
                    if (last - first == 1) continue;
                    std::fill(highest.begin(), highest.end(), static_cast<Exact>(-INFINITY));
                    std::fill(met.begin(), met.end(), Exact(0));
                    for (int64_t k = first; k < last; ++k) {
                        const Exact *x = at(m.partial, 2 * k * width), *times = x + width;
                        for (int64_t d = 0; d < width; ++d) {
                            const bool above = x[d] > highest[d] || x[d] != x[d];
                            met[d] = above ? times[d] : (x[d] == highest[d] ? met[d] + times[d] : met[d]);
                            if (above) highest[d] = x[d];
                        }
                    }
                    write(m, row, width, true, highest.data(), met.data());
                }
            }
        }
    }

    static void write(const Maximum& m, int64_t row, int64_t width, bool hears, Exact* highest, const Exact* met) {
        if (!hears) std::fill_n(highest, width, Exact(0));
        store_row<T>(m.out, row, highest, width);
        if (m.highest) std::copy_n(highest, width, at(m.highest, row * width));
        if (!m.share) return;
        Exact* share = at(m.share, row * width);
        for (int64_t d = 0; d < width; ++d) share[d] = highest[d] == highest[d] && met[d] > 0 ? 1 / met[d] : Exact(0);
    }
};

template <typename T> struct AggregateMaximumSenders : Stored<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;

    static void run(const Rows& rows, const Aggregate& a, const MaximumSenders& m) {
        const int64_t H = a.num_heads, D = a.dim, width = a.heads_in * D;
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            std::vector<Exact> value(width), grad(width), w(kChunk, Exact(1));
            Columns columns(rows);
#pragma omp for schedule(dynamic, 32)
            for (int64_t item = 0; item < rows.num_items; ++item) {
                const Stretch of = stretch(rows, item);
                for (int64_t h = 0; h < a.heads_in; ++h) copy_row<T>(value.data() + h * D, a.x, of.row, h, D);
                std::fill(grad.begin(), grad.end(), Exact(0));
                columns.take(item, item + 1);
                columns.each(of, [&](const Edges& edges) {
                    for (int64_t h = 0; h < H; ++h) {
                        const int64_t shared = h * a.heads_in / H;
                        const HeadRows<Exact> highest{at(m.highest, h * D), H * D, edges.ahead, edges.asks_ahead};
                        const HeadRows<Exact> back{at(m.grad, h * D), H * D, edges.ahead, edges.asks_ahead};
                        edge_weights(a, h, edges, w.data());
                        const Exact* v = value.data() + shared * D;
                        Exact* to = grad.data() + shared * D;
                        for (int64_t n = 0; n < edges.count; ++n) {
                            highest.ask(n, D);
                            back.ask(n, D);
                            const Exact *m_i = highest(edges.columns[n]), *g_i = back(edges.columns[n]);
                            for (int64_t d = 0; d < D; ++d) to[d] += w[n] * v[d] == m_i[d] ? w[n] * g_i[d] : Exact(0);
                        }
                    }
                });
                if (of.whole) {
                    store_row<T>(m.grad_value, of.row, grad.data(), width);
                } else {
                    std::copy_n(grad.data(), width, at(m.partial, item * width));
                }
            }
            if (rows.item_row) {
#pragma omp for schedule(dynamic, 1)
                for (int64_t row = 0; row < rows.num_rows; ++row) {
                    const int64_t first = rows.row_item[row], last = rows.row_item[row + 1];
                    if (last - first == 1) continue;
                    std::fill(grad.begin(), grad.end(), Exact(0));
                    for (int64_t k = first; k < last; ++k) add(grad.data(), Exact(1), at(m.partial, k * width), width);
                    store_row<T>(m.grad_value, row, grad.data(), width);
                }
            }
        }
    }
};

template <typename T> struct AggregateMaximumWeights : Stored<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;

    static void run(const Rows& rows, const Aggregate& a, const MaximumWeights& m) {
        const int64_t H = a.num_heads, D = a.dim;
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            std::vector<Exact> w(kChunk, Exact(1));
            Columns columns(rows);
#pragma omp for schedule(dynamic, 32)
            for (int64_t item = 0; item < rows.num_items; ++item) {
                const Stretch of = stretch(rows, item);
                columns.take(item, item + 1);
                columns.each(of, [&](const Edges& edges) {
                    for (int64_t h = 0; h < H; ++h) {
                        const HeadRows<T> values = rows_of<T>(a.x, h * a.heads_in / H, edges);
                        const Exact *highest = at(m.highest, (of.row * H + h) * D), *grad = at(m.grad, (of.row * H + h) * D);
                        edge_weights(a, h, edges, w.data());
                        for (int64_t n = 0; n < edges.count; ++n) {
                            values.ask(n, D);
                            const T* v = values(edges.columns[n]);
                            Exact sum = 0;
                            for (int64_t d = 0; d < D; ++d) {
                                const Exact x = exact(v[d]);
                                sum += w[n] * x == highest[d] ? grad[d] * x : Exact(0);
                            }
                            *at(m.grad_weight, (edges.edge + n) * H + h) = sum;
                        }
                    }
                });
            }
        }
    }
};

}  // namespace

void aggregate_maximum(const Rows& rows, const Aggregate& a, const Maximum& m) {
    by_storage<AggregateMaximum>(a.storage, rows, a, m);
}
void aggregate_maximum_senders(const Rows& rows, const Aggregate& a, const MaximumSenders& m) {
    by_storage<AggregateMaximumSenders>(a.storage, rows, a, m);
}
void aggregate_maximum_weights(const Rows& rows, const Aggregate& a, const MaximumWeights& m) {
    by_storage<AggregateMaximumWeights>(a.storage, rows, a, m);
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
