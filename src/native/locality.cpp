#include "locality.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace edgewise {
namespace {

int64_t degree(const Rows& rows, int64_t row) {
    return rows.run_edge_start[rows.run_offsets[row + 1]] - rows.run_edge_start[rows.run_offsets[row]];
}

constexpr int64_t kHub = 8;  // times the mean degree: whoever has more edges brings nobody together

// Nodes in the order of a search in breadth that does not go through hubs: each node's new neighbours by degree.
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
            if (is_hub(found[at])) continue;
            hear(rows_, found[at], found);
            hear(turned_, found[at], found);
            std::stable_sort(found.begin() + first, found.end(), [this](int32_t a, int32_t b) { return weight(a) < weight(b); });
        }
    }
    bool is_hub(int32_t node) const {
        const int64_t edges = rows_.run_edge_start[rows_.run_offsets[rows_.num_rows]];
        return weight(node) * rows_.num_rows > 2 * kHub * edges;
    }
    int64_t weight(int32_t node) const { return degree(rows_, node) + degree(turned_, node); }
    // The last that is no hub; the first where all are.
    int32_t farthest(const std::vector<int32_t>& found) const {
        const auto last = std::find_if(found.rbegin(), found.rend(), [this](int32_t node) { return !is_hub(node); });
        return last == found.rend() ? found.front() : *last;
    }
    bool knows(int32_t node) const { return next_[node] != node; }

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

// Reverse Cuthill-McKee (1969), from the node that a first search from any node of the component ends with; a hub comes
// with the first component that hears it or is heard.
void locality(const Rows& rows, const Rows& turned, int64_t* out) {
    Search first(rows, turned), second(rows, turned);  // both know the same nodes after each component
    std::vector<int32_t> found;
    for (int32_t node = 0; node < rows.num_rows; ++node) {
        if (first.knows(node)) continue;
        found.clear();
        first.from(node, found);
        const int32_t start = first.farthest(found);
        found.clear();
        second.from(start, found);
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
