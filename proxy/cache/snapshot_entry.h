// One cached answer as a snapshot on disk holds it, and what a cache makes of it when it is read.
// Values; the spans of a SavedEntry point into the block that it was read from.
//
// Nothing in a snapshot is believed: the packet is parsed and copied as a nameserver's answer is,
// the key is checked and hashed anew (each process has a seed of its own), times are cut to what
// the cache's settings allow today.
//
// With `lastGood` an entry that comes back is never fresh: it is due, the first to ask for it makes
// the proxy ask the nameserver, and it is a last good answer if that has none; until `maxAge` after
// its end, and never past the end of a signature. Without `lastGood` it is fresh for what is left
// of its TTL, but only where the snapshot was written by a clean stop, no start has read it since,
// and the wall clock did not go back: else a flush, or time, may have passed unseen. It is over
// then, and of use for setStaleCacheEntriesTTL alone. What a soft flush has passed over is not kept
// there.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "proxy/base/byte_reader.h"
#include "proxy/base/clock.h"

namespace breakwater {

struct SavedEntry {
  uint32_t age_s = 0;        // when it was written
  uint32_t ttl_s = 0;        // from the time it was asked for
  uint32_t good_left_s = 0;  // for so long a last good answer yet; 0: none
  uint16_t key_bits = 0;
  uint8_t apex_labels = 0;
  bool due = false;  // a soft flush had passed over it
  bool over_udp = false;
  bool asked_again = false;         // since it was stored: it comes before those that were not
  std::span<const uint8_t> tail;    // of the key
  std::span<const uint8_t> packet;  // with the question
};

void AppendSaved(const SavedEntry& entry, std::vector<uint8_t>& out);
// False where the bytes are no entry; the reader is at its end then, or marked bad.
bool ReadSaved(ByteReader& reader, SavedEntry& entry);

// A walk through a cache that is being written. `bytes` and `entries` grow; who walks takes them.
struct SnapshotScan {
  size_t shard = 0, slot = 0;
  MonoTime now;
  uint32_t keep_expired_s = 0;  // setStaleCacheEntriesTTL
  bool is_full = false;         // the cache
  // Labels of the apex of the zone that a name is in, where an entry does not know; may be empty.
  // Called under a shard's lock.
  std::function<uint8_t(std::span<const uint8_t> name)> apex_of{};
  std::vector<uint8_t> bytes{};
  size_t entries = 0;
};

enum class RestoredFreshness : uint8_t { kNone, kWhatIsLeft };
struct RestoreHow {
  MonoTime now;
  uint32_t asked_epoch = 0;  // PacketCache::epoch() before the first one was read
  uint32_t passed_s = 0;     // since it was written, by the wall clock
  RestoredFreshness freshness = RestoredFreshness::kNone;
  uint32_t keep_expired_s = 0;
};

enum class RestoreResult : uint8_t {
  kTaken,
  kKnown,      // an answer to the same question is here already
  kOver,       // past its time
  kFull,       // the cache is
  kMalformed,  // no answer that could have been stored
};

}  // namespace breakwater
