// XXH3, seeded at random once a process, so that nobody outside can make keys collide.
#pragma once

#include <cstdint>
#include <span>

namespace breakwater {

uint64_t HashBytes(std::span<const uint8_t> bytes, uint64_t seed);

// The seed of this process; drawn at first use.
uint64_t ProcessHashSeed();

}  // namespace breakwater
