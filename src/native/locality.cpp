#include "locality.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace edgewise {
namespace {

int64_t degree(const Rows& rows, int64_t row) {
    return rows.run_edge_start[rows.run_offsets[row + 1]] - rows.run_edge_start[rows.run_offsets[row]];
}

// Nodes in the order of a search in breadth: each node's new neighbours by degree.
class Search {
  public:
    Search(const Rows& rows, const Rows& turned) : rows_(rows), turned_(turned), next_(rows.num_rows + 1) {
        std::iota(next_.begin(), next_.end(), 0);
    }

    // Appends the component of `start` to `found`.
    void from(int32_t start, std::vector<int32_t>& found) {
        size_t at = found.size();
        take(start, found);
        for (; at < found.size(); ++at) {
            const size_t first = found.size();
            hear(rows_, found[at], found);
            hear(turned_, found[at], found);
            std::stable_sort(found.begin() + first, found.end(), [this](int32_t a, int32_t b) { return weight(a) < weight(b); });
        }
    }
    int64_t weight(int32_t node) const { return degree(rows_, node) + degree(turned_, node); }
    bool knows(int32_t node) const { return next_[node] != node; }
    void forget(const std::vector<int32_t>& nodes, size_t first) {
        for (size_t n = first; n < nodes.size(); ++n) next_[nodes[n]] = nodes[n];
    }

  private:
    void take(int32_t node, std::vector<int32_t>& found) {
        next_[node] = node + 1;
        found.push_back(node);
    }
    // Every node of a run that is not known yet; those that are known are passed over in one step.
    void hear(const Rows& rows, int32_t node, std::vector<int32_t>& found) {
        for (int64_t run = rows.run_offsets[node]; run < rows.run_offsets[node + 1]; ++run) {
            for (int32_t j = unknown(rows.run_start[run]); j < rows.run_stop[run]; j = unknown(j + 1)) take(j, found);
        }
    }
    // The first node from here on that is not known.
    int32_t unknown(int32_t node) {
        int32_t last = node;
        while (next_[last] != last) last = next_[last];
        while (next_[node] != last && next_[node] != node) {
            const int32_t after = next_[node];
            next_[node] = last;
            node = after;
        }
        return last;
    }

    const Rows &rows_, &turned_;
    std::vector<int32_t> next_;
};

// How many columns two rows have in common.
int64_t common(const Rows& rows, int64_t a, int64_t b) {
    int64_t i = rows.run_offsets[a], j = rows.run_offsets[b], sum = 0;
    const int64_t end_i = rows.run_offsets[a + 1], end_j = rows.run_offsets[b + 1];
    while (i < end_i && j < end_j) {
        const int32_t start = std::max(rows.run_start[i], rows.run_start[j]), stop = std::min(rows.run_stop[i], rows.run_stop[j]);
        sum += std::max(stop - start, 0);
        if (rows.run_stop[i] < rows.run_stop[j]) ++i;
        else ++j;
    }
    return sum;
}

}  // namespace

// Reverse Cuthill-McKee (1969), from the node that a first search from any node of the component ends with.
void locality(const Rows& rows, const Rows& turned, int64_t* out) {
    Search search(rows, turned);
    std::vector<int32_t> found;
    for (int32_t node = 0; node < rows.num_rows; ++node) {
        if (search.knows(node)) continue;
        found.clear();
        search.from(node, found);
        const int32_t last = found.back();
        search.forget(found, 0);
        found.clear();
        search.from(last, found);
        out = std::copy(found.rbegin(), found.rend(), out);
    }
}

double overlap(const Rows& rows, int64_t samples) {
    const int64_t step = std::max<int64_t>(rows.num_rows / std::max<int64_t>(samples, 1), 1), most = 16;
    double sum = 0;
    int64_t pairs = 0;
    for (int64_t row = 0; row < rows.num_rows; row += step) {
        const int64_t first = rows.run_offsets[row], runs = rows.run_offsets[row + 1] - first;
        const int64_t stride = std::max<int64_t>(runs / most, 1);
        for (int64_t run = first; run < first + runs; run += stride) {
            const int64_t sender = rows.run_start[run];
            if (sender == row) continue;
            sum += static_cast<double>(common(rows, row, sender)) / static_cast<double>(degree(rows, row));
            ++pairs;
        }
    }
    return pairs ? sum / static_cast<double>(pairs) : 0;
}

}  // namespace edgewise
