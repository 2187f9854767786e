// Forward: a receiver's edges are taken in chunks with a running maximum and sum (the online softmax of
// FlashAttention); only the output and the log-sum-exp are kept.
#include "attend.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "abreast_forward.hpp"
#include "dropout.hpp"
#include "logits.hpp"
#include "packed.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {
namespace {

// What a receiver has heard so far in one head.
template <typename T> struct Heard : Logits<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;
    static constexpr Exact kSilent = -std::numeric_limits<Exact>::infinity();

    Heard(const Attend& a) : sum(a.value_dim), edge_sum(a.value_features), weights_(kChunk) {}

    void begin() {
        largest = kSilent;
        mass = 0;
        std::fill(sum.begin(), sum.end(), Exact(0));
        std::fill(edge_sum.begin(), edge_sum.end(), Exact(0));
    }

    void hear(const Attend& a, const Forward& f, const Exact* query, int64_t receiver, int64_t head, const Edges& edges) {
        const int64_t count = edges.count, V = a.value_dim, F = a.value_features, H = a.num_heads;
        Exact* w = weights_.data();
        Logits<T>::logits(a, query, receiver, head, edges, w);
        const Exact highest = std::max(largest, largest_of(w, count));
        for (int64_t n = 0; f.weights && n < count; ++n) *at(f.weights, (edges.edge + n) * H + head) = w[n];
        // A NaN, which no comparison finds, goes on to the sums.
        if (highest == kSilent && std::all_of(w, w + count, [](Exact x) { return x == kSilent; })) return;
        if (highest > largest) {
            if (mass != 0) {
                const Exact shrink = std::exp(largest - highest);
                for (Exact& x : sum) x *= shrink;
                for (Exact& x : edge_sum) x *= shrink;
                mass *= shrink;
            }
            largest = highest;
        }
        mass += exponentials(w, highest, count);
        if (a.keep_from) {
            const uint32_t row = row_hash(a.seed, receiver, head);
            for (int64_t n = 0; n < count; ++n) w[n] *= kept<Exact>(a, row, edges.columns[n]);
        }
        add_rows(sum.data(), w, rows_of<T>(a.value, head * a.num_shared / H, edges), edges.columns, count, V);
        for (int64_t n = 0; F && n < count; ++n) add(edge_sum.data(), w[n], at(a.value_edge, (edges.edge + n) * F), F);
    }

    // What a stretch of a row heard, added to what the stretches before it did.
    void hear(const Exact* part) {
        if (part[1] == 0) return;
        const Exact highest = std::max(largest, part[0]);
        const Exact before = mass == 0 ? Exact(0) : std::exp(largest - highest), now = std::exp(part[0] - highest);
        const int64_t V = static_cast<int64_t>(sum.size()), F = static_cast<int64_t>(edge_sum.size());
        for (int64_t d = 0; d < V; ++d) sum[d] = sum[d] * before + part[2 + d] * now;
        for (int64_t d = 0; d < F; ++d) edge_sum[d] = edge_sum[d] * before + part[2 + V + d] * now;
        mass = mass * before + part[1] * now;
        largest = highest;
    }
    void keep(Exact* part, int64_t dim) const {
        part[0] = largest;
        part[1] = mass;
        std::copy(edge_sum.begin(), edge_sum.end(), std::copy_n(sum.begin(), dim, part + 2));
    }

    void end(const Attend& a, const Forward& f, int64_t receiver, int64_t head, int64_t dim) const {
        const Exact share = mass == 0 ? Exact(0) : 1 / mass;
        T* out = static_cast<T*>(f.out.data) + receiver * f.out.node_stride + head * f.out.head_stride;
        T* rest = f.rest ? static_cast<T*>(f.rest) + receiver * f.out.node_stride + head * f.out.head_stride : nullptr;
        if (mass != 0 || !f.so_far) {
            store_scaled(out, sum.data(), share, dim);
            for (int64_t d = 0; rest && d < dim; ++d) store(rest + d, sum[d] * share - exact(out[d]));
        }
        const int64_t place = receiver * a.num_heads + head, F = a.value_features;
        for (int64_t d = 0; d < F; ++d) *at(f.heard_edge, place * F + d) = edge_sum[d] * share;
        if (f.log_sum) *at(f.log_sum, place) = mass == 0 ? -kSilent : largest + std::log(mass);
        if (f.so_far) {
            *at(f.so_far, 2 * place) = largest;
            *at(f.so_far, 2 * place + 1) = mass;
        }
    }

    Exact largest, mass;
    std::vector<Exact> sum, edge_sum;

  private:
    std::vector<Exact> weights_;
};

