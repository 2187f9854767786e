// What the passes over tiles share, compiled once for each instruction set (EDGEWISE_LEVEL, EDGEWISE_BYTES).
//
// A tile is computed with its receivers in the lanes, two vectors of them (a side) at a time. The senders that they hear
// come in chunks, and whoever does not hear a sender weighs it 0. So a softmax needs no sums across lanes, and keys and
// values are used as they lie. The senders of a block are copied next to each other first: at their places they would
// share a few sets of the cache.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

#include "dropout.hpp"
#include "packed.hpp"
#include "panels.hpp"
#include "stored.hpp"
#include "tiles.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {

constexpr int64_t kColumns = 96;  // senders at once, at most: few enough that their weights stay in the nearest cache
constexpr int64_t kNearAhead = kTileRows;  // near senders that are asked for ahead of time: in a window, those of the next tile
constexpr int64_t kNear = 1 << 17;  // numbers of near senders that stay in the next cache

template <typename Number> inline Number* at(void* data, int64_t index) { return static_cast<Number*>(data) + index; }
template <typename Number> inline const Number* at(const void* data, int64_t index) {
    return static_cast<const Number*>(data) + index;
}

template <typename T, typename Exact> inline void copy_padded(Exact* to, const T* from, int64_t dim, int64_t width) {
    constexpr int64_t W = kLanes<Exact>;
    int64_t d = 0;
    for (; d + W <= dim; d += W) put<Exact>(to + d, load(from + d));
    for (; d < dim; ++d) to[d] = exact(from[d]);
    for (; d < width; ++d) to[d] = 0;
}
template <typename Exact> inline void scale_panel(Exact* x, Exact factor, int64_t count) {
    for (int64_t n = 0; n < count; n += kLanes<Exact>) put<Exact>(x + n, load(x + n) * factor);
}

constexpr int64_t kAll = (int64_t{1} << kTileRows) - 1;  // the mask of a sender that all receivers hear
// The mask of the first side; the others begin at every kSide-th receiver.
template <typename Exact> constexpr uint32_t kOneSide = static_cast<uint32_t>(kAll >> (kTileRows - kSide<Exact>));

// Asks the second cache for a row that is needed while the next tile is computed.
template <typename T> inline void ask_early(const T* row, int64_t dim) {
    const char* at = reinterpret_cast<const char*>(row);
    for (int64_t byte = 0; byte < dim * static_cast<int64_t>(sizeof(T)); byte += 64) __builtin_prefetch(at + byte, 0, 2);
}

// Senders that are computed at once, and which receivers of a tile hear each.
struct Chunk {
    int32_t senders[kColumns], near[kColumns];
    uint32_t heard[kColumns];
    int64_t count;
    bool partly;      // some receiver does not hear some sender
    bool in_a_row;    // their near numbers follow each other

    // From the first to the last of the senders that some of these receivers hear.
    Span heard_by(uint32_t receivers) const {
        Span span{0, count};
        if (!partly) return span;
        while (span.begin < span.end && !(heard[span.begin] & receivers)) ++span.begin;
        while (span.begin < span.end && !(heard[span.end - 1] & receivers)) --span.end;
        return span;
    }
    // From the first to the last of the receivers that hear some of `n` senders.
    Span hearing(int64_t first, int64_t n) const {
        if (!partly) return {0, kTileRows};
        uint32_t receivers = 0;
        for (int64_t c = first; c < first + n; ++c) receivers |= heard[c];
        return {__builtin_ctz(receivers), kTileRows - __builtin_clz(receivers)};
    }
};

// The receivers of a tile, and the walk along the senders that they hear.
class Hearers {
  public:
    Hearers(const Tiles& tiles, int64_t tile)
        : first(tiles.row[tile]), count(std::min(tiles.num_rows - first, kTileRows)), tiles_(tiles),
          stretch_(tiles.stretch_offsets[tile]), last_(tiles.stretch_offsets[tile + 1]) {
        // Chunks as equal as can be, in whole parts of all_dots.
        int64_t senders = 0;
        for (int64_t n = stretch_; n < last_; ++n) senders += tiles.stop[n] - tiles.start[n];
        const int64_t chunks = (senders + kColumns - 1) / kColumns, each = (senders + chunks - 1) / chunks;
        columns_ = (each + kMostDots - 1) / kMostDots * kMostDots;
    }

