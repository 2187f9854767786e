#include "tiles.hpp"

#include <algorithm>
#include <limits>

#include "reordered.hpp"

namespace edgewise {
namespace {

constexpr int64_t kBlockTiles = 8;      // so that a block's senders, copied side by side, stay near
constexpr int64_t kSegmentBlocks = 4;   // at least
constexpr int64_t kMostSegments = 64;

struct Stretch {
    int32_t start, stop;
    uint32_t mask;
};

struct Event {
    int32_t at;
    uint32_t row;  // its bit flips here
};

// What 32 rows hear, as stretches of senders with the rows that hear them.
class Sweep {
  public:
    void over(const Rows& rows, int64_t first, int64_t count) {
        events_.clear();
        stretches.clear();
        for (int64_t i = 0; i < count; ++i) {
            for (int64_t run = rows.run_offsets[first + i]; run < rows.run_offsets[first + i + 1]; ++run) {
                events_.push_back({rows.run_start[run], 1u << i});
                events_.push_back({rows.run_stop[run], 1u << i});
            }
        }
        std::sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) { return a.at < b.at; });
        uint32_t mask = 0;
        for (size_t n = 0; n < events_.size();) {
            const int32_t at = events_[n].at;
            if (mask) stretches.push_back({stretches_begin_, at, mask});
            for (; n < events_.size() && events_[n].at == at; ++n) mask ^= events_[n].row;
            stretches_begin_ = at;
            if (!stretches.empty() && stretches.back().stop == at && stretches.back().mask == mask) {
                stretches_begin_ = stretches.back().start;
                stretches.pop_back();
            }
        }
    }
    std::vector<Stretch> stretches;

  private:
    std::vector<Event> events_;
    int32_t stretches_begin_ = 0;
};

// Whether some senders may be heard by so many of the rows that a sweep is worth its time: an estimate from above.
bool may_share(const Rows& rows, int64_t first, int64_t count, int64_t least) {
    const int64_t runs = rows.run_offsets[first + count] - rows.run_offsets[first];
    const int64_t edges = rows.run_edge_start[rows.run_offsets[first + count]] - rows.run_edge_start[rows.run_offsets[first]];
    if (edges >= 4 * runs) return true;
    uint8_t heard[4096] = {};
    int64_t shared = 0;
    for (int64_t run = rows.run_offsets[first]; run < rows.run_offsets[first + count]; ++run) {
        for (int32_t sender = rows.run_start[run]; sender < rows.run_stop[run]; ++sender) {
            uint8_t& times = heard[static_cast<uint32_t>(sender) * 0x9e3779b1u >> 20];
            times += times < 255;
            shared += times >= least;
        }
    }
    return 4 * shared >= edges;
}

double cost_by_edge(const Stretch& s, const TileCosts& costs) {
    const int64_t length = s.stop - s.start;
    return static_cast<double>(length * __builtin_popcount(s.mask)) * (length >= 4 ? costs.edge_in_run : costs.edge_alone);
}
double cost_in_tile(const Stretch& s) { return static_cast<double>((s.stop - s.start) * kTileRows); }

// Which stretches of a block of rows are computed as a tile: all, those that many hear, or none.
void choose(const std::vector<Stretch>& stretches, const TileCosts& costs, int64_t count, std::vector<Stretch>& tile) {
    const double rows = costs.edge_row * static_cast<double>(count);
    double all = costs.tile_row * kTileRows, some = all, none = rows;
    bool leaves = false;
    for (const Stretch& s : stretches) {
        const double pairs = cost_in_tile(s), edges = cost_by_edge(s, costs);
        all += pairs;
        none += edges;
        some += std::min(pairs, edges);
        leaves |= edges < pairs;
    }
    if (leaves) some += rows;
    tile.clear();
    if (none <= std::min(all, some)) return;
    for (const Stretch& s : stretches) {
        if (all <= some || cost_by_edge(s, costs) >= cost_in_tile(s)) tile.push_back(s);
    }
}

// The runs of one block of rows that are in no tile.
void keep_rest(const std::vector<Stretch>& stretches, const std::vector<Stretch>& tile, int64_t first, int64_t count, Tiles& tiles,
               std::vector<int64_t>& rest_count) {
    size_t taken = 0;
    std::vector<Stretch> left;
    for (const Stretch& s : stretches) {
        if (taken < tile.size() && tile[taken].start == s.start) { ++taken; continue; }
        left.push_back(s);
    }
    for (int64_t i = 0; i < count; ++i) {
        const size_t before = tiles.rest_start.size();
        for (const Stretch& s : left) {
            if (!(s.mask >> i & 1)) continue;
            if (tiles.rest_start.size() > before && tiles.rest_stop.back() == s.start) tiles.rest_stop.back() = s.stop;
            else { tiles.rest_start.push_back(s.start); tiles.rest_stop.push_back(s.stop); }
            tiles.rest_edges += s.stop - s.start;
        }
        rest_count[first + i] = static_cast<int64_t>(tiles.rest_start.size() - before);
    }
}

