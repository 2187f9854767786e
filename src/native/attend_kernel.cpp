// Attention over runs, compiled once for each instruction set (EDGEWISE_LEVEL, EDGEWISE_BYTES).
//
// Forward: a receiver's edges are taken in chunks with a running maximum and sum (the online softmax of
// FlashAttention); only the output and the log-sum-exp are kept. Backward recomputes the weights, twice: by receiver for
// what belongs to receivers and edges, by sender over the transposed graph for what belongs to senders. Every number
// is written by one thread in one order, so results do not depend on how many threads there are.
#include "attend.hpp"

#include <algorithm>
#include <vector>

#include "hash.hpp"
#include "lanes.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {
namespace {

constexpr int64_t kChunk = 64;

// The stretch of one row's edges that an item stands for, and a walk along its senders.
struct Stretch {
    int64_t row, begin, end;
    bool whole;
};

inline Stretch stretch(const Rows& rows, int64_t item) {
    if (rows.item_row == nullptr) {
        const int64_t begin = rows.run_edge_start[rows.run_offsets[item]];
        return {item, begin, rows.run_edge_start[rows.run_offsets[item + 1]], true};
    }
    const int64_t row = rows.item_row[item];
    return {row, rows.item_begin[item], rows.item_end[item], rows.row_item[row + 1] - rows.row_item[row] == 1};
}

class Walk {
  public:
    Walk(const Rows& rows, const Stretch& of) : rows_(rows), edge_(of.begin), end_(of.end) {
        const int64_t* first = rows.run_edge_start + rows.run_offsets[of.row];
        const int64_t* last = rows.run_edge_start + rows.run_offsets[of.row + 1];
        run_ = std::max<int64_t>(std::upper_bound(first, last, of.begin) - rows.run_edge_start - 1, 0);
    }
    // The next columns, at most kChunk; the number of the first edge stands in `edge`.
    int64_t next(int32_t* columns, int64_t& edge) {
        edge = edge_;
        int64_t count = 0;
        while (count < kChunk && edge_ < end_) {
            const int64_t into = edge_ - rows_.run_edge_start[run_];
            const int64_t left = rows_.run_edge_start[run_ + 1] - edge_;
            const int64_t take = std::min(std::min(left, end_ - edge_), kChunk - count);
            const int32_t from = static_cast<int32_t>(rows_.run_start[run_] + into);
            for (int64_t n = 0; n < take; ++n) columns[count + n] = from + static_cast<int32_t>(n);
            count += take;
            edge_ += take;
            if (take == left) ++run_;
        }
        return count;
    }

  private:
    const Rows& rows_;
    int64_t edge_, end_, run_;
};

// A row's columns chunk by chunk, and what comes after: the next chunk, or the first one of the next item, so that it can
// be asked for while this one is computed.
class Chunks {
  public:
    Chunks(const Rows& rows, const Stretch& of, int64_t item) : rows_(rows), walk_(rows, of), item_(item) {
        count_ahead_ = walk_.next(ahead, edge_ahead_);
    }
    bool advance() {
        count = last_ ? 0 : count_ahead_;
        if (count == 0) return false;
        std::copy_n(ahead, count, columns);
        edge = edge_ahead_;
        count_ahead_ = walk_.next(ahead, edge_ahead_);
        last_ = count_ahead_ == 0;
        if (last_ && item_ + 1 < rows_.num_items) {
            count_ahead_ = Walk(rows_, stretch(rows_, item_ + 1)).next(ahead, edge_ahead_);
        }
        // Columns side by side are near already, or fetched by the processor itself.
        const bool apart = count_ahead_ > 0 && ahead[count_ahead_ - 1] - ahead[0] >= 2 * count_ahead_;
        asks_ahead = apart ? count_ahead_ : 0;
        return true;
    }
    int32_t columns[kChunk], ahead[kChunk];
    int64_t count = 0, asks_ahead = 0, edge = 0;  // edge: the number of the chunk's first edge

