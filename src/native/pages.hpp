// Large pages for large results.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace edgewise {

// Fresh memory is handed out page by page as it is first written, and each page costs about two microseconds: for
// results of many megabytes, as much as computing them. Large pages cost five hundred times fewer.
inline void ask_for_large_pages(void* data, int64_t bytes) {
#if defined(__linux__)
    constexpr uintptr_t kLargePage = uintptr_t{1} << 21;
    if (data == nullptr || bytes < static_cast<int64_t>(2 * kLargePage)) return;
    const uintptr_t begin = (reinterpret_cast<uintptr_t>(data) + kLargePage - 1) / kLargePage * kLargePage;
    const uintptr_t end = (reinterpret_cast<uintptr_t>(data) + static_cast<uintptr_t>(bytes)) / kLargePage * kLargePage;
    if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
    (void)data;
    (void)bytes;
#endif
}

// Fresh memory is filled with zeros, by all threads: each asks for its own pages.
inline void fill_with_zeros(void* data, int64_t bytes, int64_t num_threads) {
    constexpr int64_t kPart = int64_t{1} << 21;
    if (data == nullptr) return;
    ask_for_large_pages(data, bytes);
#pragma omp parallel for num_threads(static_cast<int>(num_threads)) schedule(static)
    for (int64_t part = 0; part < (bytes + kPart - 1) / kPart; ++part) {
        std::memset(static_cast<char*>(data) + part * kPart, 0, static_cast<std::size_t>(std::min(kPart, bytes - part * kPart)));
    }
}

}  // namespace edgewise