// Blocks of tiles, and the senders of each: every piece, and the near number of every stretch.
void make_blocks(Tiles& tiles) {
    tiles.block_offsets.assign(1, 0);
    tiles.piece_offsets.assign(1, 0);
    tiles.near.resize(tiles.start.size());
    std::vector<int64_t> order;
    for (int64_t tile = 0; tile < tiles.num_tiles();) {
        const int64_t end = std::min(tile + kBlockTiles, tiles.num_tiles());
        order.clear();
        for (int64_t s = tiles.stretch_offsets[tile]; s < tiles.stretch_offsets[end]; ++s) order.push_back(s);
        std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return tiles.start[a] < tiles.start[b]; });
        const size_t first = tiles.piece_start.size();
        int32_t near = 0;  // of the piece that is being made
        for (const int64_t s : order) {
            if (tiles.piece_start.size() == first || tiles.start[s] > tiles.piece_stop.back()) {
                if (tiles.piece_start.size() > first) near += tiles.piece_stop.back() - tiles.piece_start.back();
                tiles.piece_start.push_back(tiles.start[s]);
                tiles.piece_stop.push_back(tiles.stop[s]);
                tiles.piece_near.push_back(near);
            }
            tiles.piece_stop.back() = std::max(tiles.piece_stop.back(), tiles.stop[s]);
            tiles.near[s] = near + tiles.start[s] - tiles.piece_start.back();
        }
        tiles.piece_offsets.push_back(static_cast<int64_t>(tiles.piece_start.size()));
        tiles.block_offsets.push_back(end);
        tile = end;
    }
}

// Segments of whole blocks; a sender belongs to the first segment that hears it and has a slot in every other. False
// where that would take more slots than half of the senders.
bool make_segments(Tiles& tiles, int64_t num_senders, int64_t blocks_each) {
    tiles.segment_offsets.assign(1, 0);
    while (tiles.segment_offsets.back() < tiles.num_blocks()) {
        tiles.segment_offsets.push_back(std::min(tiles.segment_offsets.back() + blocks_each, tiles.num_blocks()));
    }
    tiles.slot_sender.clear();
    if (tiles.num_segments() <= 1) {
        tiles.piece_slot.assign(tiles.piece_start.size(), -1);
        return true;
    }
    std::vector<int32_t> owner(num_senders, -1), seen(num_senders, -1), slot(num_senders);
    std::vector<int32_t> start, stop, near, slots;
    std::vector<int64_t> offsets{0};
    for (int64_t segment = 0; segment < tiles.num_segments(); ++segment) {
        for (int64_t block = tiles.segment_offsets[segment]; block < tiles.segment_offsets[segment + 1]; ++block) {
            for (int64_t p = tiles.piece_offsets[block]; p < tiles.piece_offsets[block + 1]; ++p) {
                for (int32_t sender = tiles.piece_start[p]; sender < tiles.piece_stop[p]; ++sender) {
                    if (owner[sender] < 0) owner[sender] = static_cast<int32_t>(segment);
                    int32_t own = -1;
                    if (owner[sender] != segment) {
                        if (seen[sender] != segment) {
                            seen[sender] = static_cast<int32_t>(segment);
                            slot[sender] = static_cast<int32_t>(tiles.slot_sender.size());
                            tiles.slot_sender.push_back(sender);
                            if (2 * tiles.num_slots() > num_senders) return false;
                        }
                        own = slot[sender];
                    }
                    const bool goes_on = sender > tiles.piece_start[p] &&
                                         (slots.back() < 0 ? own < 0 : slots.back() + stop.back() - start.back() == own);
                    if (goes_on) {
                        ++stop.back();
                        continue;
                    }
                    start.push_back(sender);
                    stop.push_back(sender + 1);
                    near.push_back(tiles.piece_near[p] + sender - tiles.piece_start[p]);
                    slots.push_back(own);
                }
            }
            offsets.push_back(static_cast<int64_t>(start.size()));
        }
    }
    tiles.piece_start.swap(start);
    tiles.piece_stop.swap(stop);
    tiles.piece_near.swap(near);
    tiles.piece_slot.swap(slots);
    tiles.piece_offsets.swap(offsets);
    return true;
}