  private:
    const Rows& rows_;
    Walk walk_;
    int64_t item_, count_ahead_ = 0, edge_ahead_ = 0;
    bool last_ = false;
};

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

template <typename T> struct ExactOf { typedef float type; };
template <> struct ExactOf<double> { typedef double type; };

template <typename T> inline const T* row_of(const Nodes<const void*>& x, int64_t node, int64_t head) {
    return static_cast<const T*>(x.data) + node * x.node_stride + head * x.head_stride;
}

// The heads of one node, side by side and exact.
template <typename T, typename Exact>
inline void copy_row(Exact* to, const Nodes<const void*>& x, int64_t node, int64_t heads, int64_t dim) {
    for (int64_t h = 0; h < heads; ++h) {
        const T* from = row_of<T>(x, node, h);
        for (int64_t d = 0; d < dim; ++d) to[h * dim + d] = exact(from[d]);
    }
}

template <typename T>
inline HeadRows<T> rows_of(const Nodes<const void*>& x, int64_t head, const Chunks& chunks) {
    return {static_cast<const T*>(x.data) + head * x.head_stride, x.node_stride, chunks.ahead, chunks.asks_ahead};
}

template <typename T> class Kernel {
  public:
    typedef typename ExactOf<T>::type Exact;

    static void forward(const Rows& rows, const Attend& a, const Forward& f);
    static void backward_receivers(const Rows& rows, const Attend& a, const BackwardReceivers& b);
    static void backward_senders(const Rows& rows, const Attend& a, const BackwardSenders& b);

  private:
    static const Exact* at(const void* data, int64_t index) { return static_cast<const Exact*>(data) + index; }
    static Exact* at(void* data, int64_t index) { return static_cast<Exact*>(data) + index; }

    // What is added to the logit of an edge besides its score.
    static Exact added(const Attend& a, int64_t receiver, int64_t sender, int64_t edge, int64_t head) {
        Exact sum = 0;
        if (a.edge_logit) sum += *at(a.edge_logit, edge * a.num_heads + head);
        if (a.table) {
            const int64_t offset = sender - a.position[receiver] - a.table_lowest;
            sum += *at(a.table, std::clamp<int64_t>(offset, 0, a.table_rows - 1) * a.num_heads + head);
        }
        if (a.key_features) {
            const Exact* query = at(a.query_edge, (receiver * a.num_heads + head) * a.key_features);
            sum += static_cast<Exact>(a.scale) * dot(query, at(a.key_edge, edge * a.key_features), a.key_features);
        }
        return sum;
    }
    static bool adds(const Attend& a) { return a.edge_logit || a.table || a.key_features; }
    static Exact kept(const Attend& a, uint32_t row, int64_t sender) {
        const bool stays = (mix(row ^ column_hash(a.seed, sender))) >= static_cast<uint32_t>(a.keep_from);
        return stays ? static_cast<Exact>(1 / (1 - a.dropout)) : Exact(0);
    }

    static void write(const Forward& f, int64_t receiver, int64_t head, int64_t dim, const Exact* sum, Exact share) {
        T* out = static_cast<T*>(f.out.data) + receiver * f.out.node_stride + head * f.out.head_stride;
        T* rest = f.rest ? static_cast<T*>(f.rest) + receiver * f.out.node_stride + head * f.out.head_stride : nullptr;
        for (int64_t d = 0; d < dim; ++d) {
            const Exact x = sum[d] * share;
            store(out + d, x);
            if (rest) store(rest + d, x - exact(out[d]));
        }
    }

    // Logits of one head for a chunk of a receiver's senders; the heads of its query lie side by side in `query`.
    static void logits(const Attend& a, const Exact* query, int64_t receiver, int64_t head, const Chunks& chunks,
                       Exact* out) {
        const int32_t* senders = chunks.columns;
        const int64_t count = chunks.count, edge = chunks.edge;
        const int64_t shared = head * a.num_shared / a.num_heads, D = a.dim;
        const Exact* q = query + head * D;
        const Exact scale = static_cast<Exact>(a.scale), slope = static_cast<Exact>(a.slope);
        switch (a.score) {
            case kNone:
                for (int64_t n = 0; n < count; ++n) out[n] = 0;
                break;
            case kDot:
                dots(q, rows_of<T>(a.key, shared, chunks), senders, count, D, scale, out);
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
                    out[n] = gatv2(at(a.vector, head * D), q, row_of<T>(a.key, senders[n], shared), slope, D);
                }
                break;
        }
        if (adds(a)) {
            for (int64_t n = 0; n < count; ++n) out[n] += added(a, receiver, senders[n], edge + n, head);
        }
    }
};

