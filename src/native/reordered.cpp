#include "reordered.hpp"

#include <algorithm>

namespace edgewise {
namespace {

// Appends a column to the last run of a row if it goes on there.
void append(int32_t column, size_t first_run, std::vector<int32_t>& start, std::vector<int32_t>& stop) {
    if (stop.size() > first_run && stop.back() == column) {
        ++stop.back();
    } else {
        start.push_back(column);
        stop.push_back(column + 1);
    }
}

}  // namespace

Rows Reordered::rows() const {
    Rows rows{};
    rows.num_rows = rows.num_items = static_cast<int64_t>(rank.size());
    rows.run_offsets = run_offsets.data();
    rows.run_start = run_start.data();
    rows.run_stop = run_stop.data();
    rows.run_edge_start = run_edge_start.data();
    return rows;
}

Reordered reordered(const Rows& rows, const Rows& turned, const int32_t* order) {
    const int64_t N = rows.num_rows;
    Reordered made;
    made.rank.resize(N);
    for (int64_t k = 0; k < N; ++k) made.rank[order[k]] = static_cast<int32_t>(k);
    std::vector<int64_t> next(N + 1, 0);  // where the next column of each row goes
    for (int64_t k = 0; k < N; ++k) {
        const int64_t *edges = rows.run_edge_start, *runs = rows.run_offsets + order[k];
        next[k + 1] = next[k] + edges[runs[1]] - edges[runs[0]];
    }
    const std::vector<int64_t> begin = next;
    std::vector<int32_t> columns(begin[N]);
    // Columns are handed out in their order, so every row has its own in order.
    for (int64_t k = 0; k < N; ++k) {
        for (int64_t run = turned.run_offsets[order[k]]; run < turned.run_offsets[order[k] + 1]; ++run) {
            for (int32_t row = turned.run_start[run]; row < turned.run_stop[run]; ++row) {
                columns[next[made.rank[row]]++] = static_cast<int32_t>(k);
            }
        }
    }
    made.run_offsets.assign(1, 0);
    for (int64_t k = 0; k < N; ++k) {
        const size_t first = made.run_stop.size();
        for (int64_t n = begin[k]; n < begin[k + 1]; ++n) append(columns[n], first, made.run_start, made.run_stop);
        made.run_offsets.push_back(static_cast<int64_t>(made.run_stop.size()));
    }
    made.run_edge_start.assign(1, 0);
    for (size_t run = 0; run < made.run_stop.size(); ++run) {
        made.run_edge_start.push_back(made.run_edge_start.back() + made.run_stop[run] - made.run_start[run]);
    }
    return made;
}

void restore(const Reordered& of, const int32_t* order, std::vector<int64_t>& run_offsets, std::vector<int32_t>& run_start,
             std::vector<int32_t>& run_stop) {
    std::vector<int64_t> offsets(1, 0);
    std::vector<int32_t> start, stop, columns;
    for (const int32_t place : of.rank) {
        columns.clear();
        for (int64_t run = run_offsets[place]; run < run_offsets[place + 1]; ++run) {
            columns.insert(columns.end(), order + run_start[run], order + run_stop[run]);
        }
        std::sort(columns.begin(), columns.end());
        const size_t first = stop.size();
        for (const int32_t column : columns) append(column, first, start, stop);
        offsets.push_back(static_cast<int64_t>(stop.size()));
    }
    run_offsets.swap(offsets);
    run_start.swap(start);
    run_stop.swap(stop);
}

}  // namespace edgewise
