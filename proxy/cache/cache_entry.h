// One cached answer: a single allocation that holds the header below, the offsets of the TTLs,
// the packet, and the tail of the key. The name, type and class of the key lie in the packet.
// Owned by the CacheShard that holds it and touched only under that shard's lock.
//
// Times are 32-bit serial numbers of the monotonic clock in milliseconds; they may be compared
// as long as they are less than 24 days apart, which the sweeper sees to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "proxy/base/clock.h"
#include "proxy/cache/cache_answer.h"
#include "proxy/cache/cache_key.h"
#include "proxy/dns/header.h"

namespace breakwater {

using SerialMs = uint32_t;
inline SerialMs ToSerial(MonoTime time) {
  return static_cast<SerialMs>(time.ms());
}
// How long `later` is after `earlier`; 0 where it is not.
inline uint32_t MsSince(SerialMs later, SerialMs earlier) {
  const uint32_t distance = later - earlier;
  return distance > 0x7fffffffu ? 0 : distance;
}

struct CacheEntry {
  // Neighbours in the shard's queue (entry_queue.h).
  CacheEntry* newer;
  CacheEntry* older;
  uint32_t hash;      // the key's lower half
  SerialMs asked_ms;  // age and TTL count from here
  uint32_t ttl_s;
  uint32_t asked_epoch;    // flushes later than this concern the entry
  uint32_t checked_epoch;  // and have been looked at up to this one
  uint32_t good_until_s;   // of the monotonic clock; until then a last good answer. 0: never
  SerialMs retry_ms;       // where held: the next try
  uint16_t key_bits;
  uint16_t length;  // of the packet
  uint16_t ttl_count;
  uint8_t name_length;
  uint8_t tail_length;
  uint8_t apex_labels;    // of the zone it speaks for; 0: not known
  uint8_t hits;           // up to 3, for the eviction
  bool in_main : 1;       // the queue it is in
  bool due : 1;           // a soft flush has passed over it
  bool due_for_good : 1;  // one that can no longer be undone
  bool held : 1;          // its refresh failed or is late: served at once until retry_ms
  bool is_signed : 1;     // with RRSIG records
  bool bad : 1;           // no good answer: held for seconds, and only where there was none
  bool over_udp : 1;      // how the answer came; for the dump alone
  bool asked_ahead : 1;   // somebody was told that it ends soon
  uint8_t refresh;        // the ticket of who refreshes it; 0: nobody
  alignas(2) uint8_t bytes[];

  uint16_t* ttl_offsets() { return reinterpret_cast<uint16_t*>(bytes); }
  std::span<const uint16_t> ttls() const {
    return {reinterpret_cast<const uint16_t*>(bytes), ttl_count};
  }
  uint8_t* packet() { return bytes + 2 * static_cast<size_t>(ttl_count); }
  std::span<const uint8_t> message() const {
    return {bytes + 2 * static_cast<size_t>(ttl_count), length};
  }
  std::span<const uint8_t> name() const { return message().subspan(dns::kHeaderSize, name_length); }
  dns::Type type() const {
    return static_cast<dns::Type>(LoadU16(message().data() + dns::kHeaderSize + name_length));
  }
  dns::Class cls() const {
    return static_cast<dns::Class>(LoadU16(message().data() + dns::kHeaderSize + name_length + 2));
  }
  dns::RCode rcode() const { return dns::ConstHeader(message().data()).rcode(); }
  std::span<const uint8_t> tail() const { return {message().data() + length, tail_length}; }

  size_t size() const {
    return offsetof(CacheEntry, bytes) + 2 * static_cast<size_t>(ttl_count) + length + tail_length;
  }
  // What the entry takes of the process: its allocation, rounded as malloc does, and its place
  // in the index.
  size_t Footprint() const { return ((size() + 8 + 15) & ~size_t{15}) + 13; }

  uint32_t AgeMs(SerialMs now) const { return MsSince(now, asked_ms); }
  bool IsFresh(SerialMs now) const { return AgeMs(now) < ttl_s * 1000; }
  bool IsLastGood(MonoTime now) const { return now.seconds() < int64_t{good_until_s}; }
  // The whole key against the question in a client's message; `name` is the message's.
  bool Matches(const CacheKey& key, uint16_t bits, std::span<const uint8_t> name) const {
    return key_bits == bits && MatchesQuestion(key, name);
  }
  // Whether its answer, kept for another question's flags, is right for these (kKeySiblingBits).
  bool MaySpeakFor(uint16_t bits) const;
  // It says something, if only by a SOA how long there is nothing.
  bool IsProper() const {
    const dns::Header header = dns::ConstHeader(message().data());
    return header.count(dns::Section::kAnswer) != 0 || header.count(dns::Section::kAuthority) != 0;
  }
  // But for the bits.
  bool MatchesQuestion(const CacheKey& key, std::span<const uint8_t> name) const;
};

static_assert(offsetof(CacheEntry, bytes) == 56, "see MECHANISMS.md, 2: an entry is small");
static_assert(offsetof(CacheEntry, bytes) % 2 == 0, "the TTLs' offsets stand there");

struct FreeEntry {
  void operator()(CacheEntry* entry) const;
};
using CacheEntryPtr = std::unique_ptr<CacheEntry, FreeEntry>;

// A new entry with the shareable copy of the answer; times, epochs and flags are left at 0.
// Null where its size is above 65535 or the memory is not to be had.
CacheEntryPtr MakeCacheEntry(const CacheKey& key, std::span<const uint8_t> message,
                             const CacheAnswer& answer);
CacheEntryPtr CloneCacheEntry(const CacheEntry& entry);
// A copy under another key of the same question, that is never fresh and not held.
CacheEntryPtr CopyForKey(const CacheEntry& entry, const CacheKey& key);

// How an answer's TTLs become the client's.
struct TtlRewrite {
  uint32_t age_s = 0;         // subtracted, down to 0
  uint32_t fixed_s = kNoTtl;  // unless kNoTtl: every TTL becomes this
};

// Turns a client's query into the entry's answer: ID, RD, CD and the name are the client's. The
// buffer must hold the entry's length.
void CopyToClient(const CacheEntry& entry, const TtlRewrite& rewrite, uint8_t* buffer);

// Puts the data of the first run of A or of AAAA records with one owner in random order, in the
// buffer that CopyToClient filled. `random` moves on.
void ShuffleAddresses(const CacheEntry& entry, uint8_t* buffer, uint64_t& random);

}  // namespace breakwater
