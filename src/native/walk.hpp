// The walk along a row's edges, chunk by chunk, whatever its runs look like.
#pragma once

#include <algorithm>

#include "rows.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {

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

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
