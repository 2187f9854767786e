// An order of nodes in which those who hear each other are near.
#pragma once

#include <cstdint>

#include "rows.hpp"

namespace edgewise {

// Writes num_rows nodes to `out`, component by component; `turned` is the transpose of `rows`.
void locality(const Rows& rows, const Rows& turned, int64_t* out);

// The mean share of what a sampled row hears that its senders hear too: 0 where no order can bring rows near that share
// much, 1 where those who hear each other hear the same.
double overlap(const Rows& rows, int64_t samples);

}  // namespace edgewise
