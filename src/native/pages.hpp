// Large pages for large results.
#pragma once

#include <cstdint>
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

}  // namespace edgewise