    // The next senders whose near number is below `limit`.
    bool next(Chunk& chunk, int64_t limit) {
        uint32_t all = kAll;
        int64_t& n = chunk.count = 0;
        while (n < columns_ && stretch_ < last_) {
            const int64_t near = tiles_.near[stretch_] + into_, length = tiles_.stop[stretch_] - tiles_.start[stretch_];
            if (near >= limit) break;
            const int64_t sender = tiles_.start[stretch_] + into_, take = std::min({columns_ - n, length - into_, limit - near});
            for (int64_t end = n + take, ahead = 0; n < end; ++n, ++ahead) {
                chunk.senders[n] = static_cast<int32_t>(tiles_.node(sender + ahead));
                chunk.near[n] = static_cast<int32_t>(near + ahead);
                chunk.heard[n] = tiles_.mask[stretch_];
            }
            all &= tiles_.mask[stretch_];
            into_ += take;
            if (into_ == length) {
                ++stretch_;
                into_ = 0;
            }
        }
        chunk.partly = all != kAll;
        chunk.in_a_row = n > 0 && chunk.near[n - 1] - chunk.near[0] == n - 1;
        return n > 0;
    }

    int64_t node(int64_t i) const { return tiles_.node(first + i); }

    // The near number of the next sender.
    int64_t near() const { return tiles_.near[stretch_] + into_; }
    bool done() const { return stretch_ == last_; }

    int64_t first, count;  // the first receiver, and how many there are

  private:
    const Tiles& tiles_;
    int64_t columns_, stretch_, last_, into_ = 0;
};

// What the receivers of a tile have in one head, row by row; zeros where there is no receiver.
template <typename T, typename Exact>
inline void copy_tile(Exact* to, const Nodes<const void*>& x, const Hearers& tile, int64_t head, int64_t dim, int64_t width) {
    for (int64_t i = 0; i < tile.count; ++i) copy_padded<T>(to + i * width, row_of<T>(x, tile.node(i), head), dim, width);
    std::fill_n(to + tile.count * width, (kTileRows - tile.count) * width, Exact(0));
}
// The same rows are needed soon, or will be written.
template <typename T> inline void ask_for_tile(const Nodes<const void*>& x, const Hearers& tile, int64_t head, int64_t dim) {
    for (int64_t i = 0; i < tile.count; ++i) ask_early(row_of<T>(x, tile.node(i), head), dim);
}
// The rows of a tile into lanes, a side after the other: y[side][d][i] = x[side][i][d]
template <typename Exact> inline void transpose_tile(const Exact* x, int64_t width, Exact* y) {
    for (int64_t i = 0; i < kTileRows; i += kSide<Exact>) transpose_side(x + i * width, width, y + i * width);
}
// w[c][i] = x[c] · y[i] for the senders of a chunk and the receivers of a tile, where some of a side hear
template <typename Exact>
inline void all_dots(const Exact* x, int64_t width, const Chunk& chunk, const Exact* y, int64_t dim, Exact* w) {
    for (int64_t side = 0; side < kTileRows; side += kSide<Exact>) {
        all_dots<kTileRows>(x, width, chunk.heard_by(kOneSide<Exact> << side), y + side * width, dim, w + side);
    }
}

