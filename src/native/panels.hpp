// Products of small panels in registers: what a tile is computed with.
#pragma once

#include <utility>

#include "lanes.hpp"

#define EDGEWISE_UNROLL _Pragma("GCC unroll 16")

namespace edgewise {
namespace EDGEWISE_LEVEL {

// A side of a tile: two vectors of receivers.
template <typename Exact> constexpr int64_t kSide = 2 * kLanes<Exact>;

#if EDGEWISE_BYTES == 64
constexpr int kMostDots = 12;                             // columns at once: 24 of 32 registers
template <int V> constexpr int kMostRows = V == 4 ? 6 : 12;  // rows at once, V vectors each
constexpr int kWidest = 4;
#else
constexpr int kMostDots = 6;
template <int V> constexpr int kMostRows = 6;
constexpr int kWidest = 2;
#endif

// Calls part.template operator()<n>(first) with n <= Most until all of `count` is done, in parts as equal as can be.
template <int Most, int N = Most, typename Part> inline void call_part(int64_t n, int64_t first, const Part& part) {
    if constexpr (N > 0) {
        if (n == N) return part(std::integral_constant<int, N>{}, first);
        call_part<Most, N - 1>(n, first, part);
    }
}
template <int Most, typename Part> inline void in_parts(int64_t count, const Part& part) {
    for (int64_t first = 0, parts = (count + Most - 1) / Most; parts > 0; --parts) {
        const int64_t n = (count - first + parts - 1) / parts;
        call_part<Most>(n, first, part);
        first += n;
    }
}

// out[c][i] = sum over d of x[c][d] y[d][i], for B rows c and one side i
template <int B, typename Exact> void dots_side(const Exact* x, int64_t stride, const Exact* y, int64_t dim, Exact* out) {
    constexpr int64_t W = kLanes<Exact>;
    Lanes<Exact> sum[B][2];
    EDGEWISE_UNROLL for (int b = 0; b < B; ++b) sum[b][0] = sum[b][1] = Lanes<Exact>{};
    for (int64_t d = 0; d < dim; ++d) {
        const Lanes<Exact> left = load(y + d * 2 * W), right = load(y + d * 2 * W + W);
        EDGEWISE_UNROLL for (int b = 0; b < B; ++b) {
            const Exact factor = x[b * stride + d];
            sum[b][0] += factor * left;
            sum[b][1] += factor * right;
        }
    }
    EDGEWISE_UNROLL for (int b = 0; b < B; ++b) {
        put<Exact>(out + b * 2 * W, sum[b][0]);
        put<Exact>(out + b * 2 * W + W, sum[b][1]);
    }
}

template <typename Exact>
inline void all_dots(const Exact* x, int64_t stride, int64_t count, const Exact* y, int64_t dim, Exact* out) {
    in_parts<kMostDots>(count, [&](auto n, int64_t first) {
        dots_side<n()>(x + first * stride, stride, y, dim, out + first * kSide<Exact>);
    });
}

// to[r][d] += sum over k of w[k * across + r * along] x[k][d], for R rows r and V vectors d
template <int R, int V, int64_t across, int64_t along, typename Exact>
void add_panel(Exact* const* to, int64_t offset, const Exact* w, const Exact* x, int64_t stride, int64_t count) {
    constexpr int64_t W = kLanes<Exact>;
    Lanes<Exact> sum[R][V];
    EDGEWISE_UNROLL for (int r = 0; r < R; ++r) EDGEWISE_UNROLL for (int v = 0; v < V; ++v) sum[r][v] = load(to[r] + offset + v * W);
    for (int64_t k = 0; k < count; ++k) {
        Lanes<Exact> row[V];
        EDGEWISE_UNROLL for (int v = 0; v < V; ++v) row[v] = load(x + k * stride + v * W);
        EDGEWISE_UNROLL for (int r = 0; r < R; ++r) {
            const Exact factor = w[k * across + r * along];
            EDGEWISE_UNROLL for (int v = 0; v < V; ++v) sum[r][v] += factor * row[v];
        }
    }
    EDGEWISE_UNROLL for (int r = 0; r < R; ++r) EDGEWISE_UNROLL for (int v = 0; v < V; ++v) put<Exact>(to[r] + offset + v * W, sum[r][v]);
}

// The same for any number of rows, and of channels in whole vectors.
template <int64_t across, int64_t along, typename Exact>
inline void add_panels(Exact* const* to, int64_t rows, const Exact* w, const Exact* x, int64_t width, int64_t count) {
    constexpr int64_t W = kLanes<Exact>;
    int64_t d = 0;
    const auto of_width = [&](auto vectors) {
        constexpr int V = vectors();
        for (; d + V * W <= width; d += V * W) {
            in_parts<kMostRows<V>>(rows, [&](auto n, int64_t first) {
                add_panel<n(), V, across, along>(to + first, d, w + first * along, x + d, width, count);
            });
        }
    };
    if constexpr (kWidest == 4) of_width(std::integral_constant<int, 4>{});
    of_width(std::integral_constant<int, 2>{});
    of_width(std::integral_constant<int, 1>{});
}

// Whether a number of a panel is infinite or none at all.
template <typename Exact> inline bool has_holes(const Exact* x, int64_t count) {
    constexpr int64_t W = kLanes<Exact>;
    Lanes<Exact> sum[4] = {};
    int64_t n = 0;
    for (; n + 4 * W <= count; n += 4 * W) {
        EDGEWISE_UNROLL for (int64_t k = 0; k < 4; ++k) sum[k] += load(x + n + k * W) * Exact(0);
    }
    for (; n < count; n += W) sum[0] += load(x + n) * Exact(0);
    return total((sum[0] + sum[1]) + (sum[2] + sum[3])) != 0;
}

template <typename Exact, size_t... I>
inline std::pair<Lanes<Exact>, Lanes<Exact>> zipped(Lanes<Exact> a, Lanes<Exact> b, std::index_sequence<I...>) {
    typedef typename LanesOf<Exact>::integers Integers;
    constexpr int W = kLanes<Exact>;
    constexpr Integers low = {static_cast<int>((I & 1) * W + (I >> 1))...};
    constexpr Integers high = {static_cast<int>((I & 1) * W + (I >> 1) + W / 2)...};
    return {__builtin_shuffle(a, b, low), __builtin_shuffle(a, b, high)};
}

// y[d][i] = x[i][d] for one side i; dim in whole vectors
template <typename Exact> inline void transpose_side(const Exact* x, int64_t dim, Exact* y) {
    constexpr int64_t W = kLanes<Exact>;
    for (int64_t d = 0; d < dim; d += W) {
        for (int64_t half = 0; half < 2; ++half) {
            Lanes<Exact> a[W], b[W];
            EDGEWISE_UNROLL for (int64_t i = 0; i < W; ++i) a[i] = load(x + (half * W + i) * dim + d);
            EDGEWISE_UNROLL for (int64_t step = 1; step < W; step *= 2) {
                EDGEWISE_UNROLL for (int64_t i = 0; i < W / 2; ++i) {
                    const auto both = zipped<Exact>(a[i], a[i + W / 2], std::make_index_sequence<W>{});
                    b[2 * i] = both.first;
                    b[2 * i + 1] = both.second;
                }
                EDGEWISE_UNROLL for (int64_t i = 0; i < W; ++i) a[i] = b[i];
            }
            EDGEWISE_UNROLL for (int64_t i = 0; i < W; ++i) put<Exact>(y + (d + i) * 2 * W + half * W, a[i]);
        }
    }
}

// 2^x within 2 ulp; 0 below -126 (where 2^x leaves the normal numbers), 2^0 = 1 exactly
inline Lanes<float> power_of_two(Lanes<float> x) {
    typedef LanesOf<float>::integers Integers;
    const Lanes<float> magic = Lanes<float>{} + 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
    const Lanes<float> rounded = (x + magic) - magic;
    const Lanes<float> rest = x - rounded;
    Lanes<float> p = Lanes<float>{} + 1.5353362064e-4f;
    p = p * rest + 1.3398874589e-3f;
    p = p * rest + 9.6184373585e-3f;
    p = p * rest + 5.5503324707e-2f;
    p = p * rest + 2.4022647914e-1f;
    p = p * rest + 6.9314720286e-1f;
    p = p * rest + 1.0f;
    const Integers power = (__builtin_convertvector(rounded, Integers) + 127) << 23;
    Lanes<float> two;
    std::memcpy(&two, &power, sizeof two);
    return x < -126.0f ? Lanes<float>{} : p * two;
}
// e^x for x that was taken relative to the largest: as exact as a weight of that size counts in a sum
inline Lanes<float> exponential_near(Lanes<float> x) { return power_of_two(x * 1.44269504088896341f); }
inline Lanes<double> exponential_near(Lanes<double> x) { return exponential(x); }

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
