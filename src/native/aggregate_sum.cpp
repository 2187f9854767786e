// out_r = Σ_c w_rc x_c, a row's edges chunk by chunk; a mean divides it by their number.
#include "aggregate.hpp"

#include <algorithm>
#include <vector>

#include "edge_weights.hpp"
#include "stored.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {
namespace {

template <typename T> struct AggregateSum : Stored<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;

    static void run(const Rows& rows, const Aggregate& a, const Sum& s) {
        const int64_t H = a.num_heads, D = a.dim, F = a.features, width = a.heads_out * D, all = width + H * F;
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            // The sums of x, then those of edge features.
            std::vector<Exact> sum(all), w(kChunk, Exact(1));
            Columns columns(rows);
#pragma omp for schedule(dynamic, 32)
            for (int64_t item = 0; item < rows.num_items; ++item) {
                const Stretch of = stretch(rows, item);
                std::fill(sum.begin(), sum.end(), Exact(0));
                columns.take(item, item + 1);
                columns.each(of, [&](const Edges& edges) {
                    for (int64_t h = 0; h < H; ++h) {
                        edge_weights(a, h, edges, w.data());
                        add_rows(sum.data() + h * a.heads_out / H * D, w.data(), rows_of<T>(a.x, h * a.heads_in / H, edges),
                                 edges.columns, edges.count, D);
                        for (int64_t n = 0; F && n < edges.count; ++n) {
                            add(sum.data() + width + h * F, w[n], at(a.edge, (edges.edge + n) * F), F);
                        }
                    }
                });
                if (of.whole) {
                    write(rows, a, s, of.row, sum.data());
                } else {
                    std::copy_n(sum.data(), all, at(s.partial, item * all));
                }
            }
            // Rows that were cut: their stretches are joined in order.
            if (rows.item_row) {
#pragma omp for schedule(dynamic, 1)
                for (int64_t row = 0; row < rows.num_rows; ++row) {
                    const int64_t first = rows.row_item[row], last = rows.row_item[row + 1];
                    if (last - first == 1) continue;
                    std::fill(sum.begin(), sum.end(), Exact(0));
                    for (int64_t k = first; k < last; ++k) add(sum.data(), Exact(1), at(s.partial, k * all), all);
                    write(rows, a, s, row, sum.data());
                }
            }
        }
    }

    static void write(const Rows& rows, const Aggregate& a, const Sum& s, int64_t row, Exact* sum) {
        const int64_t width = a.heads_out * a.dim, edge_width = a.num_heads * a.features;
        if (s.mean) {
            const int64_t* edges = rows.run_edge_start;
            const int64_t degree = edges[rows.run_offsets[row + 1]] - edges[rows.run_offsets[row]];
            for (int64_t d = 0; d < width + edge_width; ++d) sum[d] /= static_cast<Exact>(std::max<int64_t>(degree, 1));
        }
        store_row<T>(s.out, row, sum, width);
        if (edge_width) std::copy_n(sum + width, edge_width, at(s.heard_edge, row * edge_width));
    }
};

}  // namespace

void aggregate_sum(const Rows& rows, const Aggregate& a, const Sum& s) { by_storage<AggregateSum>(a.storage, rows, a, s); }

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