template <typename T> void Kernel<T>::forward(const Rows& rows, const Attend& a, const Forward& f) {
    const int64_t H = a.num_heads, D = a.dim, V = a.value_dim, F = a.value_features;
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
    {
        std::vector<Exact> query(H * D), sum(H * V), edge_sum(H * F), largest(H), mass(H), weight(H * kChunk);
#pragma omp for schedule(dynamic, 32)
        for (int64_t item = 0; item < rows.num_items; ++item) {
            const Stretch of = stretch(rows, item);
            const int64_t i = of.row;
            if (a.score != kNone) copy_row<T>(query.data(), a.query, i, H, D);
            std::fill(sum.begin(), sum.end(), Exact(0));
            std::fill(edge_sum.begin(), edge_sum.end(), Exact(0));
            std::fill(largest.begin(), largest.end(), static_cast<Exact>(-INFINITY));
            std::fill(mass.begin(), mass.end(), Exact(0));
            Chunks chunks(rows, of, item);
            while (chunks.advance()) {
                const int32_t* senders = chunks.columns;
                const int64_t count = chunks.count, edge = chunks.edge;
                for (int64_t h = 0; h < H; ++h) {
                    Exact* w = weight.data() + h * kChunk;
                    logits(a, query.data(), i, h, chunks, w);
                    const Exact highest = std::max(largest[h], largest_of(w, count));
                    if (f.weights) {
                        for (int64_t n = 0; n < count; ++n) *at(f.weights, (edge + n) * H + h) = w[n];
                    }
                    if (highest == static_cast<Exact>(-INFINITY)) {
                        std::fill(w, w + count, Exact(0));
                        continue;
                    }
                    if (highest > largest[h]) {
                        const Exact shrink = std::exp(largest[h] - highest);
                        for (int64_t d = 0; d < V; ++d) sum[h * V + d] *= shrink;
                        for (int64_t d = 0; d < F; ++d) edge_sum[h * F + d] *= shrink;
                        mass[h] *= shrink;
                        largest[h] = highest;
                    }
                    mass[h] += exponentials(w, highest, count);
                    if (a.keep_from) {
                        const uint32_t row = row_hash(a.seed, i, h);
                        for (int64_t n = 0; n < count; ++n) w[n] *= kept(a, row, senders[n]);
                    }
                }
                for (int64_t h = 0; h < H; ++h) {
                    const int64_t shared = h * a.num_shared / H;
                    const Exact* w = weight.data() + h * kChunk;
                    add_rows(sum.data() + h * V, w, rows_of<T>(a.value, shared, chunks), senders, count, V);
                    for (int64_t n = 0; F && n < count; ++n) {
                        add(edge_sum.data() + h * F, w[n], at(a.value_edge, (edge + n) * F), F);
                    }
                }
            }
            for (int64_t h = 0; h < H; ++h) {
                if (!of.whole) {
                    Exact* part = at(f.partial, (item * H + h) * (2 + V + F));
                    part[0] = largest[h];
                    part[1] = mass[h];
                    std::copy_n(sum.data() + h * V, V, part + 2);
                    std::copy_n(edge_sum.data() + h * F, F, part + 2 + V);
                    continue;
                }
                const Exact share = mass[h] > 0 ? 1 / mass[h] : Exact(0);
                write(f, i, h, V, sum.data() + h * V, share);
                for (int64_t d = 0; d < F; ++d) *at(f.heard_edge, (i * H + h) * F + d) = edge_sum[h * F + d] * share;
                *at(f.log_sum, i * H + h) = mass[h] > 0 ? largest[h] + std::log(mass[h]) : Exact(0);
            }
        }
        // Rows that were cut: their stretches are joined in order.
        if (rows.item_row) {
#pragma omp for schedule(dynamic, 1)
            for (int64_t i = 0; i < rows.num_rows; ++i) {
                const int64_t first = rows.row_item[i], last = rows.row_item[i + 1];
                if (last - first == 1) continue;
                for (int64_t h = 0; h < H; ++h) {
                    Exact highest = static_cast<Exact>(-INFINITY), all = 0;
                    for (int64_t k = first; k < last; ++k) {
                        highest = std::max(highest, *at(f.partial, (k * H + h) * (2 + V + F)));
                    }
                    std::fill_n(sum.data(), V, Exact(0));
                    std::fill_n(edge_sum.data(), F, Exact(0));
                    for (int64_t k = first; k < last; ++k) {
                        const Exact* part = at(f.partial, (k * H + h) * (2 + V + F));
                        if (part[0] == static_cast<Exact>(-INFINITY)) continue;
                        const Exact shrink = std::exp(part[0] - highest);
                        all += shrink * part[1];
                        add(sum.data(), shrink, part + 2, V);
                        add(edge_sum.data(), shrink, part + 2 + V, F);
                    }
                    const Exact share = all > 0 ? 1 / all : Exact(0);
                    write(f, i, h, V, sum.data(), share);
                    for (int64_t d = 0; d < F; ++d) *at(f.heard_edge, (i * H + h) * F + d) = edge_sum[d] * share;
                    *at(f.log_sum, i * H + h) = all > 0 ? highest + std::log(all) : Exact(0);
                }
            }
        }
        if (f.weights) {
#pragma omp for schedule(dynamic, 32)
            for (int64_t item = 0; item < rows.num_items; ++item) {
                const Stretch of = stretch(rows, item);
                Walk walk(rows, of);
                int32_t senders[kChunk];
                int64_t edge = 0;
                while (const int64_t count = walk.next(senders, edge)) {
                    for (int64_t h = 0; h < H; ++h) {
                        const Exact log_sum = *at(f.log_sum, of.row * H + h);
                        const uint32_t row = row_hash(a.seed, of.row, h);
                        for (int64_t n = 0; n < count; ++n) {
                            Exact* w = at(f.weights, (edge + n) * H + h);
                            *w = std::exp(*w - log_sum);
                            if (a.keep_from) *w *= kept(a, row, senders[n]);
                        }
                    }
                }
            }
        }
    }
}

