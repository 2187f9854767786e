// Dropout by counter: whether an edge stays is a hash of (seed, receiver, sender, head), as in dropout.py.
#pragma once

#include "attend.hpp"

namespace edgewise {
namespace EDGEWISE_LEVEL {

// Of a number, or of a vector of them.
template <typename Hash> inline Hash mix(Hash x) {
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ (x >> 16);
}
inline uint32_t row_hash(int64_t seed, int64_t receiver, int64_t head) {
    const uint32_t row = mix(static_cast<uint32_t>(seed) + static_cast<uint32_t>(receiver) * 0x9e3779b1u);
    return mix(row + static_cast<uint32_t>(head) * 0x85ebca77u);
}
inline uint32_t column_hash(int64_t seed, int64_t sender) {
    return mix(static_cast<uint32_t>(seed >> 32) + static_cast<uint32_t>(sender) * 0xc2b2ae3du);
}

// What stands before the weight of an edge: 0 where it falls out, 1 / (1 - dropout) where it stays.
template <typename Exact> inline Exact kept(const Attend& a, uint32_t row, int64_t sender) {
    const bool stays = (mix(row ^ column_hash(a.seed, sender))) >= static_cast<uint32_t>(a.keep_from);
    return stays ? static_cast<Exact>(1 / (1 - a.dropout)) : Exact(0);
}

}  // namespace EDGEWISE_LEVEL
}  // namespace edgewise
