// An item of the rows: the stretch of one row's edges that it stands for.
#pragma once

#include "rows.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {

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

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
