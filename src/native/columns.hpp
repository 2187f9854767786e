// The columns of an item, one after the other, and what comes after them.
#pragma once

#include <algorithm>
#include <vector>

#include "walk.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {

constexpr int64_t kAhead = 8;      // columns whose rows are asked for ahead of time
constexpr int64_t kRowsAhead = 4;  // the same for the rows walked

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

    // Calls visit(edges) for an item's edges, at most kChunk at once.
    template <typename Visit> void each(const Stretch& item, const Visit& visit) {
        const int64_t count = item.end - item.begin;
        const int32_t* columns = written_.data();
        int64_t known = count;
        if (single_) {  // as they lie, where every run is one column; those of the next items can be seen from there
            columns = rows_.run_start + item.begin;
            known = num_runs_ - item.begin;
        } else if (count > 0) {
            if (static_cast<int64_t>(written_.size()) < count) written_.resize(count);
            columns = written_.data();
            Walk walk(rows_, item);
            int64_t edge = 0;
            for (int64_t n = 0; n < count;) n += walk.next(written_.data() + n, edge);
        }
        for (int64_t n = 0; n < count; n += kChunk) {
            const int64_t some = std::min(kChunk, count - n), seen = std::clamp<int64_t>(known - n - kAhead, 0, some);
            visit(Edges{columns + n, some, item.begin + n, columns + n + kAhead, seen});
        }
    }

  private:
    const Rows& rows_;
    int64_t num_runs_;
    bool single_;
    std::vector<int32_t> written_;
};

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