template <typename T>
void Kernel<T>::backward_receivers(const Rows& rows, const Attend& a, const BackwardReceivers& b) {
    const int64_t H = a.num_heads, D = a.dim, V = a.value_dim, F = a.key_features, G = a.value_features;
    const Exact scale = static_cast<Exact>(a.scale), slope = static_cast<Exact>(a.slope);
    const bool asks = b.grad_query != nullptr;
    // GATv2's vector is summed up block of items by block of items.
    const int64_t block = (rows.num_items + kVectorBlocks - 1) / kVectorBlocks;
    const int64_t step = b.grad_vector ? std::max<int64_t>(block, 1) : 32;
    const int64_t steps = (rows.num_items + step - 1) / step;
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
    {
        std::vector<Exact> query(H * D), grad(H * V), grad_query(H * D), summed(H * F), w(kChunk), back(kChunk), whole(V),
            delta(H);
#pragma omp for schedule(dynamic, 1)
        for (int64_t s = 0; s < steps; ++s) {
            for (int64_t item = s * step; item < std::min(rows.num_items, (s + 1) * step); ++item) {
                const Stretch of = stretch(rows, item);
                const int64_t i = of.row;
                if (a.score != kNone) copy_row<T>(query.data(), a.query, i, H, D);
                copy_row<T>(grad.data(), b.grad, i, H, V);
                std::fill(grad_query.begin(), grad_query.end(), Exact(0));
                std::fill(summed.begin(), summed.end(), Exact(0));
                // Cut rows compute their delta once an item, all to the same number.
                for (int64_t h = 0; h < H; ++h) {
                    const T* out = row_of<T>(b.out, i, h);
                    const T* rest = b.rest ? static_cast<const T*>(b.rest) + (i * H + h) * V : nullptr;
                    for (int64_t d = 0; d < V; ++d) whole[d] = exact(out[d]) + (rest ? exact(rest[d]) : Exact(0));
                    // As `back` is computed below, so that a row of one edge has a gradient of exactly 0.
                    const int32_t first = 0;
                    dots(grad.data() + h * V, HeadRows<Exact>{whole.data(), 0}, &first, 1, V, Exact(1), &delta[h]);
                    if (G) delta[h] += dot(at(b.grad_edge, (i * H + h) * G), at(b.heard_edge, (i * H + h) * G), G);
                    if (of.begin == rows.run_edge_start[rows.run_offsets[i]]) *at(b.delta, i * H + h) = delta[h];
                }
                if (!b.walks) continue;
                Chunks chunks(rows, of, item);
                while (chunks.advance()) {
                    const int32_t* senders = chunks.columns;
                    const int64_t count = chunks.count, edge = chunks.edge;
                    for (int64_t h = 0; h < H; ++h) {
                        const int64_t shared = h * a.num_shared / H;
                        const uint32_t row = row_hash(a.seed, i, h);
                        logits(a, query.data(), i, h, chunks, w.data());
                        exponentials(w.data(), *at(b.log_sum, i * H + h), count);
                        dots(grad.data() + h * V, rows_of<T>(a.value, shared, chunks), senders, count, V, Exact(1), back.data());
                        for (int64_t n = 0; n < count; ++n) {
                            const int64_t e = edge + n;
                            if (G) back[n] += dot(at(b.grad_edge, (i * H + h) * G), at(a.value_edge, e * G), G);
                            const Exact keep = a.keep_from ? kept(a, row, senders[n]) : Exact(1);
                            if (b.grad_value_edge) {
                                add(at(b.grad_value_edge, e * G), w[n] * keep, at(b.grad_edge, (i * H + h) * G), G);
                            }
                            w[n] *= keep * back[n] - delta[h];
                            if (b.grad_logit) *at(b.grad_logit, e * H + h) = w[n];
                            if (F) {
                                add(summed.data() + h * F, w[n] * scale, at(a.key_edge, e * F), F);
                                if (b.grad_key_edge) {
                                    add(at(b.grad_key_edge, e * F), w[n] * scale, at(a.query_edge, (i * H + h) * F), F);
                                }
                            }
                        }
                        if (a.score == kDot && asks) {
                            for (int64_t n = 0; n < count; ++n) w[n] *= scale;
                            add_rows(grad_query.data() + h * D, w.data(), rows_of<T>(a.key, shared, chunks), senders, count, D);
                        } else if (a.score == kAdditive) {
                            for (int64_t n = 0; n < count; ++n) {
                                const int64_t at_edge = (edge + n) * H + h;
                                Exact x = query[h] + exact(*row_of<T>(a.key, senders[n], shared));
                                if (a.edge_inner) x += *at(a.edge_inner, at_edge);
                                const Exact inner = w[n] * leaky_slope(x, slope);
                                grad_query[h] += inner;
                                if (b.grad_inner) *at(b.grad_inner, at_edge) = inner;
                            }
                        } else if (a.score == kGATv2) {
                            const Exact *q = query.data() + h * D, *vector = at(a.vector, h * D);
                            Exact* to = b.grad_vector ? at(b.grad_vector, (s * H + h) * D) : nullptr;
                            for (int64_t n = 0; n < count; ++n) {
                                const T* k = row_of<T>(a.key, senders[n], shared);
                                for (int64_t d = 0; d < D; ++d) {
                                    const Exact z = q[d] + exact(k[d]);
                                    grad_query[h * D + d] += w[n] * vector[d] * leaky_slope(z, slope);
                                    if (to) to[d] += w[n] * leaky(z, slope);
                                }
                            }
                        }
                    }
                }
                Exact* to = of.whole ? nullptr : at(b.partial, item * H * (D + F));
                if (asks) std::copy_n(grad_query.data(), H * D, of.whole ? at(b.grad_query, i * H * D) : to);
                if (F) std::copy_n(summed.data(), H * F, of.whole ? at(b.summed_edge, i * H * F) : to + H * D);
            }
        }
        if (rows.item_row && b.walks) {
#pragma omp for schedule(dynamic, 1)
            for (int64_t i = 0; i < rows.num_rows; ++i) {
                const int64_t first = rows.row_item[i], last = rows.row_item[i + 1];
                if (last - first == 1) continue;
                if (asks) std::fill_n(at(b.grad_query, i * H * D), H * D, Exact(0));
                if (F) std::fill_n(at(b.summed_edge, i * H * F), H * F, Exact(0));
                for (int64_t k = first; k < last; ++k) {
                    const Exact* part = at(b.partial, k * H * (D + F));
                    if (asks) add(at(b.grad_query, i * H * D), Exact(1), part, H * D);
                    if (F) add(at(b.summed_edge, i * H * F), Exact(1), part + H * D, H * F);
                }
            }
        }
    }
}

