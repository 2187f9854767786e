// Room for numbers that begins where a line of the cache does.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace edgewise {
namespace EDGEWISE_LEVEL {

// Large pages for what is read in any order: each small one would cost a miss in the table of pages.
inline void* aligned_room(std::size_t bytes) {
    constexpr std::size_t kLine = 64, kLargePage = std::size_t{1} << 21;
    const std::size_t unit = bytes < 2 * kLargePage ? kLine : kLargePage, size = (bytes + unit) / unit * unit;
    void* room = std::aligned_alloc(unit, size);
    if (room == nullptr) throw std::bad_alloc();
#if defined(__linux__)
    if (unit == kLargePage) madvise(room, size, MADV_HUGEPAGE);
#endif
    return room;
}

template <typename Number> class Room {
  public:
    explicit Room(int64_t count)
        : data_(static_cast<Number*>(aligned_room(static_cast<std::size_t>(count) * sizeof(Number))), &std::free) {}
    operator Number*() const { return data_.get(); }

  private:
    std::unique_ptr<Number, decltype(&std::free)> data_;
};

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