// With `whole`, blocks of rows that may share senders become tiles whole.
Tiles find_in_blocks(const Rows& rows, const TileCosts& costs, bool whole, double& cost_of_whole) {
    Tiles tiles;
    cost_of_whole = 0;  // what the rest would cost more in tiles than by itself
    tiles.num_rows = rows.num_rows;
    tiles.stretch_offsets.push_back(0);
    std::vector<int64_t> rest_count(rows.num_rows, 0);
    Sweep sweep;
    std::vector<Stretch> tile;
    const int64_t least = static_cast<int64_t>(kTileRows / costs.edge_alone);
    for (int64_t first = 0; first < rows.num_rows; first += kTileRows) {
        const int64_t count = std::min(kTileRows, rows.num_rows - first);
        const int64_t run = rows.run_offsets[first], last = rows.run_offsets[first + count];
        if (run == last) continue;
        tile.clear();
        if (may_share(rows, first, count, least)) {
            sweep.over(rows, first, count);
            if (whole) tile = sweep.stretches;
            else choose(sweep.stretches, costs, count, tile);
            if (tile.empty()) cost_of_whole += costs.tile_row * kTileRows;
            for (const Stretch& s : sweep.stretches) cost_of_whole += cost_in_tile(s);
            for (const Stretch& s : tile) cost_of_whole -= cost_in_tile(s);
        } else {
            cost_of_whole = std::numeric_limits<double>::infinity();
        }
        if (tile.empty()) {
            tiles.rest_start.insert(tiles.rest_start.end(), rows.run_start + run, rows.run_start + last);
            tiles.rest_stop.insert(tiles.rest_stop.end(), rows.run_stop + run, rows.run_stop + last);
            for (int64_t i = 0; i < count; ++i) rest_count[first + i] = rows.run_offsets[first + i + 1] - rows.run_offsets[first + i];
            tiles.rest_edges += rows.run_edge_start[last] - rows.run_edge_start[run];
            continue;
        }
        tiles.row.push_back(static_cast<int32_t>(first));
        for (const Stretch& s : tile) {
            tiles.start.push_back(s.start);
            tiles.stop.push_back(s.stop);
            tiles.mask.push_back(s.mask);
            tiles.num_edges += static_cast<int64_t>(s.stop - s.start) * __builtin_popcount(s.mask);
            tiles.num_pairs += static_cast<int64_t>(s.stop - s.start) * kTileRows;
        }
        tiles.stretch_offsets.push_back(static_cast<int64_t>(tiles.start.size()));
        if (tile.size() < sweep.stretches.size()) keep_rest(sweep.stretches, tile, first, count, tiles, rest_count);
    }
    tiles.rest_offsets.assign(1, 0);
    for (const int64_t runs : rest_count) tiles.rest_offsets.push_back(tiles.rest_offsets.back() + runs);
    return tiles;
}

}  // namespace

Tiles find_tiles(const Rows& rows, int64_t num_senders, const TileCosts& costs) {
    double cost_of_whole = 0;
    Tiles tiles = find_in_blocks(rows, costs, false, cost_of_whole);
    if (tiles.num_tiles() == 0) return tiles;
    // A rest is a pass over all rows, those too that have nothing left.
    double cost_of_rest = static_cast<double>(tiles.rest_edges) * costs.edge_in_run;
    for (int64_t row = 0; row < rows.num_rows; ++row) {
        cost_of_rest += tiles.rest_offsets[row + 1] > tiles.rest_offsets[row] ? costs.edge_row : costs.silent_row;
    }
    if (tiles.rest_edges > 0 && cost_of_whole <= cost_of_rest) tiles = find_in_blocks(rows, costs, true, cost_of_whole);
    make_blocks(tiles);
    int64_t each = std::max(kSegmentBlocks, (tiles.num_blocks() + kMostSegments - 1) / kMostSegments);
    while (!make_segments(tiles, num_senders, each)) each *= 2;
    return tiles;
}

Tiles find_tiles_in_order(const Rows& rows, const Rows& turned, const int32_t* order, const TileCosts& costs) {
    const Reordered made = reordered(rows, turned, order);
    Tiles tiles = find_tiles(made.rows(), rows.num_rows, costs);
    tiles.order.assign(order, order + rows.num_rows);
    for (int32_t& sender : tiles.slot_sender) sender = order[sender];
    restore(made, order, tiles.rest_offsets, tiles.rest_start, tiles.rest_stop);
    return tiles;
}

TileKernels tile_kernels(Level level) {
#if defined(EDGEWISE_X86_LEVELS)
    if (level == Level::v4) return {v4::tile_forward, v4::tile_backward};
    if (level == Level::v3) return {v3::tile_forward, v3::tile_backward};
#endif
    (void)level;
    return {baseline::tile_forward, baseline::tile_backward};
}

}  // namespace edgewise
