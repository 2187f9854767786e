#include "merge.hpp"

#include <algorithm>
#include <limits>

namespace edgewise {
namespace {

// Beyond every sender: an int32 stop always fits below it.
constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

// One row's list, read boundary by boundary: outside until a start, inside until its stop.
struct Cursor {
    const int32_t* start;
    const int32_t* stop;
    int64_t left;
    bool inside = false;

    int64_t next() const { return left == 0 ? kEnd : (inside ? *stop : *start); }

    void pass(int64_t position) {
        while (next() == position) {
            if (inside) {
                ++start;
                ++stop;
                --left;
            }
            inside = !inside;
        }
    }
};

template <SetOperation operation>
bool holds(bool a, bool b) {
    if constexpr (operation == SetOperation::unite) return a || b;
    if constexpr (operation == SetOperation::intersect) return a && b;
    return a && !b;
}

template <SetOperation operation>
int64_t merge(int64_t rows, const Runs& a, const Runs& b, const RunsOut& out) {
    int64_t written = 0;
    out.offsets[0] = 0;
    for (int64_t row = 0; row < rows; ++row) {
        Cursor left{a.start + a.offsets[row], a.stop + a.offsets[row], a.offsets[row + 1] - a.offsets[row]};
        Cursor right{b.start + b.offsets[row], b.stop + b.offsets[row], b.offsets[row + 1] - b.offsets[row]};
        bool inside = false;
        for (int64_t position; (position = std::min(left.next(), right.next())) != kEnd;) {
            left.pass(position);
            right.pass(position);
            const bool now = holds<operation>(left.inside, right.inside);
            if (now == inside) continue;
            if (now) {
                out.start[written] = static_cast<int32_t>(position);
            } else {
                out.stop[written++] = static_cast<int32_t>(position);
            }
            inside = now;
        }
        out.offsets[row + 1] = written;
    }
    return written;
}

}  // namespace

int64_t merge_runs(SetOperation operation, int64_t rows, const Runs& a, const Runs& b, const RunsOut& out) {
    switch (operation) {
        case SetOperation::unite: return merge<SetOperation::unite>(rows, a, b, out);
        case SetOperation::intersect: return merge<SetOperation::intersect>(rows, a, b, out);
        case SetOperation::subtract: return merge<SetOperation::subtract>(rows, a, b, out);
    }
    return 0;
}

}  // namespace edgewise
