// Attention in tiles, forward: the online softmax of FlashAttention, receivers in the lanes.
#include "tile_sides.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {
namespace {

// A side that is being computed: its queries, and what it has heard so far.
template <typename T> class Listening {
  public:
    typedef typename ExactOf<T>::type Exact;
    static constexpr int64_t W = kLanes<Exact>, G = kSide<Exact>;

    explicit Listening(const Attend& a)
        : width_(padded<Exact>(a.dim)), wide_(padded<Exact>(a.value_dim)), queries_(G * width_), out_(G * wide_) {}

    void begin(const Attend& a, const TileForward& f, const Side<Exact>& side, int64_t head, Exact* room) {
        copy_side<T>(room, a.query, side, head, a.dim, width_);
        scale_panel(room, static_cast<Exact>(a.scale), G * width_);
        transpose_side<Exact>(room, width_, queries_);
        std::fill_n(largest_, G, static_cast<Exact>(-INFINITY));
        std::fill_n(mass_, G, Exact(0));
        std::fill_n(static_cast<Exact*>(out_), G * wide_, Exact(0));
        for (int64_t i = 0; f.so_far && i < side.rows; ++i) {
            const int64_t r = side.first + i, place = r * f.out.node_stride + head * f.out.head_stride;
            largest_[i] = *at<Exact>(f.so_far, 2 * (r * a.num_heads + head));
            mass_[i] = *at<Exact>(f.so_far, 2 * (r * a.num_heads + head) + 1);
            const T *out = at<T>(f.out.data, place), *rest = f.rest ? at<T>(f.rest, place) : nullptr;
            for (int64_t d = 0; d < a.value_dim; ++d) {
                out_[i * wide_ + d] = (exact(out[d]) + (rest ? exact(rest[d]) : Exact(0))) * mass_[i];
            }
        }
    }

    void hear(const Attend& a, const Side<Exact>& side, int64_t head, const Chunk& chunk, const Exact* keys, const Exact* values, Exact* w) {
        const Pairs<Exact> pairs(a, side.first, side.rows, head);
        all_dots<Exact>(keys, width_, chunk.count, queries_, a.dim, w);
        if (a.table || chunk.partly) pairs.finish(a, head, chunk, w);
        weigh(w, chunk.count);
        for (int64_t c = 0; a.keep_from && c < chunk.count; ++c) {
            Exact keep[G];
            pairs.keep(a, chunk.senders[c], keep);
            for (int64_t i = 0; i < G; ++i) w[c * G + i] *= keep[i];
        }
        add_to_receivers<Exact>(out_, w, values, wide_, chunk);
    }

    void end(const Attend& a, const TileForward& f, const Side<Exact>& side, int64_t head) {
        for (int64_t i = 0; i < side.rows; ++i) {
            const int64_t r = side.first + i, place = r * f.out.node_stride + head * f.out.head_stride;
            const Exact share = mass_[i] == 0 ? Exact(0) : 1 / mass_[i];
            *at<Exact>(f.log_sum, r * a.num_heads + head) = mass_[i] == 0 ? static_cast<Exact>(INFINITY) : largest_[i] + std::log(mass_[i]);
            T *out = at<T>(f.out.data, place), *rest = f.rest ? at<T>(f.rest, place) : nullptr;
            scale_panel<Exact>(out_ + i * wide_, share, wide_);
            for (int64_t d = 0; d < a.value_dim; ++d) store(out + d, out_[i * wide_ + d]);
            for (int64_t d = 0; rest && d < a.value_dim; ++d) store(rest + d, out_[i * wide_ + d] - exact(out[d]));
        }
    }

  private:
    // Logits become weights relative to the largest so far; what was heard before shrinks accordingly.
    void weigh(Exact* w, int64_t count) {
        Exact shrink[G];
        bool shrinks = false;
        for (int64_t lane = 0; lane < G; lane += W) {
            const Lanes<Exact> before = load(largest_ + lane);
            Lanes<Exact> high = before;
            for (int64_t c = 0; c < count; ++c) {
                const Lanes<Exact> x = load(w + c * G + lane);
                high = x > high ? x : high;
            }
            // While nothing is heard, shift by 0 and not by infinity.
            const Lanes<Exact> shift = high == static_cast<Exact>(-INFINITY) ? Lanes<Exact>{} : high;
            Lanes<Exact> sum{};
            for (int64_t c = 0; c < count; ++c) {
                const Lanes<Exact> x = exponential_near(load(w + c * G + lane) - shift);
                put<Exact>(w + c * G + lane, x);
                sum += x;
            }
            const Lanes<Exact> smaller = exponential_near(before - shift);
            put<Exact>(shrink + lane, smaller);
            put<Exact>(mass_ + lane, load(mass_ + lane) * smaller + sum);
            put<Exact>(largest_ + lane, high);
        }
        for (int64_t i = 0; i < G; ++i) shrinks |= shrink[i] != 1;
        if (!shrinks) return;
        for (int64_t i = 0; i < G; ++i) {
            if (shrink[i] != 1) scale_panel(out_ + i * wide_, shrink[i], wide_);
        }
    }

    int64_t width_, wide_;
    Room<Exact> queries_, out_;
    alignas(64) Exact largest_[G], mass_[G];
};

template <typename T> struct TilesForward {
    static void run(const Tiles& tiles, const Attend& a, const TileForward& f) {
        typedef typename ExactOf<T>::type Exact;
        constexpr int64_t G = kSide<Exact>;
        const int64_t width = padded<Exact>(a.dim), wide = padded<Exact>(a.value_dim);
        const int64_t most = std::max(kNear / (width + wide), kColumns);
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            NearSenders<T, Exact> near(a, most);
            Room<Exact> weights(kColumns * G), room(std::max(G, kColumns) * std::max(width, wide)), more(kColumns * wide);
            std::vector<Listening<T>> listening;
            std::vector<Side<Exact>> sides;
            Chunk chunk;
#pragma omp for schedule(dynamic, 1)
            for (int64_t item = 0; item < tiles.num_blocks() * a.num_heads; ++item) {
                const int64_t block = item / a.num_heads, head = item % a.num_heads, shared = head * a.num_shared / a.num_heads;
                sides.clear();
                for (int64_t tile = tiles.block_offsets[block]; tile < tiles.block_offsets[block + 1]; ++tile) {
                    for (int64_t part = 0; part < kTileRows / G; ++part) {
                        if (tiles.row[tile] + part * G < tiles.num_rows) sides.emplace_back(tiles, tile, part);
                    }
                }
                while (listening.size() < sides.size()) listening.emplace_back(a);
                for (size_t n = 0; n < sides.size(); ++n) listening[n].begin(a, f, sides[n], head, room);
                for (int64_t from = 0, all = num_near(tiles, block); from < all; from += most) {
                    near.fill(tiles, a, block, from, from + most, shared);
                    for (size_t n = 0; n < sides.size(); ++n) {
                        while (sides[n].next(chunk, from + most)) {
                            const Exact* keys = panel_of<Exact>(near.keys, from, chunk, width, room);
                            const Exact* values = panel_of<Exact>(near.values, from, chunk, wide, more);
                            listening[n].hear(a, sides[n], head, chunk, keys, values, weights);
                        }
                    }
                }
                for (size_t n = 0; n < sides.size(); ++n) listening[n].end(a, f, sides[n], head);
            }
        }
    }
};

}  // namespace

void tile_forward(const Tiles& tiles, const Attend& a, const TileForward& pass) {
    by_storage<TilesForward>(a.storage, tiles, a, pass);
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
