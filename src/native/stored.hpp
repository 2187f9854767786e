// Arrays of one storage type, and the type that is accumulated in.
#pragma once

#include "lanes.hpp"
#include "rows.hpp"
#include "columns.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {

template <typename T> struct ExactOf { typedef float type; };
template <> struct ExactOf<double> { typedef double type; };

template <typename T> inline const T* row_of(const Nodes<const void*>& x, int64_t node, int64_t head) {
    return static_cast<const T*>(x.data) + node * x.node_stride + head * x.head_stride;
}

// Asks for a row that is needed soon, and only once: the rows of one head lie too far apart for the processor to foresee.
template <typename T> inline void ask(const T* row, int64_t dim) {
    const char* at = reinterpret_cast<const char*>(row);
    for (int64_t byte = 0; byte < dim * static_cast<int64_t>(sizeof(T)); byte += 64) __builtin_prefetch(at + byte, 0, 0);
}

// One head of one node, exact.
template <typename T, typename Exact>
inline void copy_row(Exact* to, const Nodes<const void*>& x, int64_t node, int64_t head, int64_t dim) {
    constexpr int64_t W = kLanes<Exact>;
    const T* from = row_of<T>(x, node, head);
    int64_t d = 0;
    for (; d + W <= dim; d += W) put<Exact>(to + d, load(from + d));
    for (; d < dim; ++d) to[d] = exact(from[d]);
}
// to[d] = factor x[d], as it is stored
template <typename T, typename Exact> inline void store_scaled(T* to, const Exact* x, Exact factor, int64_t dim) {
    constexpr int64_t W = kLanes<Exact>;
    int64_t d = 0;
    for (; d + W <= dim; d += W) put_stored(to + d, load(x + d) * factor);
    for (; d < dim; ++d) store(to + d, x[d] * factor);
}

template <typename T> inline HeadRows<T> rows_of(const Nodes<const void*>& x, int64_t head, const Edges& edges) {
    return {static_cast<const T*>(x.data) + head * x.head_stride, x.node_stride, edges.ahead, edges.asks_ahead};
}

// What the kernels of one storage type share. Arrays that are accumulated in come without a type.
template <typename T> struct Stored {
    typedef typename ExactOf<T>::type Exact;
    static const Exact* at(const void* data, int64_t index) { return static_cast<const Exact*>(data) + index; }
    static Exact* at(void* data, int64_t index) { return static_cast<Exact*>(data) + index; }
};

// One door for all storage types.
template <template <typename> class Kernel, typename... Given> void by_storage(Storage storage, const Given&... given) {
    switch (storage) {
        case kFloat32: Kernel<float>::run(given...); break;
        case kFloat64: Kernel<double>::run(given...); break;
        case kBFloat16: Kernel<BFloat16>::run(given...); break;
        case kFloat16: Kernel<Float16>::run(given...); break;
    }
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
