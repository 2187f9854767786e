// The columns of some items, one after the other, and what comes after them.
#pragma once

#include <algorithm>
#include <vector>

#include "stretch.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {

constexpr int64_t kChunk = 64;     // edges at once
constexpr int64_t kAhead = 8;      // columns whose rows are asked for ahead of time
constexpr int64_t kRowsAhead = 4;  // the same for the rows walked
constexpr int64_t kItems = 32;     // items that a thread takes at once

// Some edges of a row: their columns, the number of the first, and the columns whose rows are asked for meanwhile.
struct Edges {
    const int32_t* columns;
    int64_t count, edge;
    const int32_t* ahead;
    int64_t asks_ahead;
};

class Columns {
  public:
    explicit Columns(const Rows& rows)
        : rows_(rows), num_runs_(rows.run_offsets[rows.num_rows]), single_(num_runs_ == rows.run_edge_start[num_runs_]) {}

    // Finds the columns of the items from `first` up to `last`: as they lie, where every run is one column.
    void take(int64_t first, int64_t last) {
        const Stretch begins = stretch(rows_, first);
        begin_ = begins.begin;
        known_ = (single_ ? num_runs_ : stretch(rows_, last - 1).end) - begin_;
        if (single_) columns_ = rows_.run_start + begin_;
        else write(begins.row);
    }
    // Calls visit(edges) for the edges of one of them, at most kChunk at once.
    template <typename Visit> void each(const Stretch& item, const Visit& visit) const {
        for (int64_t n = item.begin - begin_; n < item.end - begin_; n += kChunk) {
            const int64_t some = std::min(kChunk, item.end - begin_ - n), seen = std::clamp<int64_t>(known_ - n - kAhead, 0, some);
            visit(Edges{columns_ + n, some, begin_ + n, columns_ + n + kAhead, seen});
        }
    }

  private:
    void write(int64_t row) {
        if (static_cast<int64_t>(written_.size()) < known_) written_.resize(known_);
        columns_ = written_.data();
        const int64_t *starts = rows_.run_edge_start, *first = starts + rows_.run_offsets[row];
        int64_t run = std::upper_bound(first, starts + rows_.run_offsets[row + 1], begin_) - starts - 1;
        run = std::max(run, rows_.run_offsets[row]);
        for (int64_t n = 0; n < known_; ++run) {
            const int64_t edge = begin_ + n, take = std::min(starts[run + 1] - edge, known_ - n);
            const int32_t from = static_cast<int32_t>(rows_.run_start[run] + (edge - starts[run]));
            for (int64_t m = 0; m < take; ++m) written_[n + m] = from + static_cast<int32_t>(m);
            n += take;
        }
    }

    const Rows& rows_;
    int64_t num_runs_, begin_ = 0, known_ = 0;
    bool single_;
    const int32_t* columns_ = nullptr;
    std::vector<int32_t> written_;
};

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
