// Heads abreast: an additive score is one number a node and head, so that a vector holds the logits of an edge in as many
// heads as it has lanes. What an edge costs besides its channels is then paid once for all of them.
#pragma once

#include <algorithm>
#include <type_traits>

#include "dropout.hpp"
#include "logits.hpp"
#include "packed.hpp"
#include "room.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {

// Wider heads are summed up one by one, in registers.
constexpr int64_t kWidestAbreast = 32;

inline bool goes_abreast(const Attend& a) {
    const bool plain = !a.table && !a.query_edge && !a.value_edge && a.num_shared == a.num_heads;
    const int64_t lanes = kLanes<float> * bytes_exact(kFloat32) / bytes_exact(a.storage);
    return a.score == kAdditive && plain && 2 * a.num_heads >= lanes && a.value_dim <= kWidestAbreast;
}

// Some lanes of a vector, the others 0.
template <typename Exact> inline Lanes<Exact> load_some(const Exact* from, int64_t count) {
    if (count == kLanes<Exact>) return load(from);
    Lanes<Exact> x{};
    for (int64_t lane = 0; lane < count; ++lane) x[lane] = from[lane];
    return x;
}
template <typename Exact> inline void put_some(Exact* to, Lanes<Exact> x, int64_t count) {
    if (count == kLanes<Exact>) return put<Exact>(to, x);
    for (int64_t lane = 0; lane < count; ++lane) to[lane] = x[lane];
}

// Heads first .. first + count, count being at most the lanes of a vector.
struct HeadBlock {
    int64_t first, count;
};

// Copies that whole vectors can be loaded from: of every head `wide` numbers, and 0 where it has fewer, or the node does.
template <typename T, typename Number> class Filled {
  public:
    Filled(const Nodes<const void*>& x, int64_t nodes, int64_t heads, int64_t dim, int64_t wide, bool copies = true)
        : from_(x), nodes_(nodes), heads_(heads), dim_(dim), wide_(wide), row_(padded<typename ExactOf<T>::type>(heads * wide)), copies_(copies),
          room_(copies ? nodes * row_ : 0) {}

    // Inside a parallel region.
    void fill() const {
        if (!copies_) return;
#pragma omp for schedule(static)
        for (int64_t node = 0; node < nodes_; ++node) {
            Number *to = room_ + node * row_, *end = to + row_;
            for (int64_t head = 0; head < heads_; ++head, to += wide_) {
                const T* from = row_of<T>(from_, node, head);
                for (int64_t d = 0; d < dim_; ++d) to[d] = number(from[d]);
                std::fill(to + dim_, to + wide_, Number{});
            }
            std::fill(to, end, Number{});
        }
    }
    Nodes<const void*> nodes() const {
        if (!copies_) return from_;
        return {static_cast<const Number*>(room_), row_, wide_};
    }

  private:
    static Number number(T x) {
        if constexpr (std::is_same_v<T, Number>) return x;
        else return exact(x);
    }

    const Nodes<const void*> from_;
    const int64_t nodes_, heads_, dim_, wide_, row_;
    const bool copies_;
    const Room<Number> room_;
};

