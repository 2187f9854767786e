// Rows that were cut: the sums of their stretches are joined in order.
#pragma once

#include <algorithm>
#include <initializer_list>

#include "lanes.hpp"
#include "rows.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {

// `width` numbers of each row; data is null where nobody asked for them.
struct Sums {
    void* data;
    int64_t width;
};

// Inside a parallel region. Each item's sums lie in `partial` side by side, in this order.
template <typename Exact> inline void join(const Rows& rows, const void* partial, std::initializer_list<Sums> sums) {
    int64_t all = 0;
    for (const Sums& of : sums) all += of.width;
#pragma omp for schedule(dynamic, 1)
    for (int64_t row = 0; row < rows.num_rows; ++row) {
        const int64_t first = rows.row_item[row], last = rows.row_item[row + 1];
        if (last - first == 1) continue;
        int64_t before = 0;
        for (const Sums& of : sums) {
            if (of.data) {
                Exact* to = static_cast<Exact*>(of.data) + row * of.width;
                std::fill_n(to, of.width, Exact(0));
                for (int64_t k = first; k < last; ++k) {
                    add(to, Exact(1), static_cast<const Exact*>(partial) + k * all + before, of.width);
                }
            }
            before += of.width;
        }
    }
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
