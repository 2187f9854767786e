// Vectors of the width that the compiler was told of (EDGEWISE_BYTES), over four storage types.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace edgewise {
namespace EDGEWISE_LEVEL {

struct BFloat16 { uint16_t bits; };
struct Float16 { uint16_t bits; };

template <typename Exact> struct LanesOf;
template <> struct LanesOf<float> {
    typedef float type __attribute__((vector_size(EDGEWISE_BYTES)));
    typedef int32_t integers __attribute__((vector_size(EDGEWISE_BYTES)));
    typedef uint32_t hashes __attribute__((vector_size(EDGEWISE_BYTES)));
};
template <> struct LanesOf<double> {
    typedef double type __attribute__((vector_size(EDGEWISE_BYTES)));
    typedef int64_t integers __attribute__((vector_size(EDGEWISE_BYTES)));
    typedef uint32_t hashes __attribute__((vector_size(EDGEWISE_BYTES / 2)));
};
template <typename Exact> using Lanes = typename LanesOf<Exact>::type;
template <typename Exact> constexpr int64_t kLanes = EDGEWISE_BYTES / sizeof(Exact);

inline float exact(float x) { return x; }
inline double exact(double x) { return x; }
inline float exact(BFloat16 x) {
    const uint32_t bits = static_cast<uint32_t>(x.bits) << 16;
    float result;
    std::memcpy(&result, &bits, 4);
    return result;
}
inline float exact(Float16 x) {
#if defined(__F16C__)
    return _cvtsh_ss(x.bits);
#else
    const uint32_t sign = (x.bits & 0x8000u) << 16;
    int32_t exponent = (x.bits >> 10) & 0x1f;
    uint32_t fraction = x.bits & 0x3ffu;
    uint32_t bits;
    if (exponent == 31) {
        bits = sign | 0x7f800000u | (fraction << 13);
    } else if (exponent == 0 && fraction == 0) {
        bits = sign;
    } else {
        if (exponent == 0) {
            exponent = 1;
            while (!(fraction & 0x400u)) { fraction <<= 1; --exponent; }
            fraction &= 0x3ffu;
        }
        bits = sign | static_cast<uint32_t>(exponent + 112) << 23 | (fraction << 13);
    }
    float result;
    std::memcpy(&result, &bits, 4);
    return result;
#endif
}

inline void store(float* at, float x) { *at = x; }
inline void store(double* at, double x) { *at = x; }
inline void store(BFloat16* at, float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    at->bits = x != x ? 0x7fc0 : static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}
inline void store(Float16* at, float x) {
#if defined(__F16C__)
    at->bits = static_cast<uint16_t>(_cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT));
#else
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
    const float size = std::fabs(x);
    if (x != x) {
        at->bits = sign | 0x7e00;
    } else if (size >= 65520.0f) {
        at->bits = sign | 0x7c00;
    } else if (size < 6.103515625e-05f) {
        at->bits = sign | static_cast<uint16_t>(std::nearbyint(size * 16777216.0f));
    } else {
        std::memcpy(&bits, &size, 4);
        const uint32_t rounded = bits + 0xfffu + ((bits >> 13) & 1);
        at->bits = sign | static_cast<uint16_t>((rounded >> 13) - (112u << 10));
    }
#endif
}

inline Lanes<float> load(const float* at) { Lanes<float> x; std::memcpy(&x, at, sizeof x); return x; }
inline Lanes<double> load(const double* at) { Lanes<double> x; std::memcpy(&x, at, sizeof x); return x; }
inline Lanes<float> load(const BFloat16* at) {
    typedef uint16_t Half __attribute__((vector_size(EDGEWISE_BYTES / 2)));
    typedef uint32_t Full __attribute__((vector_size(EDGEWISE_BYTES)));
    Half half;
    std::memcpy(&half, at, sizeof half);
    const Full bits = __builtin_convertvector(half, Full) << 16;
    Lanes<float> x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}