template <typename T> struct AttendForward : Stored<T> {
    using typename Stored<T>::Exact;
    using Stored<T>::at;

    static void run(const Rows& rows, const Attend& a, const Forward& f) {
        if (goes_abreast(a) && !f.weights && !f.so_far) return run_abreast(rows, a, f);
        const int64_t H = a.num_heads, D = a.dim, V = a.value_dim, part = 2 + V + a.value_features;
        const PackedPair<T> senders(a, a.num_senders);
        const bool packs = pays_to_pack<T>(rows, a);
        const Room<T> room(packs ? senders.numbers() : 0);
        const int64_t stages = packs ? a.num_shared : 1, heads = H / stages, blocks = (rows.num_items + kItems - 1) / kItems;
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            Attend near = a;
            if (packs) near.dim = senders.width, near.value_dim = senders.wide;
            Heard<T> heard(near);
            Columns columns(rows);
            std::vector<Exact> query(near.dim, Exact(0));
            for (int64_t stage = 0; stage < stages; ++stage) {
                if (packs) near.key = a.key, near.value = a.value, senders.fill(room, near.key, near.value, stage);
#pragma omp for schedule(dynamic, 1)
                for (int64_t block = 0; block < blocks; ++block) {
                    const int64_t first = block * kItems, last = std::min(rows.num_items, first + kItems);
                    columns.take(first, last);
                    for (int64_t item = first; item < last; ++item) {
                        const Stretch of = stretch(rows, item);
                        for (int64_t head = stage * heads; head < (stage + 1) * heads; ++head) {
                            if (of.row + kRowsAhead < rows.num_rows) ask_for_row(a, f, of.row + kRowsAhead, head);
                            if (a.score != kNone) copy_row<T>(query.data(), a.query, of.row, head, D);
                            heard.begin();
                            columns.each(of, [&](const Edges& edges) { heard.hear(near, f, query.data(), of.row, head, edges); });
                            if (of.whole) heard.end(a, f, of.row, head, V);
                            else heard.keep(at(f.partial, (item * H + head) * part), V);
                        }
                    }
                }
            }
            if (rows.item_row) join(rows, a, f);
            if (f.weights) finish_weights(rows, a, f);
        }
    }

    static void run_abreast(const Rows& rows, const Attend& a, const Forward& f) {
        const int64_t H = a.num_heads, V = a.value_dim, wide = padded<Exact>(V);
        const Filled<T, Exact> query(a.query, a.num_receivers, H, 1, 1), key(a.key, a.num_senders, H, 1, 1);
        const Filled<T, T> value(a.value, a.num_senders, H, V, wide, wide != V);
        Attend near = a;
        near.query = query.nodes(), near.key = key.nodes(), near.value = value.nodes();
#pragma omp parallel num_threads(static_cast<int>(a.num_threads))
        {
            query.fill(), key.fill(), value.fill();
            HeardAbreast<T> heard(near, wide);
            each_item<Exact>(rows, H, [&](const Columns& columns, int64_t item, HeadBlock heads) {
                heard.hear(f, columns, stretch(rows, item), item, heads);
            });
            if (rows.item_row) join(rows, a, f);
        }
    }

    static void ask_for_row(const Attend& a, const Forward& f, int64_t row, int64_t head) {
        if (a.score != kNone) ask(row_of<T>(a.query, row, head), a.dim);
        ask(static_cast<T*>(f.out.data) + row * f.out.node_stride + head * f.out.head_stride, a.value_dim);
    }

    // Rows that were cut: what their stretches heard is put together in order.
    static void join(const Rows& rows, const Attend& a, const Forward& f) {
        const int64_t H = a.num_heads, part = 2 + a.value_dim + a.value_features;
        Heard<T> heard(a);
#pragma omp for schedule(dynamic, 1)
        for (int64_t i = 0; i < rows.num_rows; ++i) {
            if (rows.row_item[i + 1] - rows.row_item[i] == 1) continue;
            for (int64_t head = 0; head < H; ++head) {
                heard.begin();
                for (int64_t k = rows.row_item[i]; k < rows.row_item[i + 1]; ++k) heard.hear(at(f.partial, (k * H + head) * part));
                heard.end(a, f, i, head, a.value_dim);
            }
        }
    }

    // Logits become weights, once the sums are known.
    static void finish_weights(const Rows& rows, const Attend& a, const Forward& f) {
        const int64_t H = a.num_heads;
        Columns columns(rows);
#pragma omp for schedule(dynamic, 32)
        for (int64_t item = 0; item < rows.num_items; ++item) {
            const Stretch of = stretch(rows, item);
            columns.take(item, item + 1);
            columns.each(of, [&](const Edges& edges) {
                for (int64_t h = 0; h < H; ++h) {
                    const Exact log_sum = *at(f.log_sum, of.row * H + h);
                    const uint32_t row = row_hash(a.seed, of.row, h);
                    for (int64_t n = 0; n < edges.count; ++n) {
                        Exact* w = at(f.weights, (edges.edge + n) * H + h);
                        *w = std::exp(*w - log_sum);
                        if (a.keep_from) *w *= kept<Exact>(a, row, edges.columns[n]);
                    }
                }
            });
        }
    }
};

}  // namespace

void attend_forward(const Rows& rows, const Attend& a, const Forward& f) {
    by_storage<AttendForward>(a.storage, rows, a, f);
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
