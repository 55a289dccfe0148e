// The trace by which eviction is judged: names asked for by Zipf's law with exponent 1, and in
// the middle of it a scan, names that are asked for once each. The same seed gives the same trace.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "proxy/cache/packet_cache.h"
#include "tests/proxy/cache/numbered_names.h"

namespace breakwater::test {

struct TraceOptions {
  uint32_t names = 1'000'000;
  size_t cache_entries = 100'000;
  uint32_t scanned = 200'000;   // 0: no scan
  size_t requests = 1'000'000;  // measured; as many come before, to fill the cache
};

// The hit ratio of the requests that are not the scan's.
inline double ZipfHitRatio(const TraceOptions& options, const Clock& clock) {
  std::vector<double> sums(options.names);
  double sum = 0;
  for (uint32_t i = 0; i < options.names; ++i) sums[i] = sum += 1.0 / (i + 1);
  PacketCacheSettings settings;
  settings.max_entries = options.cache_entries;
  const auto cache = *PacketCache::Make(settings, clock);
  std::mt19937_64 random(20240812);
  std::uniform_real_distribution<double> draw(0, sum);
  NumberedNames names;
  std::array<uint8_t, 512> buffer;
  const auto ask = [&](uint32_t number) {
    const CacheKey key = names.Key(number);
    std::memcpy(buffer.data(), names.data(), NumberedNames::kQuerySize);
    const CacheHit hit =
        cache->Lookup(key, buffer, NumberedNames::kNameLength, {.now = clock.Now()});
    if (hit.result != CacheResult::kMiss) return true;
    cache->Insert(key, names.Answer(number),
                  {.now = clock.Now(), .asked = clock.Now(), .asked_epoch = cache->epoch()});
    return false;
  };
  size_t hits = 0;
  uint32_t scanned = 0;
  for (size_t i = 0; i < 2 * options.requests; ++i) {
    const auto rank = static_cast<uint32_t>(
        std::upper_bound(sums.begin(), sums.end() - 1, draw(random)) - sums.begin());
    const bool measured = i >= options.requests;
    hits += (ask(rank) && measured) ? 1 : 0;
    // The scan runs through the first half of what is measured.
    const size_t due =
        measured ? 2 * (i - options.requests) * options.scanned / options.requests : 0;
    while (scanned < due && scanned < options.scanned) ask(options.names + scanned++);
  }
  return static_cast<double>(hits) / static_cast<double>(options.requests);
}

}  // namespace breakwater::test
