// Attention in tiles, forward: the online softmax of FlashAttention, receivers in the lanes.
#include "tile_sides.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {
namespace {

// A tile that is being computed: its queries, and what its receivers have heard so far.
template <typename T> class Listening {
  public:
    typedef typename ExactOf<T>::type Exact;
    static constexpr int64_t W = kLanes<Exact>, G = kTileRows;

    explicit Listening(const Attend& a)
        : width_(padded<Exact>(a.dim)), wide_(padded<Exact>(a.value_dim)), queries_(G * width_), out_(G * wide_) {}

    void begin(const Attend& a, const TileForward& f, const Hearers& tile, int64_t head, Exact* room) {
        copy_tile<T>(room, a.query, tile, head, a.dim, width_);
        scale_panel(room, static_cast<Exact>(a.scale), G * width_);
        transpose_tile<Exact>(room, width_, queries_);
        pairs_.begin(a, tile, head);
        std::fill_n(largest_, G, static_cast<Exact>(-INFINITY));
        std::fill_n(mass_, G, Exact(0));
        std::fill_n(static_cast<Exact*>(out_), G * wide_, Exact(0));
        for (int64_t i = 0; f.so_far && i < tile.count; ++i) {
            const int64_t r = tile.node(i), place = r * f.out.node_stride + head * f.out.head_stride;
            largest_[i] = *at<Exact>(f.so_far, 2 * (r * a.num_heads + head));
            mass_[i] = *at<Exact>(f.so_far, 2 * (r * a.num_heads + head) + 1);
            if (mass_[i] == 0) continue;
            const T *out = at<T>(f.out.data, place), *rest = f.rest ? at<T>(f.rest, place) : nullptr;
            for (int64_t d = 0; d < a.value_dim; ++d) {
                out_[i * wide_ + d] = (exact(out[d]) + (rest ? exact(rest[d]) : Exact(0))) * mass_[i];
            }
        }
    }

    void hear(const Attend& a, int64_t head, const Chunk& chunk, const Exact* keys, const Exact* values, Exact* w) {
        all_dots<Exact>(keys, width_, chunk, queries_, a.dim, w);
        if (a.table || chunk.partly) pairs_.finish(a, head, chunk, w);
        for (int64_t side = 0; side < G; side += kSide<Exact>) weigh(w, side, chunk.heard_by(kOneSide<Exact> << side));
        for (int64_t c = 0; a.keep_from && c < chunk.count; ++c) {
            for (int64_t side = 0; side < G; side += kSide<Exact>) {
                Exact keep[kSide<Exact>];
                pairs_.keep(a, chunk.senders[c], side, keep);
                for (int64_t i = 0; i < kSide<Exact>; ++i) w[c * G + side + i] *= keep[i];
            }
        }
        add_to_receivers<Exact>(out_, w, values, wide_, chunk);
    }

    void end(const Attend& a, const TileForward& f, const Hearers& tile, int64_t head) {
        for (int64_t i = 0; i < tile.count; ++i) {
            const int64_t r = tile.node(i), place = r * f.out.node_stride + head * f.out.head_stride;
            const Exact share = mass_[i] == 0 ? Exact(0) : 1 / mass_[i];
            *at<Exact>(f.log_sum, r * a.num_heads + head) = mass_[i] == 0 ? static_cast<Exact>(INFINITY) : largest_[i] + std::log(mass_[i]);
            T *out = at<T>(f.out.data, place), *rest = f.rest ? at<T>(f.rest, place) : nullptr;
            scale_panel<Exact>(out_ + i * wide_, share, wide_);
            for (int64_t d = 0; d < a.value_dim; ++d) store(out + d, out_[i * wide_ + d]);
            for (int64_t d = 0; rest && d < a.value_dim; ++d) store(rest + d, out_[i * wide_ + d] - exact(out[d]));
        }
    }

  private:
    // Logits of a side become weights relative to the largest so far; what was heard before shrinks accordingly.
    void weigh(Exact* w, int64_t side, Span span) {
        Lanes<Exact> before[2], high[2], shift[2], sum[2] = {}, smaller[2];
        EDGEWISE_UNROLL for (int v = 0; v < 2; ++v) high[v] = before[v] = load(largest_ + side + v * W);
        for (int64_t c = span.begin; c < span.end; ++c) {
            EDGEWISE_UNROLL for (int v = 0; v < 2; ++v) high[v] = larger(load(w + c * G + side + v * W), high[v]);
        }
        EDGEWISE_UNROLL for (int v = 0; v < 2; ++v) {
            // While nothing is heard, shift by 0 and not by infinity.
            shift[v] = high[v] == static_cast<Exact>(-INFINITY) ? Lanes<Exact>{} : high[v];
            smaller[v] = before[v] - shift[v];
        }
        by_twos(span, [&](auto n, int64_t c) {
            constexpr int N = 2 * n();
            Exact* const first = w + c * G + side;
            Lanes<Exact> x[N];
            EDGEWISE_UNROLL for (int v = 0; v < N; ++v) x[v] = load(first + v / 2 * G + v % 2 * W) - shift[v % 2];
            exponentials_near(x);
            EDGEWISE_UNROLL for (int v = 0; v < N; ++v) {
                put<Exact>(first + v / 2 * G + v % 2 * W, x[v]);
                sum[v % 2] += x[v];
            }
        });
        exponentials_near(smaller);
        EDGEWISE_UNROLL for (int v = 0; v < 2; ++v) {
            const int64_t lane = side + v * W;
            put<Exact>(mass_ + lane, load(mass_ + lane) * smaller[v] + sum[v]);
            put<Exact>(largest_ + lane, high[v]);
            if (!differs(smaller[v], Exact(1))) continue;
            for (int64_t i = 0; i < W; ++i) {
                if (smaller[v][i] != 1) scale_panel(out_ + (lane + i) * wide_, smaller[v][i], wide_);
            }
        }
    }

    int64_t width_, wide_;
    Room<Exact> queries_, out_;
    Pairs<Exact> pairs_;
    alignas(64) Exact largest_[G], mass_[G];
};

template <typename T> struct TilesForward {
    static void run(const Tiles& tiles, const Attend& a, const TileForward& f) {
        typedef typename ExactOf<T>::type Exact;
        constexpr int64_t G = kTileRows;
        const int64_t width = padded<Exact>(a.dim), wide = padded<Exact>(a.value_dim);
        const int64_t most = std::max(kNear / (width + wide), kColumns);
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            NearSenders<T, Exact> near(a, most);
            Room<Exact> weights(kColumns * G), room(std::max(G, kColumns) * std::max(width, wide)), more(kColumns * wide);
            std::vector<Listening<T>> listening;
            std::vector<Hearers> hearers;
            Chunk chunk;
#pragma omp for schedule(dynamic, 1)
            for (int64_t item = 0; item < tiles.num_blocks() * a.num_heads; ++item) {
                const int64_t block = item / a.num_heads, head = item % a.num_heads, shared = head * a.num_shared / a.num_heads;
                hearers.clear();
                for (int64_t tile = tiles.block_offsets[block]; tile < tiles.block_offsets[block + 1]; ++tile) hearers.emplace_back(tiles, tile);
                // Tiles that hear no more than stays near are computed one after the other.
                const int64_t all = num_near(tiles, block);
                const bool at_once = all <= most;
                while (listening.size() < (at_once ? 1 : hearers.size())) listening.emplace_back(a);
                for (int64_t from = 0; from < all; from += most) {
                    near.begin(tiles, block, from);
                    for (size_t n = 0; n < hearers.size(); ++n) {
                        Listening<T>& tile = listening[at_once ? 0 : n];
                        if (from == 0) {
                            if (n + 1 < hearers.size()) ask_for_tile<T>(a.query, hearers[n + 1], head, a.dim);
                            ask_for_tile<T>(Nodes<const void*>{f.out.data, f.out.node_stride, f.out.head_stride}, hearers[n], head, a.value_dim);
                            tile.begin(a, f, hearers[n], head, room);
                        }
                        while (hearers[n].next(chunk, from + most)) {
                            near.fill(a, chunk.near[chunk.count - 1] + 1, shared);
                            const Exact* keys = panel_of<Exact>(near.keys, from, chunk, width, room);
                            const Exact* values = panel_of<Exact>(near.values, from, chunk, wide, more);
                            tile.hear(a, head, chunk, keys, values, weights);
                        }
                        if (from + most >= all) tile.end(a, f, hearers[n], head);
                    }
                }
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
