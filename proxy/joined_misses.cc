#include "proxy/joined_misses.h"

#include <algorithm>
#include <array>

#include "proxy/base/byte_writer.h"
#include "proxy/base/hash.h"
#include "proxy/dns/name.h"

namespace breakwater {
namespace {

// Longer queries than this ask for themselves.
constexpr size_t kLongest = 1024;

// Of all that SameMessage() compares, of the pool, the cache and the way to the backend.
uint64_t HashOf(const JoinedMisses::Miss& miss) {
  const Query& query = miss.query;
  std::array<uint8_t, kLongest> bytes;
  std::copy_n(query.data, query.size, bytes.begin());
  StoreU16(bytes.data(), query.NeedsStream() ? 1 : 0);  // in place of the ID
  dns::FoldInto(query.name(), bytes.data() + dns::kHeaderSize);
  if (query.edns.present) StoreU16(bytes.data() + query.edns.offset + 3, 0);
  const std::string_view pool = query.pool_name;
  const auto* name = reinterpret_cast<const uint8_t*>(pool.data());
  const uint64_t seed = HashBytes({name, pool.size()}, ProcessHashSeed()) ^
                        reinterpret_cast<uintptr_t>(miss.cache) * 0x9e3779b97f4a7c15u;
  const uint64_t hash = HashBytes({bytes.data(), query.size}, seed);
  return hash == 0 ? 1 : hash;
}

// But for the ID, the case of the name, and the size that EDNS asks for.
bool SameMessage(const Query& a, const Query& b) {
  if (a.size != b.size || a.question.end() != b.question.end()) return false;
  const auto same = [&](size_t from, size_t to) {
    return std::equal(a.data + from, a.data + to, b.data + from);
  };
  if (!same(2, dns::kHeaderSize) || !dns::EqualFold(a.name(), b.name())) return false;
  const size_t name_end = dns::kHeaderSize + a.question.name_length;
  if (!a.edns.present || !b.edns.present) {
    return a.edns.present == b.edns.present && same(name_end, a.size);
  }
  const size_t size_at = a.edns.offset + 3;
  return a.edns.offset == b.edns.offset && same(name_end, size_at) && same(size_at + 2, a.size);
}

}  // namespace

std::optional<FlightId> JoinedMisses::Find(const Miss& miss) const {
  if (miss.query.size > kLongest || waiting_ >= kMostInAll) return std::nullopt;
  const auto found = flights_.find(HashOf(miss));
  if (found == flights_.end()) return std::nullopt;
  const Flight* flight = in_flight_.Find(found->second);
  if (flight == nullptr || flight->cache.get() != miss.cache ||
      flight->waiters.size() >= kMostWaiters) {
    return std::nullopt;
  }
  const Query& asked = *flight->query;
  if (asked.pool_name != miss.query.pool_name || asked.NeedsStream() != miss.query.NeedsStream() ||
      !SameMessage(asked, miss.query)) {
    return std::nullopt;
  }
  return found->second;
}

void JoinedMisses::Add(FlightId id, const Miss& miss) {
  if (miss.query.size > kLongest) return;
  const uint64_t hash = HashOf(miss);
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
