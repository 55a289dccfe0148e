#include "proxy/base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "proxy/base/random.h"

namespace breakwater {

uint64_t HashBytes(std::span<const uint8_t> bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

uint64_t ProcessHashSeed() {
  static const uint64_t seed = RandomU64();
  return seed;
}

}  // namespace breakwater
