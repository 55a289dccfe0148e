// A query and a hostile answer to it: the first two bytes are the query's length, the rest is the
// answer. What the cache takes in, it must serve within its size, and age without harm.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "proxy/cache/packet_cache.h"

namespace {

using namespace breakwater;

class FixedClock : public Clock {
 public:
  MonoTime Now() const override { return MonoTime::FromSeconds(1000); }
};

void LookUp(PacketCache& cache, const CacheKey& key, std::span<const uint8_t> query,
            size_t name_length) {
  for (const int64_t age_s : {0, 30, 100'000}) {
    std::vector<uint8_t> buffer(65535);
    std::copy(query.begin(), query.end(), buffer.begin());
    const CacheHit hit = cache.Lookup(
        key, buffer, name_length,
        {.now = MonoTime::FromSeconds(1000 + static_cast<double>(age_s)), .allow_expired_s = 60});
    if (hit.result == CacheResult::kMiss) continue;
    const size_t size = hit.size;
    // The client's ID, name, RD and CD; nothing larger than what was stored.
    if (size > 65535 || !std::equal(query.begin(), query.begin() + 2, buffer.begin())) std::abort();
    const size_t name_end = dns::kHeaderSize + name_length;
    if (!std::equal(query.begin() + dns::kHeaderSize,
                    query.begin() + static_cast<std::ptrdiff_t>(name_end),
                    buffer.begin() + dns::kHeaderSize)) {
      std::abort();
    }
    const auto question = dns::ParseQuestion({buffer.data(), size});
    if (!question || question->type != key.type || question->cls != key.cls) std::abort();
    if (!dns::FindEdns({buffer.data(), size}, question->end())) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::span<const uint8_t> bytes(data + 2, size - 2);
  const size_t split = std::min<size_t>(static_cast<size_t>(data[0] << 8 | data[1]), bytes.size());
  const auto query = bytes.first(split);
  const auto answer = bytes.subspan(split);
  const auto question = dns::ParseQuestion(query);
  if (!question) return 0;
  const auto edns = dns::FindEdns(query, question->end());
  if (!edns) return 0;

  static const FixedClock clock;
  PacketCacheSettings settings;
  settings.max_entries = 4;
  settings.truncated_ttl = 10;
  settings.maximum_entry_size = 65535;
  settings.shuffle = true;
  settings.key.parse_ecs = true;
  const auto cache = PacketCache::Make(settings, clock);
  const auto key = MakeCacheKey({query, *question, *edns}, settings.key);
  if (!cache || !key) return 0;
  const bool stored =
      (*cache)->Insert(*key, answer, {.now = clock.Now(), .asked = clock.Now(), .asked_epoch = 1});
  LookUp(**cache, *key, query, question->name_length);
  if ((*cache)->EntryCount() != (stored ? 1u : 0u)) std::abort();
  (*cache)->DomainsByAddress(Address::FromRaw(std::array<uint8_t, 4>{192, 0, 2, 1}));
  (*cache)->Flush({.name = dns::Name(), .suffix = true, .hard = true});
  if ((*cache)->Sweep(1'000'000) != (stored ? 1u : 0u)) std::abort();
  return 0;
}