inline Lanes<float> load(const Float16* at) {
#if EDGEWISE_BYTES == 64 && defined(__AVX512F__)
    return (Lanes<float>)_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
#elif EDGEWISE_BYTES == 32 && defined(__F16C__)
    return (Lanes<float>)_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
#else
    Lanes<float> x;
    for (int64_t lane = 0; lane < kLanes<float>; ++lane) x[lane] = exact(at[lane]);
    return x;
#endif
}
template <typename Exact> inline void put(Exact* at, Lanes<Exact> x) { std::memcpy(at, &x, sizeof x); }
inline void put_stored(float* at, Lanes<float> x) { put<float>(at, x); }
inline void put_stored(double* at, Lanes<double> x) { put<double>(at, x); }
inline void put_stored(BFloat16* at, Lanes<float> x) {
    typedef uint16_t Half __attribute__((vector_size(EDGEWISE_BYTES / 2)));
    typedef uint32_t Full __attribute__((vector_size(EDGEWISE_BYTES)));
    Full bits;
    std::memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16;
    const Half half = __builtin_convertvector(x != x ? Full{} + 0x7fc0u : bits, Half);
    std::memcpy(at, &half, sizeof half);
}
inline void put_stored(Float16* at, Lanes<float> x) {
#if EDGEWISE_BYTES == 64 && defined(__AVX512F__)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), _mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT));
#elif EDGEWISE_BYTES == 32 && defined(__F16C__)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at), _mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT));
#else
    for (int64_t lane = 0; lane < kLanes<float>; ++lane) store(at + lane, x[lane]);
#endif
}

// What one operation makes of all lanes: halves are joined until one number is left.
inline float total(Lanes<float> x) {
#if EDGEWISE_BYTES == 64 && defined(__AVX512F__)
    return _mm512_reduce_add_ps((__m512)x);
#elif EDGEWISE_BYTES == 32 && defined(__AVX__)
    __m128 half = _mm_add_ps(_mm256_castps256_ps128((__m256)x), _mm256_extractf128_ps((__m256)x, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
#else
    float sum = 0;
    for (int64_t lane = 0; lane < kLanes<float>; ++lane) sum += x[lane];
    return sum;
#endif
}
inline double total(Lanes<double> x) {
#if EDGEWISE_BYTES == 64 && defined(__AVX512F__)
    return _mm512_reduce_add_pd((__m512d)x);
#else
    double sum = 0;
    for (int64_t lane = 0; lane < kLanes<double>; ++lane) sum += x[lane];
    return sum;
#endif
}
inline float largest(Lanes<float> x) {
#if EDGEWISE_BYTES == 64 && defined(__AVX512F__)
    return _mm512_reduce_max_ps((__m512)x);
#elif EDGEWISE_BYTES == 32 && defined(__AVX__)
    __m128 half = _mm_max_ps(_mm256_castps256_ps128((__m256)x), _mm256_extractf128_ps((__m256)x, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
#else
    float high = x[0];
    for (int64_t lane = 1; lane < kLanes<float>; ++lane) high = x[lane] > high ? x[lane] : high;
    return high;
#endif
}
inline double largest(Lanes<double> x) {
    double high = x[0];
    for (int64_t lane = 1; lane < kLanes<double>; ++lane) high = x[lane] > high ? x[lane] : high;
    return high;
}

// The sums of four vectors at once cost little more than one alone.
inline void totals(const Lanes<float>* x, float* out) {
#if EDGEWISE_BYTES == 64 && defined(__AVX512F__)
    __m256 half[4];
    for (int n = 0; n < 4; ++n) {
        const __m512 whole = (__m512)x[n];
        half[n] = _mm256_add_ps(_mm512_castps512_ps256(whole), _mm512_extractf32x8_ps(whole, 1));
    }
    const __m256 sum = _mm256_hadd_ps(_mm256_hadd_ps(half[0], half[1]), _mm256_hadd_ps(half[2], half[3]));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1)));
#elif EDGEWISE_BYTES == 32 && defined(__AVX__)
    const __m256 sum = _mm256_hadd_ps(_mm256_hadd_ps((__m256)x[0], (__m256)x[1]), _mm256_hadd_ps((__m256)x[2], (__m256)x[3]));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1)));
#else
    for (int n = 0; n < 4; ++n) out[n] = total(x[n]);
#endif
}
inline void totals(const Lanes<double>* x, double* out) {
    for (int n = 0; n < 4; ++n) out[n] = total(x[n]);
}

#if EDGEWISE_BYTES == 64 && defined(__AVX512F__)
// The sums of sixteen vectors in one.
inline Lanes<float> sixteen_totals(const Lanes<float>* x) {
    __m512 four[4];
    for (int n = 0; n < 4; ++n) {
        const __m512 a = (__m512)x[4 * n], b = (__m512)x[4 * n + 1], c = (__m512)x[4 * n + 2], d = (__m512)x[4 * n + 3];
        const __m512d ab = _mm512_castps_pd(_mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b)));
        const __m512d cd = _mm512_castps_pd(_mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d)));
        four[n] = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd)), _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd)));
    }
    __m512 two[2];
    for (int n = 0; n < 2; ++n) {
        const __m512 a = four[2 * n], b = four[2 * n + 1];
        two[n] = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
    }
    const __m512 a = two[0], b = two[1];
    return (Lanes<float>)_mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
}
#endif