// A walk along the senders of a block, in the order of their near numbers.
class NearWalk {
  public:
    void begin(const Tiles& tiles, int64_t block, int64_t near) {
        tiles_ = &tiles;
        piece_ = tiles.piece_offsets[block];
        near_ = near;
    }
    // Calls visit(sender, one that comes soon, its near number, its slot or -1) for the next senders, up to the near number
    // `end`.
    template <typename Visit> void up_to(int64_t end, const Visit& visit) {
        while (near_ < end) {
            const int64_t into = near_ - tiles_->piece_near[piece_];
            const int64_t length = tiles_->piece_stop[piece_] - tiles_->piece_start[piece_];
            if (into >= length) {
                ++piece_;
                continue;
            }
            const int64_t slot = tiles_->piece_slot[piece_];
            const int64_t place = tiles_->piece_start[piece_] + into;
            visit(tiles_->node(place), tiles_->node_near(place + kNearAhead), near_++, slot < 0 ? -1 : slot + into);
        }
    }

  private:
    const Tiles* tiles_ = nullptr;
    int64_t piece_ = 0, near_ = 0;
};

// The heads of senders, next to each other: keys and values of those whose near numbers begin at `from`, copied when
// they are first heard.
template <typename T, typename Exact> class NearSenders {
  public:
    NearSenders(const Attend& a, int64_t most)
        : keys(most * padded<Exact>(a.dim)), values(most * padded<Exact>(a.value_dim)), from(0), width_(padded<Exact>(a.dim)),
          value_width_(padded<Exact>(a.value_dim)) {}

    void begin(const Tiles& tiles, int64_t block, int64_t near) {
        from = near;
        walk_.begin(tiles, block, near);
    }
    void fill(const Attend& a, int64_t end, int64_t shared) {
        walk_.up_to(end, [&](int64_t sender, int64_t ahead, int64_t near, int64_t) {
            ask_early(row_of<T>(a.key, ahead, shared), a.dim);
            ask_early(row_of<T>(a.value, ahead, shared), a.value_dim);
            copy_padded<T>(keys + (near - from) * width_, row_of<T>(a.key, sender, shared), a.dim, width_);
            copy_padded<T>(values + (near - from) * value_width_, row_of<T>(a.value, sender, shared), a.value_dim, value_width_);
        });
    }
    Room<Exact> keys, values;
    int64_t from;

  private:
    int64_t width_, value_width_;
    NearWalk walk_;
};

inline int64_t num_near(const Tiles& tiles, int64_t block) {
    const int64_t last = tiles.piece_offsets[block + 1] - 1;
    return tiles.piece_near[last] + tiles.piece_stop[last] - tiles.piece_start[last];
}

// x of a chunk's senders: as it lies, or gathered into `room` where the senders do not follow each other.
template <typename Exact> inline const Exact* panel_of(const Exact* near, int64_t from, const Chunk& chunk, int64_t width, Exact* room) {
    if (chunk.in_a_row) return near + (chunk.near[0] - from) * width;
    for (int64_t c = 0; c < chunk.count; ++c) std::copy_n(near + (chunk.near[c] - from) * width, width, room + c * width);
    return room;
}

// Calls do_columns(n, c) for the columns c, c + 1, ... of a span, n at a time: two, or one that is left.
template <typename DoColumns> inline void by_twos(Span span, const DoColumns& do_columns) {
    int64_t c = span.begin;
    for (; c + 2 <= span.end; c += 2) do_columns(std::integral_constant<int, 2>{}, c);
    if (c < span.end) do_columns(std::integral_constant<int, 1>{}, c);
}

// x where the lane's receiver hears the sender, else `other`
template <int64_t lanes, typename Exact> inline void mask(Exact* x, uint32_t heard, Exact other) {
    typedef typename LanesOf<Exact>::integers Integers;
    typedef std::remove_reference_t<decltype(Integers{}[0])> Integer;
    constexpr int64_t W = kLanes<Exact>;
    Integers bit;
    for (int64_t lane = 0; lane < W; ++lane) bit[lane] = static_cast<Integer>(1) << lane;
    for (int64_t lane = 0; lane < lanes; lane += W, heard >>= W, x += W) {
        put<Exact>(x, (bit & (Integers{} + static_cast<Integer>(heard))) != 0 ? load(x) : Lanes<Exact>{} + other);
    }
}

