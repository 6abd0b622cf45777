// What of a Verilated card only counts, as the build script found it (build/counters.rs): registers of 64 bits, or of several such lanes.
#pragma once
#include <cstddef>
#include <cstdint>

#include "variants.h"
#include "verilated.h"

namespace silico {

// Of a card of which it is not known.
template <typename Top>
struct Counting {
    static constexpr bool known = false;
    template <typename Root, typename Visit>
    static void each(Root*, Visit) {}
    template <typename Root>
    static void settle(Root*) {}
};

constexpr std::size_t lanes(const uint64_t&) { return 1; }
inline uint64_t lane_of(const uint64_t& counter, std::size_t) { return counter; }
inline void set_lane(uint64_t& counter, std::size_t, uint64_t value) { counter = value; }

template <std::size_t N>
constexpr std::size_t lanes(const VlWide<N>&) {
    static_assert(N % 2 == 0, "lanes of 64 bits");
    return N / 2;
}

template <std::size_t N>
uint64_t lane_of(const VlWide<N>& counter, std::size_t lane) {
    return static_cast<uint64_t>(counter[2 * lane + 1]) << 32 | counter[2 * lane];
}

template <std::size_t N>
void set_lane(VlWide<N>& counter, std::size_t lane, uint64_t value) {
    counter[2 * lane] = static_cast<uint32_t>(value);
    counter[2 * lane + 1] = static_cast<uint32_t>(value >> 32);
}

}  // namespace silico

#include "counting.inc"
