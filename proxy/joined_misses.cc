#include "proxy/joined_misses.h"

#include <algorithm>
#include <array>

#include "proxy/base/byte_writer.h"
#include "proxy/base/hash.h"
#include "proxy/cache/key_options.h"
#include "proxy/dns/name.h"

namespace breakwater {
namespace {

// Longer queries than this ask for themselves.
constexpr size_t kLongest = 1024;

// What two questions are compared by.
struct Essence {
  std::array<uint8_t, kLongest> bytes;
  size_t size = 0;
  std::span<const uint8_t> span() const { return {bytes.data(), size}; }
};

// Without ID, case, the size that EDNS asks for, and options that are not in the cache's key.
void TakeEssence(const Query& query, const CacheKeyOptions& options, Essence& essence) {
  uint8_t* const bytes = essence.bytes.data();
  const size_t head = query.edns.present ? query.edns.options_offset() : query.size;
  std::copy_n(query.data, head, bytes);
  StoreU16(bytes, query.NeedsStream() ? 1 : 0);  // in place of the ID
  dns::FoldInto(query.name(), bytes + dns::kHeaderSize);
  essence.size = head;
  if (!query.edns.present) return;
  dns::ForEachOption(query.message(), query.edns,
                     [&](dns::OptionCode code, std::span<const uint8_t> content) {
                       if (KeySkipsOption(options, code)) return true;
                       std::copy_n(content.data() - 4, content.size() + 4, bytes + essence.size);
                       essence.size += content.size() + 4;
                       return true;
                     });
  StoreU16(bytes + query.edns.offset + 3, 0);
  StoreU16(bytes + query.edns.offset + 9, static_cast<uint16_t>(essence.size - head));
  const size_t end = query.edns.end();
  std::copy_n(query.data + end, query.size - end, bytes + essence.size);
  essence.size += query.size - end;
}

uint64_t HashOf(const Essence& essence, const JoinedMisses::Miss& miss) {
  const std::string_view pool = miss.query.pool_name;
  const auto* name = reinterpret_cast<const uint8_t*>(pool.data());
  const uint64_t seed = HashBytes({name, pool.size()}, ProcessHashSeed()) ^
                        reinterpret_cast<uintptr_t>(miss.cache) * 0x9e3779b97f4a7c15u;
  const uint64_t hash = HashBytes(essence.span(), seed);
  return hash == 0 ? 1 : hash;
}

}  // namespace

std::span<const uint8_t> JoinedMisses::OptionsOf(const Query& query) {
  if (!query.edns.present) return {};
  return query.message().subspan(query.edns.options_offset(), query.edns.options_length);
}

bool JoinedMisses::HaveSameOptions(const Query& a, const Query& b) {
  return std::ranges::equal(OptionsOf(a), OptionsOf(b));
}

std::optional<FlightId> JoinedMisses::Find(const Miss& miss) const {
  if (miss.query.size > kLongest || waiting_ >= kMostInAll) return std::nullopt;
  const CacheKeyOptions& options = miss.cache->settings().key;
  Essence wanted;
  TakeEssence(miss.query, options, wanted);
  const auto found = flights_.find(HashOf(wanted, miss));
  if (found == flights_.end()) return std::nullopt;
  const Flight* flight = in_flight_.Find(found->second);
  if (flight == nullptr || flight->cache.get() != miss.cache ||
      flight->waiters.size() >= kMostWaiters) {
    return std::nullopt;
  }
  const Query& asked = *flight->query;
  if (asked.pool_name != miss.query.pool_name || asked.size > kLongest) return std::nullopt;
  if (miss.exactly && !HaveSameOptions(asked, miss.query)) return std::nullopt;
  Essence there;
  TakeEssence(asked, options, there);
  if (!std::ranges::equal(wanted.span(), there.span())) return std::nullopt;
  return found->second;
}

void JoinedMisses::Add(FlightId id, const Miss& miss) {
  if (miss.query.size > kLongest) return;
  Essence essence;
  TakeEssence(miss.query, miss.cache->settings().key, essence);
  const uint64_t hash = HashOf(essence, miss);
  flights_[hash] = id;
  in_flight_.Find(id)->join_hash = hash;
}

void JoinedMisses::Remove(const Flight& flight) {
  Left(flight.waiters.size());
  if (flight.join_hash == 0) return;
  const auto found = flights_.find(flight.join_hash);
  // Another may have taken its place.
  if (found != flights_.end() && in_flight_.Find(found->second) == &flight) flights_.erase(found);
}

}  // namespace breakwater