// What a pair's logit and weight depend on besides query and key.
template <typename Exact> struct Pairs {
    static constexpr int64_t G = kTileRows;
    int64_t position[G];
    uint32_t hash[G];

    void begin(const Attend& a, const Hearers& tile, int64_t head) {
        for (int64_t i = 0; a.table && i < G; ++i) position[i] = i < tile.count ? a.position[tile.node(i)] + a.table_lowest : 0;
        for (int64_t i = 0; a.keep_from && i < G; ++i) hash[i] = i < tile.count ? row_hash(a.seed, tile.node(i), head) : 0;
    }
    int64_t table_row(const Attend& a, int64_t sender, int64_t i) const {
        return std::clamp<int64_t>(sender - position[i], 0, a.table_rows - 1);
    }
    // Finishes logits: the table is added, and who does not hear gets -inf.
    void finish(const Attend& a, int64_t head, const Chunk& chunk, Exact* logits) const {
        for (int64_t c = 0; c < chunk.count; ++c) {
            Exact* x = logits + c * G;
            for (int64_t i = 0; a.table && i < G; ++i) {
                x[i] += *at<Exact>(a.table, table_row(a, chunk.senders[c], i) * a.num_heads + head);
            }
            if (chunk.heard[c] != kAll) mask<G>(x, chunk.heard[c], static_cast<Exact>(-INFINITY));
        }
    }
    // 1 / (1 - dropout) for a pair that stays, 0 for one that falls out; for the receivers of a side
    void keep(const Attend& a, int64_t sender, int64_t side, Exact* out) const {
        const uint32_t column = column_hash(a.seed, sender), from = static_cast<uint32_t>(a.keep_from);
        const Exact share = static_cast<Exact>(1 / (1 - a.dropout));
        for (int64_t i = 0; i < kSide<Exact>; ++i) out[i] = mix(hash[side + i] ^ column) >= from ? share : Exact(0);
    }
};

// to[i] += sum over c of w[c][i] x[c], i a receiver, c a sender. A weight of 0 times infinity must not reach a
// receiver that does not hear it.
template <typename Exact>
inline void add_to_receivers(Exact* to, const Exact* w, const Exact* x, int64_t width, const Chunk& chunk) {
    constexpr int64_t G = kTileRows;
    if (chunk.partly && has_holes(x, chunk.count * width)) {
        for (int64_t c = 0; c < chunk.count; ++c) {
            for (int64_t i = 0; i < G; ++i) {
                if (chunk.heard[c] >> i & 1) add(to + i * width, w[c * G + i], x + c * width, width);
            }
        }
        return;
    }
    Exact* rows[G];
    for (int64_t i = 0; i < G; ++i) rows[i] = to + i * width;
    for (int64_t begin = 0; begin < G; begin += kSide<Exact>) {
        add_panels<G, 1>(rows + begin, kSide<Exact>, w + begin, x, width, [&](int64_t first, int64_t n) {
            return chunk.heard_by(static_cast<uint32_t>((int64_t{1} << n) - 1) << (begin + first));
        });
    }
}
// to[c] += sum over i of w[c][i] x[i]
template <typename Exact>
inline void add_to_senders(Exact* to, int64_t from, const Exact* w, const Exact* x, int64_t width, const Chunk& chunk) {
    constexpr int64_t G = kTileRows;
    Exact* rows[kColumns];
    for (int64_t c = 0; c < chunk.count; ++c) rows[c] = to + (chunk.near[c] - from) * width;
    if (chunk.partly && has_holes(x, G * width)) {
        for (int64_t c = 0; c < chunk.count; ++c) {
            for (int64_t i = 0; i < G; ++i) {
                if (chunk.heard[c] >> i & 1) add(rows[c], w[c * G + i], x + i * width, width);
            }
        }
        return;
    }
    add_panels<1, G>(rows, chunk.count, w, x, width, [&](int64_t first, int64_t n) { return chunk.hearing(first, n); });
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