// The logits of edges in some heads, and what dropout makes of them.
template <typename T> struct Abreast : Stored<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;
    static constexpr int64_t W = kLanes<Exact>;
    typedef Lanes<Exact> Vector;
    typedef typename LanesOf<Exact>::hashes Hashes;

    Abreast(const Attend& given) : a(given), keeps(static_cast<Exact>(1 / (1 - given.dropout))) {}

    // `query` and `key` are Filled with exact numbers; to be called before logits of a receiver.
    void begin(int64_t receiver, HeadBlock block) {
        heads = block;
        query = load(exact_row(a.query, receiver));
        if (!a.keep_from) return;
        for (int64_t lane = 0; lane < W; ++lane) row[lane] = row_hash(a.seed, receiver, block.first + lane);
    }
    // What an edge hears inside the LeakyReLU.
    Vector inside(int32_t sender, int64_t edge) const {
        Vector x = query + load(exact_row(a.key, sender));
        if (a.edge_inner) x += load_some(at(a.edge_inner, edge * a.num_heads + heads.first), heads.count);
        return x;
    }
    Vector logit(Vector inside, int64_t edge) const {
        const Vector x = inside > 0 ? inside : inside * static_cast<Exact>(a.slope);
        if (!a.edge_logit) return x;
        return x + load_some(at(a.edge_logit, edge * a.num_heads + heads.first), heads.count);
    }
    Vector slope(Vector inside) const { return inside > 0 ? Vector{} + 1 : Vector{} + static_cast<Exact>(a.slope); }

    Vector kept_of(int32_t sender) const {
        const Hashes from = Hashes{} + static_cast<uint32_t>(a.keep_from);
        const auto stays = mix(row ^ column_hash(a.seed, sender)) >= from;
        return __builtin_convertvector(stays, typename LanesOf<Exact>::integers) ? Vector{} + keeps : Vector{};
    }

    void ask(const Nodes<const void*>& x, int32_t node, int64_t dim) const {
        EDGEWISE_LEVEL::ask(static_cast<const T*>(x.data) + node * x.node_stride + heads.first * x.head_stride, heads.count * dim);
    }

    const Attend& a;
    const Exact keeps;
    HeadBlock heads;
    Vector query;
    Hashes row;  // of each head

  private:
    const Exact* exact_row(const Nodes<const void*>& x, int64_t node) const {
        return static_cast<const Exact*>(x.data) + node * x.node_stride + heads.first;
    }
};

// Inside a parallel region: visit(columns, item, heads) for every item and block of heads.
template <typename Exact, typename Visit> inline void each_item(const Rows& rows, int64_t heads, const Visit& visit) {
    constexpr int64_t W = kLanes<Exact>;
    const int64_t blocks = (rows.num_items + kItems - 1) / kItems;
    Columns columns(rows);
#pragma omp for schedule(dynamic, 1)
    for (int64_t block = 0; block < blocks; ++block) {
        const int64_t begin = block * kItems, end = std::min(rows.num_items, begin + kItems);
        columns.take(begin, end);
        for (int64_t item = begin; item < end; ++item) {
            for (int64_t first = 0; first < heads; first += W) visit(columns, item, HeadBlock{first, std::min(W, heads - first)});
        }
    }
}

// to[h] += w[h] times row h, `wide` channels each, a row of `to` beginning every `wide` numbers
template <typename Exact, typename T>
inline void add_heads(Exact* to, Lanes<Exact> w, const T* rows, int64_t stride, int64_t count, int64_t wide) {
    constexpr int64_t W = kLanes<Exact>;
    Exact each[W];
    put<Exact>(each, w);
    const auto add = [&](int64_t h, int64_t d) {
        put<Exact>(to + h * wide + d, load(to + h * wide + d) + each[h] * load(rows + h * stride + d));
    };
    if (count == W && wide == W) {
        for (int64_t h = 0; h < W; ++h) add(h, 0);
        return;
    }
    for (int64_t h = 0; h < count; ++h) {
        for (int64_t d = 0; d < wide; d += W) add(h, d);
    }
}

// x[h] · row h of every head
template <typename Exact, typename T>
inline Lanes<Exact> dot_heads(const Exact* x, const T* rows, int64_t stride, int64_t count, int64_t wide) {
    constexpr int64_t W = kLanes<Exact>, kFour = std::max<int64_t>(W, 4);
    Lanes<Exact> product[kFour];
    Exact sums[kFour];
    if (count == W && wide == W && W >= 4) {
        for (int64_t h = 0; h < W; ++h) product[h] = load(x + h * W) * load(rows + h * stride);
    } else {
        for (int64_t h = 0; h < kFour; ++h) {
            product[h] = Lanes<Exact>{};
            for (int64_t d = 0; h < count && d < wide; d += W) product[h] += load(x + h * wide + d) * load(rows + h * stride + d);
        }
    }
    for (int64_t h = 0; h < W; h += 4) totals(product + h, sums + h);
    return load(sums);
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
