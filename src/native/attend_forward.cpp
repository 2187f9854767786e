// Forward: a receiver's edges are taken in chunks with a running maximum and sum (the online softmax of
// FlashAttention); only the output and the log-sum-exp are kept.
#include "attend.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "dropout.hpp"
#include "logits.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {
namespace {

template <typename T> struct AttendForward : Logits<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;
    // The score of an edge that is not heard. Where none is, the log-sum-exp is its opposite: every weight is 0.
    static constexpr Exact kSilent = -std::numeric_limits<Exact>::infinity();

    static void write(const Forward& f, int64_t receiver, int64_t head, int64_t dim, const Exact* sum, Exact share) {
        T* out = static_cast<T*>(f.out.data) + receiver * f.out.node_stride + head * f.out.head_stride;
        T* rest = f.rest ? static_cast<T*>(f.rest) + receiver * f.out.node_stride + head * f.out.head_stride : nullptr;
        for (int64_t d = 0; d < dim; ++d) {
            const Exact x = sum[d] * share;
            store(out + d, x);
            if (rest) store(rest + d, x - exact(out[d]));
        }
    }

    static void run(const Rows& rows, const Attend& a, const Forward& f) {
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
                std::fill(largest.begin(), largest.end(), kSilent);
                std::fill(mass.begin(), mass.end(), Exact(0));
                Chunks chunks(rows, of, item);
                while (chunks.advance()) {
                    const int32_t* senders = chunks.columns;
                    const int64_t count = chunks.count, edge = chunks.edge;
                    for (int64_t h = 0; h < H; ++h) {
                        Exact* w = weight.data() + h * kChunk;
                        Logits<T>::logits(a, query.data(), i, h, chunks, w);
                        const Exact highest = std::max(largest[h], largest_of(w, count));
                        if (f.weights) {
                            for (int64_t n = 0; n < count; ++n) *at(f.weights, (edge + n) * H + h) = w[n];
                        }
                        // A NaN, which no comparison finds, goes on to the sums.
                        if (highest == kSilent && std::all_of(w, w + count, [](Exact x) { return x == kSilent; })) {
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
                            for (int64_t n = 0; n < count; ++n) w[n] *= kept<Exact>(a, row, senders[n]);
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
                    const Exact share = mass[h] == 0 ? Exact(0) : 1 / mass[h];
                    write(f, i, h, V, sum.data() + h * V, share);
                    for (int64_t d = 0; d < F; ++d) *at(f.heard_edge, (i * H + h) * F + d) = edge_sum[h * F + d] * share;
                    *at(f.log_sum, i * H + h) = mass[h] == 0 ? -kSilent : largest[h] + std::log(mass[h]);
                }
            }
            // Rows that were cut: their stretches are joined in order.
            if (rows.item_row) {
#pragma omp for schedule(dynamic, 1)
                for (int64_t i = 0; i < rows.num_rows; ++i) {
                    const int64_t first = rows.row_item[i], last = rows.row_item[i + 1];
                    if (last - first == 1) continue;
                    for (int64_t h = 0; h < H; ++h) {
                        Exact highest = kSilent, all = 0;
                        for (int64_t k = first; k < last; ++k) {
                            highest = std::max(highest, *at(f.partial, (k * H + h) * (2 + V + F)));
                        }
                        std::fill_n(sum.data(), V, Exact(0));
                        std::fill_n(edge_sum.data(), F, Exact(0));
                        for (int64_t k = first; k < last; ++k) {
                            const Exact* part = at(f.partial, (k * H + h) * (2 + V + F));
                            if (part[1] == 0) continue;
                            const Exact shrink = std::exp(part[0] - highest);
                            all += shrink * part[1];
                            add(sum.data(), shrink, part + 2, V);
                            add(edge_sum.data(), shrink, part + 2 + V, F);
                        }
                        const Exact share = all == 0 ? Exact(0) : 1 / all;
                        write(f, i, h, V, sum.data(), share);
                        for (int64_t d = 0; d < F; ++d) *at(f.heard_edge, (i * H + h) * F + d) = edge_sum[d] * share;
                        *at(f.log_sum, i * H + h) = all == 0 ? -kSilent : highest + std::log(all);
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
                                if (a.keep_from) *w *= kept<Exact>(a, row, senders[n]);
                            }
                        }
                    }
                }
            }
        }
    }
};

}  // namespace

void attend_forward(const Rows& rows, const Attend& a, const Forward& f) {
    by_storage<AttendForward>(a.storage, rows, a, f);
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
