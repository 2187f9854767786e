// What the passes over tiles share, compiled once for each instruction set (EDGEWISE_LEVEL, EDGEWISE_BYTES).
//
// A tile is computed side by side: as many receivers as fill two vectors stand in the lanes, the senders that they hear
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

constexpr int64_t kColumns = 48;  // senders at once: with their weights, panels that stay in the nearest cache
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

// Senders that are computed at once, and which receivers of a side hear each.
struct Chunk {
    int32_t senders[kColumns], near[kColumns];
    uint32_t heard[kColumns];
    int64_t count;
    bool partly;      // some receiver does not hear some sender
    bool in_a_row;    // their near numbers follow each other
};

// The receivers of a tile that stand in the lanes, and the walk along the senders that they hear.
template <typename Exact> class Side {
  public:
    static constexpr int64_t G = kSide<Exact>;
    static constexpr uint32_t kAll = G == 32 ? 0xffffffffu : (1u << (G % 32)) - 1;

    Side(const Tiles& tiles, int64_t tile, int64_t part)
        : first(tiles.row[tile] + part * G), rows(std::clamp<int64_t>(tiles.num_rows - first, 0, G)), tiles_(tiles),
          shift_(part * G), stretch_(tiles.stretch_offsets[tile]), last_(tiles.stretch_offsets[tile + 1]) {}

    // The next senders whose near number is below `limit`.
    bool next(Chunk& chunk, int64_t limit) {
        uint32_t all = kAll;
        int64_t& count = chunk.count = 0;
        while (count < kColumns && stretch_ < last_) {
            const int64_t near = tiles_.near[stretch_] + into_, length = tiles_.stop[stretch_] - tiles_.start[stretch_];
            const uint32_t mask = (tiles_.mask[stretch_] >> shift_) & kAll;
            if (near >= limit) break;
            const int64_t take = mask ? std::min(std::min(kColumns - count, length - into_), limit - near) : length - into_;
            for (int64_t n = 0; mask && n < take; ++n, ++count) {
                chunk.senders[count] = static_cast<int32_t>(tiles_.start[stretch_] + into_ + n);
                chunk.near[count] = static_cast<int32_t>(near + n);
                chunk.heard[count] = mask;
            }
            if (mask) all &= mask;
            into_ += take;
            if (into_ == length) {
                ++stretch_;
                into_ = 0;
            }
        }
        chunk.partly = all != kAll;
        chunk.in_a_row = count > 0 && chunk.near[count - 1] - chunk.near[0] == count - 1;
        return count > 0;
    }

    int64_t first, rows;  // the first receiver, and how many there are

  private:
    const Tiles& tiles_;
    int64_t shift_, stretch_, last_, into_ = 0;
};

// What the receivers of a side have in one head, row by row; zeros where there is no receiver.
template <typename T, typename Exact>
inline void copy_side(Exact* to, const Nodes<const void*>& x, const Side<Exact>& side, int64_t head, int64_t dim, int64_t width) {
    for (int64_t i = 0; i < side.rows; ++i) ask(row_of<T>(x, side.first + i, head), dim);
    for (int64_t i = 0; i < side.rows; ++i) copy_padded<T>(to + i * width, row_of<T>(x, side.first + i, head), dim, width);
    std::fill_n(to + side.rows * width, (kSide<Exact> - side.rows) * width, Exact(0));
}

