// Attention in tiles, backward: the weights are recomputed, and all five products made in one pass.
#include "tile_sides.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {
namespace {

// The gradients of near senders: added up here, and when nobody else hears them to the senders' own or to their slots.
template <typename Exact> class NearGradients {
  public:
    NearGradients(const Attend& a, int64_t most)
        : keys(most * padded<Exact>(a.dim)), values(most * padded<Exact>(a.value_dim)), width_(padded<Exact>(a.dim)),
          value_width_(padded<Exact>(a.value_dim)) {}

    void begin(const Tiles& tiles, int64_t block, int64_t near) {
        from_ = filled_ = near;
        walk_.begin(tiles, block, near);
    }
    void fill(int64_t end) {
        if (end <= filled_) return;
        std::fill_n(keys + (filled_ - from_) * width_, (end - filled_) * width_, Exact(0));
        std::fill_n(values + (filled_ - from_) * value_width_, (end - filled_) * value_width_, Exact(0));
        filled_ = end;
    }
    void flush(const Attend& a, const TileBackward& b, int64_t end, int64_t shared) {
        const int64_t D = a.dim, V = a.value_dim;
        walk_.up_to(std::min(end, filled_), [&](int64_t sender, int64_t soon, int64_t near, int64_t slot) {
            const int64_t place = sender * a.num_shared + shared, ahead = soon * a.num_shared + shared;
            Exact* own = slot < 0 ? nullptr : at<Exact>(b.slots, (slot * a.num_shared + shared) * (D + V));
            if (b.grad_key) {
                if (!own) ask_early(at<Exact>(b.grad_key, ahead * D), D);
                add(own ? own : at<Exact>(b.grad_key, place * D), Exact(1), keys + (near - from_) * width_, D);
            }
            if (b.grad_value) {
                if (!own) ask_early(at<Exact>(b.grad_value, ahead * V), V);
                add(own ? own + D : at<Exact>(b.grad_value, place * V), Exact(1), values + (near - from_) * value_width_, V);
            }
        });
    }
    Room<Exact> keys, values;

  private:
    int64_t width_, value_width_, from_ = 0, filled_ = 0;
    NearWalk walk_;
};

// A tile that is being computed: its queries and the gradient that arrives, in rows and in lanes.
template <typename T> class Answering {
  public:
    typedef typename ExactOf<T>::type Exact;
    static constexpr int64_t W = kLanes<Exact>, G = kTileRows;

    explicit Answering(const Attend& a)
        : width_(padded<Exact>(a.dim)), wide_(padded<Exact>(a.value_dim)), queries_(G * width_), query_rows_(G * width_),
          grads_(G * wide_), grad_rows_(G * wide_), grad_queries_(G * width_) {}

    // For what begin() reads of a tile.
    static void ask(const Attend& a, const TileBackward& b, const Hearers& tile, int64_t head) {
        ask_for_tile<T>(a.query, tile, head, a.dim);
        ask_for_tile<T>(b.grad, tile, head, a.value_dim);
        ask_for_tile<T>(b.out, tile, head, a.value_dim);
    }
    void begin(const Attend& a, const TileBackward& b, const Hearers& tile, int64_t head, Exact* room, Exact* outs) {
        copy_tile<T>(static_cast<Exact*>(query_rows_), a.query, tile, head, a.dim, width_);
        copy_tile<T>(static_cast<Exact*>(grad_rows_), b.grad, tile, head, a.value_dim, wide_);
        copy_tile<T>(room, b.out, tile, head, a.value_dim, wide_);
        if (b.grad_query) ask_for_tile<Exact>({b.grad_query, a.num_heads * a.dim, a.dim}, tile, head, a.dim);
        std::fill_n(static_cast<Exact*>(grad_queries_), G * width_, Exact(0));
        std::fill_n(log_sum_, G, Exact(0));
        for (int64_t i = 0; i < tile.count; ++i) {
            const int64_t r = tile.node(i);
            const T* rest = b.rest ? at<T>(b.rest, r * b.out.node_stride + head * b.out.head_stride) : nullptr;
            for (int64_t d = 0; rest && d < a.value_dim; ++d) room[i * wide_ + d] += exact(rest[d]);
            log_sum_[i] = *at<Exact>(b.log_sum, r * a.num_heads + head);
        }
        // delta = grad · out, in the order in which the products below are summed up, so that a row of one edge has a
        // gradient of exactly 0.
        transpose_tile<Exact>(grad_rows_, wide_, grads_);
        transpose_tile<Exact>(room, wide_, outs);
        for (int64_t side = 0; side < G; side += kSide<Exact>) {
            const Exact *out = outs + side * wide_, *grad = grads_ + side * wide_;
            for (int64_t lane = side; lane < side + kSide<Exact>; lane += W, out += W, grad += W) {
                Lanes<Exact> delta{};
                for (int64_t d = 0; d < a.value_dim; ++d) delta += load(out + d * kSide<Exact>) * load(grad + d * kSide<Exact>);
                put<Exact>(delta_ + lane, delta);
            }
        }
        scale_panel<Exact>(query_rows_, static_cast<Exact>(a.scale), G * width_);
        transpose_tile<Exact>(query_rows_, width_, queries_);
        pairs_.begin(a, tile, head);
    }

    void answer(const Attend& a, const TileBackward& b, const Hearers& tile, int64_t head, int64_t segment, const Chunk& chunk,
                const Exact* keys, const Exact* values, NearGradients<Exact>& near, int64_t from, Exact* w, Exact* back) {
        all_dots<Exact>(keys, width_, chunk, queries_, a.dim, w);
        if (a.table || chunk.partly) pairs_.finish(a, head, chunk, w);
        all_dots<Exact>(values, wide_, chunk, grads_, a.value_dim, back);
        for (int64_t side = 0; side < G; side += kSide<Exact>) weigh(a, chunk, side, w + side, back + side);
        for (int64_t c = 0; b.grad_table && c < chunk.count; ++c) {
            for (int64_t i = 0; i < tile.count; ++i) {
                if (!(chunk.heard[c] >> i & 1)) continue;
                const int64_t row = segment * a.table_rows + pairs_.table_row(a, chunk.senders[c], i);
                *at<Exact>(b.grad_table, row * a.num_heads + head) += back[c * G + i];
            }
        }
        if (b.grad_value) add_to_senders<Exact>(near.values, from, w, grad_rows_, wide_, chunk);
        if (b.grad_key) add_to_senders<Exact>(near.keys, from, back, query_rows_, width_, chunk);
        if (b.grad_query) add_to_receivers<Exact>(grad_queries_, back, keys, width_, chunk);
    }

    void end(const Attend& a, const TileBackward& b, const Hearers& tile, int64_t head) const {
        for (int64_t i = 0; b.grad_query && i < tile.count; ++i) {
            Exact* to = at<Exact>(b.grad_query, (tile.node(i) * a.num_heads + head) * a.dim);
            add(to, static_cast<Exact>(a.scale), grad_queries_ + i * width_, a.dim);
        }
    }

  private:
    // Of a side: logits become weights, and the gradients of weights those of logits. 0 where a receiver does not hear.
    void weigh(const Attend& a, const Chunk& chunk, int64_t side, Exact* w, Exact* back) const {
        Lanes<Exact> log_sum[2], delta[2];
        EDGEWISE_UNROLL for (int v = 0; v < 2; ++v) log_sum[v] = load(log_sum_ + side + v * W);
        EDGEWISE_UNROLL for (int v = 0; v < 2; ++v) delta[v] = load(delta_ + side + v * W);
        by_twos(chunk.heard_by(kOneSide<Exact> << side), [&](auto n, int64_t c) {
            constexpr int N = 2 * n();
            Lanes<Exact> x[N], kept[N];
            EDGEWISE_UNROLL for (int v = 0; v < N; ++v) x[v] = load(w + (c + v / 2) * G + v % 2 * W) - log_sum[v % 2];
            exponentials_near(x);
            EDGEWISE_UNROLL for (int v = 0; v < N; ++v) kept[v] = Lanes<Exact>{} + 1;
            for (int v = 0; a.keep_from && v < N; v += 2) {
                Exact keep[kSide<Exact>];
                pairs_.keep(a, chunk.senders[c + v / 2], side, keep);
                kept[v] = load(keep);
                kept[v + 1] = load(keep + W);
            }
            EDGEWISE_UNROLL for (int v = 0; v < N; ++v) {
                Exact* const gradient = back + (c + v / 2) * G + v % 2 * W;
                put<Exact>(gradient, x[v] * (load(gradient) * kept[v] - delta[v % 2]));
                put<Exact>(w + (c + v / 2) * G + v % 2 * W, x[v] * kept[v]);
            }
        });
        for (int64_t c = 0; chunk.partly && c < chunk.count; ++c) {
            const uint32_t heard = chunk.heard[c] >> side & kOneSide<Exact>;
            if (heard == kOneSide<Exact>) continue;
            // A NaN of a row stays with those whom it hears.
            mask<kSide<Exact>>(w + c * G, heard, Exact(0));
            mask<kSide<Exact>>(back + c * G, heard, Exact(0));
        }
    }

    int64_t width_, wide_;
    Room<Exact> queries_, query_rows_, grads_, grad_rows_, grad_queries_;
    Pairs<Exact> pairs_;
    alignas(64) Exact delta_[G], log_sum_[G];
};

template <typename T> struct TilesBackward {
    static void run(const Tiles& tiles, const Attend& a, const TileBackward& b) {
        typedef typename ExactOf<T>::type Exact;
        constexpr int64_t G = kTileRows;
        const int64_t H = a.num_heads, Hk = a.num_shared, group = H / Hk, D = a.dim, V = a.value_dim;
        const int64_t width = padded<Exact>(D), wide = padded<Exact>(V);
        const int64_t most = std::max(kNear / 2 / (width + wide), kColumns);
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            NearSenders<T, Exact> near(a, most);
            NearGradients<Exact> grads(a, most);
            Room<Exact> weights(kColumns * G), back(kColumns * G), room(std::max(G, kColumns) * std::max(width, wide)),
                more(std::max(G, kColumns) * wide);
            std::vector<Answering<T>> answering;
            std::vector<Hearers> hearers;
            std::vector<int64_t> unheard;
            Chunk chunk;
            const auto do_block = [&](int64_t segment, int64_t block, int64_t head) {
                const int64_t shared = head / group;
                hearers.clear();
                for (int64_t tile = tiles.block_offsets[block]; tile < tiles.block_offsets[block + 1]; ++tile) hearers.emplace_back(tiles, tile);
                const int64_t all = num_near(tiles, block);
                const bool at_once = all <= most;
                while (answering.size() < (at_once ? 1 : hearers.size())) answering.emplace_back(a);
                for (int64_t from = 0; from < all; from += most) {
                    near.begin(tiles, block, from);
                    grads.begin(tiles, block, from);
                    // What the tiles after each still hear begins here.
                    unheard.assign(hearers.size(), all);
                    for (size_t n = hearers.size(); n-- > 0;) {
                        unheard[n] = std::min(hearers[n].done() ? all : hearers[n].near(), n + 1 < hearers.size() ? unheard[n + 1] : all);
                    }
                    for (size_t n = 0; n < hearers.size(); ++n) {
                        Answering<T>& tile = answering[at_once ? 0 : n];
                        if (from == 0) {
                            if (n + 1 < hearers.size()) tile.ask(a, b, hearers[n + 1], head);
                            tile.begin(a, b, hearers[n], head, room, more);
                        }
                        while (hearers[n].next(chunk, from + most)) {
                            const int64_t end = chunk.near[chunk.count - 1] + 1;
                            near.fill(a, end, shared);
                            grads.fill(end);
                            const Exact* keys = panel_of<Exact>(near.keys, from, chunk, width, room);
                            const Exact* values = panel_of<Exact>(near.values, from, chunk, wide, more);
                            tile.answer(a, b, hearers[n], head, segment, chunk, keys, values, grads, from, weights, back);
                        }
                        if (from + most >= all) tile.end(a, b, hearers[n], head);
                        if (n + 1 < hearers.size()) grads.flush(a, b, unheard[n + 1], shared);
                    }
                    grads.flush(a, b, from + most, shared);
                }
            };
#pragma omp for schedule(dynamic, 1)
            for (int64_t item = 0; item < tiles.num_segments() * Hk; ++item) {
                const int64_t segment = item / Hk, shared = item % Hk;
                for (int64_t block = tiles.segment_offsets[segment]; block < tiles.segment_offsets[segment + 1]; ++block) {
                    for (int64_t head = shared * group; head < (shared + 1) * group; ++head) do_block(segment, block, head);
                }
            }
            // What segments added for senders of others, in their order.
#pragma omp for schedule(static)
            for (int64_t shared = 0; shared < Hk; ++shared) {
                for (int64_t slot = 0; slot < tiles.num_slots(); ++slot) {
                    const Exact* from = at<Exact>(b.slots, (slot * Hk + shared) * (D + V));
                    const int64_t place = tiles.slot_sender[slot] * Hk + shared;
                    if (b.grad_key) add(at<Exact>(b.grad_key, place * D), Exact(1), from, D);
                    if (b.grad_value) add(at<Exact>(b.grad_value, place * V), Exact(1), from + D, V);
                }
            }
        }
    }
};

}  // namespace

void tile_backward(const Tiles& tiles, const Attend& a, const TileBackward& pass) {
    by_storage<TilesBackward>(a.storage, tiles, a, pass);
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