// sum of a[d] b[d]
template <typename Exact, typename T> inline Exact dot(const Exact* a, const T* b, int64_t dim) {
    constexpr int64_t W = kLanes<Exact>;
    Lanes<Exact> one{}, two{};
    int64_t d = 0;
    for (; d + 2 * W <= dim; d += 2 * W) {
        one += load(a + d) * load(b + d);
        two += load(a + d + W) * load(b + d + W);
    }
    for (; d + W <= dim; d += W) one += load(a + d) * load(b + d);
    Exact sum = total(one + two);
    for (; d < dim; ++d) sum += a[d] * exact(b[d]);
    return sum;
}

// Rows of one head of many nodes: node n of a chunk begins at base + index[n] * stride.
// The rows that come next are asked for one by one, while these are computed.
template <typename T> struct HeadRows {
    const T* base;
    int64_t stride;
    const int32_t* ahead = nullptr;
    int64_t count_ahead = 0;

    const T* operator()(int32_t index) const { return base + index * stride; }
    // The same rows without their first channels.
    HeadRows from(int64_t channel) const { return {base + channel, stride, ahead, count_ahead}; }
    void ask(int64_t n, int64_t dim) const {
        if (n >= count_ahead) return;
        const char* at = reinterpret_cast<const char*>(base + ahead[n] * stride);
        for (int64_t byte = 0; byte < dim * static_cast<int64_t>(sizeof(T)); byte += 64) __builtin_prefetch(at + byte, 0, 2);
    }
};

// out[n] = scale * (a · row n), a in K registers
template <int K, typename Exact, typename T>
inline void dots_of(const Exact* a, HeadRows<T> rows, const int32_t* index, int64_t count, Exact scale, Exact* out) {
    constexpr int64_t W = kLanes<Exact>;
    Lanes<Exact> x[K], y[4];
    for (int k = 0; k < K; ++k) x[k] = load(a + k * W);
    const auto product = [&](const T* row) {
        Lanes<Exact> sum = x[0] * load(row);
        for (int k = 1; k < K; ++k) sum += x[k] * load(row + k * W);
        return sum;
    };
    int64_t n = 0;
#if EDGEWISE_BYTES == 64 && defined(__AVX512F__)
    if constexpr (sizeof(Exact) == 4 && K <= 4) {
        for (; n + 16 <= count; n += 16) {
            Lanes<Exact> z[16];
            for (int m = 0; m < 16; ++m) {
                rows.ask(n + m, K * W);
                z[m] = product(rows(index[n + m]));
            }
            put<Exact>(out + n, sixteen_totals(z) * scale);
        }
    }
#endif
    for (; n + 4 <= count; n += 4) {
        for (int m = 0; m < 4; ++m) {
            rows.ask(n + m, K * W);
            y[m] = product(rows(index[n + m])) * scale;
        }
        totals(y, out + n);
    }
    for (; n < count; ++n) {
        rows.ask(n, K * W);
        out[n] = total(product(rows(index[n])) * scale);
    }
}

// to[d] += sum of w[n] times row n, in K registers; in two sums each where there is room, so that none waits for itself
template <int K, typename Exact, typename T>
inline void add_of(Exact* to, const Exact* w, HeadRows<T> rows, const int32_t* index, int64_t count) {
    constexpr int64_t W = kLanes<Exact>;
    Lanes<Exact> sum[K], odd[K] = {};
    for (int k = 0; k < K; ++k) sum[k] = load(to + k * W);
    int64_t n = 0;
    if constexpr (K <= 4) {
        for (; n + 2 <= count; n += 2) {
            const T *row = rows(index[n]), *next = rows(index[n + 1]);
            rows.ask(n, K * W);
            rows.ask(n + 1, K * W);
            for (int k = 0; k < K; ++k) sum[k] += w[n] * load(row + k * W);
            for (int k = 0; k < K; ++k) odd[k] += w[n + 1] * load(next + k * W);
        }
    }
    for (; n < count; ++n) {
        const T* row = rows(index[n]);
        rows.ask(n, K * W);
        for (int k = 0; k < K; ++k) sum[k] += w[n] * load(row + k * W);
    }
    for (int k = 0; k < K; ++k) put<Exact>(to + k * W, sum[k] + odd[k]);
}

