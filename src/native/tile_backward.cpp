// Attention in tiles, backward: the weights are recomputed, and all five products made in one pass.
#include "tile_sides.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {
namespace {

// The gradients of near senders: added up here, and at the end to the senders' own or to their slots.
template <typename Exact> struct NearGradients {
    NearGradients(const Attend& a, int64_t most)
        : width(padded<Exact>(a.dim)), wide(padded<Exact>(a.value_dim)), keys(most * width), values(most * wide) {}

    void clear(int64_t count) {
        std::fill_n(static_cast<Exact*>(keys), count * width, Exact(0));
        std::fill_n(static_cast<Exact*>(values), count * wide, Exact(0));
    }
    int64_t width, wide;
    Room<Exact> keys, values;
};

// A side that is being computed: its queries and the gradient that arrives, in rows and in lanes.
template <typename T> class Answering {
  public:
    typedef typename ExactOf<T>::type Exact;
    static constexpr int64_t W = kLanes<Exact>, G = kSide<Exact>;

    explicit Answering(const Attend& a)
        : width_(padded<Exact>(a.dim)), wide_(padded<Exact>(a.value_dim)), queries_(G * width_), query_rows_(G * width_),
          grads_(G * wide_), grad_rows_(G * wide_), grad_queries_(G * width_) {}

    void begin(const Attend& a, const TileBackward& b, const Side<Exact>& side, int64_t head, Exact* room, Exact* outs) {
        copy_side<T>(static_cast<Exact*>(query_rows_), a.query, side, head, a.dim, width_);
        copy_side<T>(static_cast<Exact*>(grad_rows_), b.grad, side, head, a.value_dim, wide_);
        copy_side<T>(room, b.out, side, head, a.value_dim, wide_);
        std::fill_n(static_cast<Exact*>(grad_queries_), G * width_, Exact(0));
        std::fill_n(log_sum_, G, Exact(0));
        for (int64_t i = 0; i < side.rows; ++i) {
            const int64_t r = side.first + i;
            const T* rest = b.rest ? at<T>(b.rest, r * b.out.node_stride + head * b.out.head_stride) : nullptr;
            for (int64_t d = 0; rest && d < a.value_dim; ++d) room[i * wide_ + d] += exact(rest[d]);
            log_sum_[i] = *at<Exact>(b.log_sum, r * a.num_heads + head) * kLog2e<Exact>;
        }
        // delta = grad · out, in the order in which the products below are summed up, so that a row of one edge has a
        // gradient of exactly 0.
        transpose_side<Exact>(grad_rows_, wide_, grads_);
        transpose_side<Exact>(room, wide_, outs);
        std::fill_n(delta_, G, Exact(0));
        for (int64_t d = 0; d < a.value_dim; ++d) {
            for (int64_t lane = 0; lane < G; lane += W) {
                put<Exact>(delta_ + lane, load(delta_ + lane) + load(outs + d * G + lane) * load(grads_ + d * G + lane));
            }
        }
        scale_panel<Exact>(query_rows_, static_cast<Exact>(a.scale) * kLog2e<Exact>, G * width_);
        transpose_side<Exact>(query_rows_, width_, queries_);
        scale_panel<Exact>(query_rows_, kLn2<Exact>, G * width_);  // scale * q, for the gradient of keys
    }

    void answer(const Attend& a, const TileBackward& b, const Side<Exact>& side, int64_t head, int64_t segment,
                const Chunk& chunk, const Exact* keys, const Exact* values, NearGradients<Exact>& near, int64_t from, Exact* w, Exact* back) {
        const Pairs<Exact> pairs(a, side.first, side.rows, head);
        all_dots<Exact>(keys, width_, chunk.count, queries_, a.dim, w);
        if (a.table || chunk.partly) pairs.finish(a, head, chunk, w);
        all_dots<Exact>(values, wide_, chunk.count, grads_, a.value_dim, back);
        for (int64_t c = 0; c < chunk.count; ++c) {
            Exact keep[G];
            if (a.keep_from) pairs.keep(a, chunk.senders[c], keep);
            for (int64_t lane = 0; lane < G; lane += W) {
                const Lanes<Exact> weight = power_of_two(load(w + c * G + lane) - load(log_sum_ + lane));
                const Lanes<Exact> kept = a.keep_from ? load(keep + lane) : Lanes<Exact>{} + 1;
                put<Exact>(back + c * G + lane, weight * (load(back + c * G + lane) * kept - load(delta_ + lane)));
                put<Exact>(w + c * G + lane, weight * kept);
            }
            if (chunk.heard[c] != Side<Exact>::kAll) {
                mask_side(w + c * G, chunk.heard[c], Exact(0));  // where the log-sum-exp is NaN, so is the weight
                mask_side(back + c * G, chunk.heard[c], Exact(0));
            }
        }
        for (int64_t c = 0; b.grad_table && c < chunk.count; ++c) {
            for (int64_t i = 0; i < side.rows; ++i) {
                if (!(chunk.heard[c] >> i & 1)) continue;
                const int64_t row = segment * a.table_rows + pairs.table_row(a, chunk.senders[c], i);
                *at<Exact>(b.grad_table, row * a.num_heads + head) += back[c * G + i];
            }
        }
        if (b.grad_value) add_to_senders<Exact>(near.values, from, w, grad_rows_, wide_, chunk);
        if (b.grad_key) add_to_senders<Exact>(near.keys, from, back, query_rows_, width_, chunk);
        if (b.grad_query) add_to_receivers<Exact>(grad_queries_, back, keys, width_, chunk);
    }

    void end(const Attend& a, const TileBackward& b, const Side<Exact>& side, int64_t head) const {
        for (int64_t i = 0; b.grad_query && i < side.rows; ++i) {
            Exact* to = at<Exact>(b.grad_query, ((side.first + i) * a.num_heads + head) * a.dim);
            add(to, static_cast<Exact>(a.scale), grad_queries_ + i * width_, a.dim);
        }
    }

  private:
    int64_t width_, wide_;
    Room<Exact> queries_, query_rows_, grads_, grad_rows_, grad_queries_;
    alignas(64) Exact delta_[G], log_sum_[G];
};

template <typename T> struct TilesBackward {
    static void run(const Tiles& tiles, const Attend& a, const TileBackward& b) {
        typedef typename ExactOf<T>::type Exact;
        constexpr int64_t G = kSide<Exact>;
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
            std::vector<Side<Exact>> sides;
            Chunk chunk;
            const auto do_block = [&](int64_t segment, int64_t block, int64_t head) {
                const int64_t shared = head / group;
                sides.clear();
                for (int64_t tile = tiles.block_offsets[block]; tile < tiles.block_offsets[block + 1]; ++tile) {
                    for (int64_t part = 0; part < kTileRows / G; ++part) {
                        if (tiles.row[tile] + part * G < tiles.num_rows) sides.emplace_back(tiles, tile, part);
                    }
                }
                while (answering.size() < sides.size()) answering.emplace_back(a);
                for (size_t n = 0; n < sides.size(); ++n) answering[n].begin(a, b, sides[n], head, room, more);
                for (int64_t from = 0, all = num_near(tiles, block); from < all; from += most) {
                    near.fill(tiles, a, block, from, from + most, shared);
                    grads.clear(std::min(most, all - from));
                    for (size_t n = 0; n < sides.size(); ++n) {
                        while (sides[n].next(chunk, from + most)) {
                            const Exact* keys = panel_of<Exact>(near.keys, from, chunk, width, room);
                            const Exact* values = panel_of<Exact>(near.values, from, chunk, wide, more);
                            answering[n].answer(a, b, sides[n], head, segment, chunk, keys, values, grads, from, weights, back);
                        }
                    }
                    near.each(tiles, block, from, from + most, [&](int64_t sender, int64_t number, int64_t slot) {
                        Exact* own = slot < 0 ? nullptr : at<Exact>(b.slots, (slot * Hk + shared) * (D + V));
                        if (b.grad_key) {
                            add(own ? own : at<Exact>(b.grad_key, (sender * Hk + shared) * D), Exact(1), grads.keys + (number - from) * width, D);
                        }
                        if (b.grad_value) {
                            add(own ? own + D : at<Exact>(b.grad_value, (sender * Hk + shared) * V), Exact(1), grads.values + (number - from) * wide, V);
                        }
                    });
                }
                for (size_t n = 0; n < sides.size(); ++n) answering[n].end(a, b, sides[n], head);
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
