// Products of small panels in registers: what a tile is computed with.
#pragma once

#include <utility>

#include "lanes.hpp"

#define EDGEWISE_UNROLL _Pragma("GCC unroll 16")

namespace edgewise {
namespace EDGEWISE_LEVEL {

// A side of a tile: two vectors of receivers. A tile has as many as hold its receivers.
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

// A part of what is counted from 0.
struct Span {
    int64_t begin, end;
};

// out[c][i] = sum over d of x[c][d] y[d][i], for B rows c and one side i; rows of out are `step` apart
template <int B, int64_t step, typename Exact> void dots_side(const Exact* x, int64_t stride, const Exact* y, int64_t dim, Exact* out) {
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
        put<Exact>(out + b * step, sum[b][0]);
        put<Exact>(out + b * step + W, sum[b][1]);
    }
}

template <int64_t step, typename Exact>
inline void all_dots(const Exact* x, int64_t stride, Span span, const Exact* y, int64_t dim, Exact* out) {
    in_parts<kMostDots>(span.end - span.begin, [&](auto n, int64_t first) {
        dots_side<n(), step>(x + (span.begin + first) * stride, stride, y, dim, out + (span.begin + first) * step);
    });
}

// to[r][d] += sum over k of w[k * across + r * along] x[k][d], for R rows r and V vectors d
template <int R, int V, int64_t across, int64_t along, typename Exact>
void add_panel(Exact* const* to, int64_t offset, const Exact* w, const Exact* x, int64_t stride, Span span) {
    constexpr int64_t W = kLanes<Exact>;
    if (span.begin >= span.end) return;
    Lanes<Exact> sum[R][V];
    EDGEWISE_UNROLL for (int r = 0; r < R; ++r) EDGEWISE_UNROLL for (int v = 0; v < V; ++v) sum[r][v] = load(to[r] + offset + v * W);
    int64_t k = span.begin;
    do {
        Lanes<Exact> row[V];
        EDGEWISE_UNROLL for (int v = 0; v < V; ++v) row[v] = load(x + k * stride + v * W);
        EDGEWISE_UNROLL for (int r = 0; r < R; ++r) {
            const Exact factor = w[k * across + r * along];
            EDGEWISE_UNROLL for (int v = 0; v < V; ++v) sum[r][v] += factor * row[v];
        }
    } while (++k < span.end);
    EDGEWISE_UNROLL for (int r = 0; r < R; ++r) EDGEWISE_UNROLL for (int v = 0; v < V; ++v) put<Exact>(to[r] + offset + v * W, sum[r][v]);
}

// The same for any number of rows, and of channels in whole vectors. span_of(first, n) says over which k the sum runs
// for n rows.
template <int64_t across, int64_t along, typename Exact, typename SpanOf>
inline void add_panels(Exact* const* to, int64_t rows, const Exact* w, const Exact* x, int64_t width, const SpanOf& span_of) {
    constexpr int64_t W = kLanes<Exact>;
    int64_t d = 0;
    const auto of_width = [&](auto vectors) {
        constexpr int V = vectors();
        for (; d + V * W <= width; d += V * W) {
            in_parts<kMostRows<V>>(rows, [&](auto n, int64_t first) {
                add_panel<n(), V, across, along>(to + first, d, w + first * along, x + d, width, span_of(first, n()));
            });
        }
    };
    if constexpr (kWidest == 4) of_width(std::integral_constant<int, 4>{});
    of_width(std::integral_constant<int, 2>{});
    of_width(std::integral_constant<int, 1>{});
}

// x > y ? x : y, lane by lane
inline Lanes<float> larger(Lanes<float> x, Lanes<float> y) {
#if EDGEWISE_BYTES == 32 && defined(__AVX__)
    return (Lanes<float>)_mm256_max_ps((__m256)x, (__m256)y);
#else
    return x > y ? x : y;
#endif
}
inline Lanes<double> larger(Lanes<double> x, Lanes<double> y) { return x > y ? x : y; }

// Whether some lane differs from a number.
template <typename Exact> inline bool differs(Lanes<Exact> x, Exact from) {
    bool some = false;
    for (int64_t lane = 0; lane < kLanes<Exact>; ++lane) some |= x[lane] != from;
    return some;
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

// e^x within 2 ulp; 0 below -87.3 (where e^x leaves the normal numbers), e^0 = 1 exactly. Several vectors in step, so that
// none waits for itself.
template <int N> inline void exponentials_near(Lanes<float> (&x)[N]) {
    typedef LanesOf<float>::integers Integers;
    constexpr float kLog2OfE = 1.44269504088896341f;
    const Lanes<float> magic = Lanes<float>{} + 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
    Lanes<float> rounded[N], rest[N], p[N];
    EDGEWISE_UNROLL for (int n = 0; n < N; ++n) rounded[n] = x[n] * kLog2OfE + magic;
    EDGEWISE_UNROLL for (int n = 0; n < N; ++n) rest[n] = x[n] * kLog2OfE - (rounded[n] - magic);
    EDGEWISE_UNROLL for (int n = 0; n < N; ++n) p[n] = rest[n] * 1.5353362064e-4f + 1.3398874589e-3f;
    EDGEWISE_UNROLL for (int n = 0; n < N; ++n) p[n] = p[n] * rest[n] + 9.6184373585e-3f;
    EDGEWISE_UNROLL for (int n = 0; n < N; ++n) p[n] = p[n] * rest[n] + 5.5503324707e-2f;
    EDGEWISE_UNROLL for (int n = 0; n < N; ++n) p[n] = p[n] * rest[n] + 2.4022647914e-1f;
    EDGEWISE_UNROLL for (int n = 0; n < N; ++n) p[n] = p[n] * rest[n] + 6.9314720286e-1f;
    EDGEWISE_UNROLL for (int n = 0; n < N; ++n) p[n] = p[n] * rest[n] + 1.0f;
    EDGEWISE_UNROLL for (int n = 0; n < N; ++n) {
        Integers power;  // its lowest bits are the integer
        std::memcpy(&power, &rounded[n], sizeof power);
        power = (power + 127) << 23;
        Lanes<float> two;
        std::memcpy(&two, &power, sizeof two);
        x[n] = x[n] < -87.3365f ? Lanes<float>{} : p[n] * two;
    }
}
template <int N> inline void exponentials_near(Lanes<double> (&x)[N]) {
    for (Lanes<double>& one : x) one = exponential(one);
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
