// Set algebra on runs: for each row, two sorted lists of disjoint intervals [start, stop) become one.
#pragma once

#include <cstdint>

namespace edgewise {

enum class SetOperation { unite = 0, intersect = 1, subtract = 2 };

struct Runs {
    const int64_t* offsets;  // [rows + 1]
    const int32_t* start;    // [offsets[rows]]
    const int32_t* stop;     // [offsets[rows]]
};

struct RunsOut {
    int64_t* offsets;  // [rows + 1]
    int32_t* start;    // room for the runs of both inputs together
    int32_t* stop;
};

// Returns how many runs were written. They are sorted, disjoint and do not touch, whether or not the inputs' do.
int64_t merge_runs(SetOperation operation, int64_t rows, const Runs& a, const Runs& b, const RunsOut& out);

}  // namespace edgewise