// The heads of senders, next to each other: keys and values of those whose near numbers are [from, to).
template <typename T, typename Exact> class NearSenders {
  public:
    NearSenders(const Attend& a, int64_t most)
        : keys(most * padded<Exact>(a.dim)), values(most * padded<Exact>(a.value_dim)), from(0), width_(padded<Exact>(a.dim)),
          value_width_(padded<Exact>(a.value_dim)) {}

    // Calls visit(sender, its near number, its slot or -1) for the senders of a block from `begin` up to `end`.
    template <typename Visit>
    static void each(const Tiles& tiles, int64_t block, int64_t begin, int64_t end, const Visit& visit) {
        for (int64_t piece = tiles.piece_offsets[block]; piece < tiles.piece_offsets[block + 1]; ++piece) {
            const int64_t near = tiles.piece_near[piece], length = tiles.piece_stop[piece] - tiles.piece_start[piece];
            for (int64_t n = std::max<int64_t>(begin - near, 0); n < std::min(length, end - near); ++n) {
                visit(tiles.piece_start[piece] + n, near + n, tiles.piece_slot[piece] < 0 ? -1 : tiles.piece_slot[piece] + n);
            }
        }
    }
    void fill(const Tiles& tiles, const Attend& a, int64_t block, int64_t begin, int64_t end, int64_t shared) {
        from = begin;
        each(tiles, block, begin, end, [&](int64_t sender, int64_t near, int64_t) {
            ask(row_of<T>(a.key, sender + kAhead, shared), a.dim);
            ask(row_of<T>(a.value, sender + kAhead, shared), a.value_dim);
            copy_padded<T>(keys + (near - from) * width_, row_of<T>(a.key, sender, shared), a.dim, width_);
            copy_padded<T>(values + (near - from) * value_width_, row_of<T>(a.value, sender, shared), a.value_dim, value_width_);
        });
    }
    Room<Exact> keys, values;
    int64_t from;

  private:
    int64_t width_, value_width_;
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

// x where the lane's receiver hears the sender, else `other`
template <typename Exact> inline void mask_side(Exact* x, uint32_t heard, Exact other) {
    typedef typename LanesOf<Exact>::integers Integers;
    typedef std::remove_reference_t<decltype(Integers{}[0])> Integer;
    constexpr int64_t W = kLanes<Exact>;
    Integers bit;
    for (int64_t lane = 0; lane < W; ++lane) bit[lane] = static_cast<Integer>(1) << lane;
    for (int64_t half = 0; half < 2; ++half, heard >>= W, x += W) {
        put<Exact>(x, (bit & (Integers{} + static_cast<Integer>(heard))) != 0 ? load(x) : Lanes<Exact>{} + other);
    }
}

// What a pair's logit and weight depend on besides query and key.
template <typename Exact> struct Pairs {
    static constexpr int64_t G = kSide<Exact>;
    int64_t position[G];
    uint32_t hash[G];

    Pairs(const Attend& a, int64_t first, int64_t rows, int64_t head) {
        for (int64_t i = 0; i < G; ++i) {
            position[i] = a.table && i < rows ? a.position[first + i] + a.table_lowest : 0;
            hash[i] = a.keep_from ? row_hash(a.seed, first + i, head) : 0;
        }
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
            if (chunk.partly && chunk.heard[c] != Side<Exact>::kAll) mask_side(x, chunk.heard[c], static_cast<Exact>(-INFINITY));
        }
    }
    // 1 / (1 - dropout) for a pair that stays, 0 for one that falls out
    void keep(const Attend& a, int64_t sender, Exact* out) const {
        const uint32_t column = column_hash(a.seed, sender), from = static_cast<uint32_t>(a.keep_from);
        const Exact share = static_cast<Exact>(1 / (1 - a.dropout));
        for (int64_t i = 0; i < G; ++i) out[i] = mix(hash[i] ^ column) >= from ? share : Exact(0);
    }
};

// to[i] += sum over c of w[c][i] x[c], i a receiver, c a sender. A weight of 0 times infinity must not reach a
// receiver that does not hear it.
template <typename Exact>
inline void add_to_receivers(Exact* to, const Exact* w, const Exact* x, int64_t width, const Chunk& chunk) {
    constexpr int64_t G = kSide<Exact>;
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
    add_panels<G, 1>(rows, G, w, x, width, chunk.count);
}
// to[c] += sum over i of w[c][i] x[i]
template <typename Exact>
inline void add_to_senders(Exact* to, int64_t from, const Exact* w, const Exact* x, int64_t width, const Chunk& chunk) {
    constexpr int64_t G = kSide<Exact>;
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
    add_panels<1, G>(rows, chunk.count, w, x, width, G);
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