template <typename T>
void Kernel<T>::backward_senders(const Rows& rows, const Attend& a, const BackwardSenders& b) {
    const int64_t H = a.num_heads, Hk = a.num_shared, D = a.dim, V = a.value_dim, G = a.value_features;
    const int64_t group = H / Hk;
    const Exact scale = static_cast<Exact>(a.scale), slope = static_cast<Exact>(a.slope);
    const bool asks = b.grad_key != nullptr;
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
    {
        std::vector<Exact> key(Hk * D), value(Hk * V), grad_key(Hk * D), grad_value(Hk * V), w(kChunk), inner(kChunk),
            keep(kChunk), heard(kChunk), back(kChunk);
#pragma omp for schedule(dynamic, 32)
        for (int64_t item = 0; item < rows.num_items; ++item) {
            const Stretch of = stretch(rows, item);
            const int64_t j = of.row;
            if (a.score != kNone) copy_row<T>(key.data(), a.key, j, Hk, D);
            copy_row<T>(value.data(), a.value, j, Hk, V);
            std::fill(grad_key.begin(), grad_key.end(), Exact(0));
            std::fill(grad_value.begin(), grad_value.end(), Exact(0));
            Chunks chunks(rows, of, item);
            while (chunks.advance()) {
                const int32_t* receivers = chunks.columns;
                const int64_t count = chunks.count, place = chunks.edge;
                for (int64_t h = 0; h < H; ++h) {
                    const int64_t shared = h / group;
                    const Exact *k = key.data() + shared * D, *v = value.data() + shared * V;
                    const HeadRows<T> queries = rows_of<T>(a.query, h, chunks), grads = rows_of<T>(b.grad, h, chunks);
                    if (a.score == kDot) {
                        dots(k, queries, receivers, count, D, scale, w.data());
                    } else {
                        for (int64_t n = 0; n < count; ++n) {
                            const T* q = queries(receivers[n]);
                            w[n] = 0;
                            if (a.score == kAdditive) {
                                inner[n] = k[0] + exact(*q);
                                if (a.edge_inner) inner[n] += *at(a.edge_inner, b.edge_number[place + n] * H + h);
                                w[n] = leaky(inner[n], slope);
                            } else if (a.score == kGATv2) {
                                w[n] = gatv2(at(a.vector, h * D), k, q, slope, D);
                            }
                        }
                    }
                    for (int64_t n = 0; n < count; ++n) {
                        const int64_t i = receivers[n], e = b.edge_number ? b.edge_number[place + n] : 0;
                        if (adds(a)) w[n] += added(a, i, j, e, h);
                        w[n] -= *at(b.log_sum, i * H + h);
                    }
                    exponentials(w.data(), Exact(0), count);
                    for (int64_t n = 0; n < count; ++n) {
                        keep[n] = a.keep_from ? kept(a, row_hash(a.seed, receivers[n], h), j) : Exact(1);
                        heard[n] = w[n] * keep[n];
                    }
                    add_rows(grad_value.data() + shared * V, heard.data(), grads, receivers, count, V);
                    if (!asks) continue;
                    dots(v, grads, receivers, count, V, Exact(1), back.data());
                    for (int64_t n = 0; n < count; ++n) {
                        const int64_t i = receivers[n];
                        if (G) {
                            const Exact* features = at(a.value_edge, b.edge_number[place + n] * G);
                            back[n] += dot(at(b.grad_edge, (i * H + h) * G), features, G);
                        }
                        w[n] *= keep[n] * back[n] - *at(b.delta, i * H + h);
                    }
                    if (a.score == kDot) {
                        for (int64_t n = 0; n < count; ++n) w[n] *= scale;
                        add_rows(grad_key.data() + shared * D, w.data(), queries, receivers, count, D);
                    } else if (a.score == kAdditive) {
                        for (int64_t n = 0; n < count; ++n) grad_key[shared] += w[n] * leaky_slope(inner[n], slope);
                    } else if (a.score == kGATv2) {
                        const Exact* vector = at(a.vector, h * D);
                        for (int64_t n = 0; n < count; ++n) {
                            const T* q = queries(receivers[n]);
                            for (int64_t d = 0; d < D; ++d) {
                                grad_key[shared * D + d] += w[n] * vector[d] * leaky_slope(k[d] + exact(q[d]), slope);
                            }
                        }
                    }
                }
            }
            Exact* to = of.whole ? nullptr : at(b.partial, item * Hk * (D + V));
            if (asks) std::copy_n(grad_key.data(), Hk * D, of.whole ? at(b.grad_key, j * Hk * D) : to);
            std::copy_n(grad_value.data(), Hk * V, of.whole ? at(b.grad_value, j * Hk * V) : to + Hk * D);
        }
        if (rows.item_row) {
#pragma omp for schedule(dynamic, 1)
            for (int64_t j = 0; j < rows.num_rows; ++j) {
                const int64_t first = rows.row_item[j], last = rows.row_item[j + 1];
                if (last - first == 1) continue;
                if (asks) std::fill_n(at(b.grad_key, j * Hk * D), Hk * D, Exact(0));
                std::fill_n(at(b.grad_value, j * Hk * V), Hk * V, Exact(0));
                for (int64_t k = first; k < last; ++k) {
                    const Exact* part = at(b.partial, k * Hk * (D + V));
                    if (asks) add(at(b.grad_key, j * Hk * D), Exact(1), part, Hk * D);
                    add(at(b.grad_value, j * Hk * V), Exact(1), part + Hk * D, Hk * V);
                }
            }
        }
    }
}

// One door for all storage types.
template <typename Function32, typename Function64, typename FunctionB, typename FunctionH>
void by_storage(Storage storage, Function32 f32, Function64 f64, FunctionB b16, FunctionH h16) {
    switch (storage) {
        case kFloat32: f32(); break;
        case kFloat64: f64(); break;
        case kBFloat16: b16(); break;
        case kFloat16: h16(); break;
    }
}

#define EDGEWISE_BY_STORAGE(METHOD, OUT)                                                                        \
    [](const Rows& rows, const Attend& a, const OUT& out) {                                                     \
        by_storage(a.storage, [&] { Kernel<float>::METHOD(rows, a, out); },                                     \
                   [&] { Kernel<double>::METHOD(rows, a, out); }, [&] { Kernel<BFloat16>::METHOD(rows, a, out); }, \
                   [&] { Kernel<Float16>::METHOD(rows, a, out); });                                             \
    }

}  // namespace

Kernels kernels() {
    return {EDGEWISE_BY_STORAGE(forward, Forward), EDGEWISE_BY_STORAGE(backward_receivers, BackwardReceivers),
            EDGEWISE_BY_STORAGE(backward_senders, BackwardSenders)};
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