// a[d] += w b[d]
template <typename Exact, typename T> inline void add(Exact* a, Exact w, const T* b, int64_t dim) {
    constexpr int64_t W = kLanes<Exact>;
    int64_t d = 0;
    for (; d + W <= dim; d += W) put<Exact>(a + d, load(a + d) + w * load(b + d));
    for (; d < dim; ++d) a[d] += w * exact(b[d]);
}

// Scaled dot products of `a` with the rows of a chunk of nodes.
template <typename Exact, typename T>
inline void dots(const Exact* a, HeadRows<T> rows, const int32_t* index, int64_t count, int64_t dim, Exact scale, Exact* out) {
    constexpr int64_t W = kLanes<Exact>;
    if (dim == W) return dots_of<1>(a, rows, index, count, scale, out);
    if (dim == 2 * W) return dots_of<2>(a, rows, index, count, scale, out);
    if (dim == 4 * W) return dots_of<4>(a, rows, index, count, scale, out);
    if (dim == 8 * W) return dots_of<8>(a, rows, index, count, scale, out);
    for (int64_t n = 0; n < count; ++n) {
        rows.ask(n, dim);
        out[n] = scale * dot(a, rows(index[n]), dim);
    }
}

// The weighted sum of the rows of a chunk of nodes, added to `to`.
template <typename Exact, typename T>
inline void add_rows(Exact* to, const Exact* w, HeadRows<T> rows, const int32_t* index, int64_t count, int64_t dim) {
    constexpr int64_t W = kLanes<Exact>;
    int64_t d = 0;
    for (; d + 8 * W <= dim; d += 8 * W) add_of<8>(to + d, w, rows.from(d), index, count);
    for (; d + 4 * W <= dim; d += 4 * W) add_of<4>(to + d, w, rows.from(d), index, count);
    for (; d + 2 * W <= dim; d += 2 * W) add_of<2>(to + d, w, rows.from(d), index, count);
    for (; d + W <= dim; d += W) add_of<1>(to + d, w, rows.from(d), index, count);
    for (int64_t n = 0; d < dim && n < count; ++n) {
        rows.from(d).ask(n, dim - d);
        add(to + d, w[n], rows(index[n]) + d, dim - d);
    }
}

// The largest of count numbers; those up to the next whole vector must be -inf.
template <typename Exact> inline Exact largest_of(const Exact* x, int64_t count) {
    constexpr int64_t W = kLanes<Exact>;
    Lanes<Exact> high = load(x);
    for (int64_t n = W; n < count; n += W) {
        const Lanes<Exact> y = load(x + n);
        high = y > high ? y : high;
    }
    return largest(high);
}
// Fills x up to the next whole vector with -inf, which is no logit of any edge.
template <typename Exact> inline void fill_up(Exact* x, int64_t count) {
    for (; count % kLanes<Exact> != 0; ++count) x[count] = static_cast<Exact>(-INFINITY);
}

// e^x within 2 ulp; 0 below -87.3 (where e^x leaves the normal numbers), e^0 = 1 exactly
inline Lanes<float> exponential(Lanes<float> x) {
    typedef LanesOf<float>::integers Integers;
    const Lanes<float> scaled = x * 1.44269504088896341f;
    const Lanes<float> magic = Lanes<float>{} + 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
    const Lanes<float> rounded = (scaled + magic) - magic;
    const Lanes<float> rest = (x - rounded * 0.693359375f) - rounded * -2.12194440e-4f;
    Lanes<float> p = Lanes<float>{} + 1.9875691500e-4f;
    p = p * rest + 1.3981999507e-3f;
    p = p * rest + 8.3334519073e-3f;
    p = p * rest + 4.1665795894e-2f;
    p = p * rest + 1.6666665459e-1f;
    p = p * rest + 5.0000001201e-1f;
    p = p * rest * rest + rest + 1.0f;
    const Integers power = (__builtin_convertvector(rounded, Integers) + 127) << 23;
    Lanes<float> two;
    std::memcpy(&two, &power, sizeof two);
    return x < -87.3f ? Lanes<float>{} : p * two;
}

inline Lanes<double> exponential(Lanes<double> x) {
    Lanes<double> y;
    for (int64_t lane = 0; lane < kLanes<double>; ++lane) y[lane] = std::exp(x[lane]);
    return y;
}

// x[n] <- e^(x[n] - shift) in whole vectors, returning the sum
template <typename Exact> inline Exact exponentials(Exact* x, Exact shift, int64_t count) {
    constexpr int64_t W = kLanes<Exact>;
    Lanes<Exact> sum{};
    for (int64_t n = 0; n < count; n += W) {
        const Lanes<Exact> y = exponential(load(x + n) - shift);
        put<Exact>(x + n, y);
        sum += y;
    }
    return total(sum);
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
