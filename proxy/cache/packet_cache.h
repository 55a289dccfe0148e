// The packet cache: answers by question, sharded, bounded in entries and bytes, evicting
// scan-resistantly when full (MECHANISMS.md, 1 to 4). Shared by all workers and by every pool it
// was given to; all methods may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/cache/cache_key.h"
#include "proxy/cache/cache_peek.h"
#include "proxy/cache/flush_table.h"
#include "proxy/cache/last_good.h"
#include "proxy/dns/name.h"

namespace breakwater {

class NotifyFlush;

// Entries that are asked for often are refreshed shortly before their end, so that nobody waits
// for the backend (newPacketCache{refreshAhead={...}}).
struct RefreshAheadSettings {
  double share = 0.1;  // of its time: how long before its end
  uint32_t hits = 2;   // at least so many since it was stored or queued anew, 1 to 3
  double rate = 500;   // refreshes a second, all workers together
};

// Answers up to this are stored where nothing else is said, and looked up by who has been asked
// again; the largest that a stream carries.
inline constexpr size_t kUsualAnswer = 4096;
inline constexpr size_t kLargestAnswer = 65535;

struct PacketCacheSettings {
  size_t max_entries = 0;
  size_t max_bytes = 0;  // 0: bounded by entries alone
  uint32_t max_ttl = 86400;
  uint32_t min_ttl = 0;
  uint32_t temporary_failure_ttl = 60;
  uint32_t stale_ttl = 60;
  uint32_t max_negative_ttl = 3600;
  uint32_t truncated_ttl = 0;
  uint32_t number_of_shards = 20;  // a minimum: MECHANISMS.md, 2
  size_t maximum_entry_size = kUsualAnswer;
  bool dont_age = false;
  bool keep_stale_data = false;
  bool shuffle = false;
  CacheKeyOptions key{};
  size_t workers = 1;  // shards are max(number_of_shards, 4 * workers), a power of two
  FlushLimits flush_limits{};
  std::optional<LastGoodSettings> last_good{};     // none: as dnsdist
  std::shared_ptr<NotifyFlush> flush_on_notify{};  // null: a NOTIFY flushes nothing
  bool join_misses = false;  // identical misses share one question; with last_good, refreshes do
  std::optional<RefreshAheadSettings> refresh_ahead{};
};

// Which entries past their time may be served where the cache has `lastGood`.
enum class LastGoodUse : uint8_t {
  kWhereHeld,  // those whose refresh failed or is late, since a flush if any, until the next try
  kUnlessFlushed,  // those no soft flush has passed over, and that say something
  kAny,
};

struct CacheLookup {
  MonoTime now;
  LastGoodUse last_good = LastGoodUse::kWhereHeld;
  bool datagram = true;    // the client is on UDP: may see entries stored with TC
  bool no_server = false;  // there is none to ask: once there is, what is served waits for its turn
  uint32_t allow_expired_s = 0;  // entries over for at most so long count as (stale) hits
};

enum class CacheResult : uint8_t { kMiss, kFresh, kStale, kLastGood };
struct CacheHit {
  CacheResult result = CacheResult::kMiss;
  size_t size = 0;   // of the answer in the buffer; 0 for a miss
  bool due = false;  // of a miss: a last good answer is held, and the caller is to refresh it
  // Of a miss that is none: the entry is about to end. The caller asks the backend for a new one,
  // as nobody else will, and looks up again.
  bool ends_soon = false;
  bool foreign_opt = false;  // it has an OPT that the question had not
};

struct ExpungeRequest {
  dns::Name name;
  std::optional<dns::Type> type{};  // nothing: every type
  bool suffix = false;              // names below it as well
};
enum class ExpiredEntries : uint8_t { kFree, kKeep };
enum class DumpFormat : uint8_t { kText, kTextAndAnswer };  // the answer in base64

struct CacheInsert {
  MonoTime now;
  MonoTime asked;                                   // before the query's first send
  uint32_t asked_epoch = 0;                         // PacketCache::epoch() then
  bool datagram = true;                             // the answer came over UDP
  std::optional<uint32_t> temporary_failure_ttl{};  // of this query alone
  // What JudgeAnswer() said, for caches with `lastGood`; the others take everything as good.
  AnswerClass worth = AnswerClass::kGood;
  uint8_t apex_labels = 0;  // of the zone the answer speaks for; 0: it does not say
  // Of a standby server: kept for seconds, and only where no other answer is.
  bool standby = false;
  // Good, and yet it says not for how long: held for want of a better one, and never fresh.
  bool lasting = false;
};

struct PacketCacheStats {
  uint64_t entries = 0, max_entries = 0, bytes = 0;
  uint64_t hits = 0, misses = 0, deferred_inserts = 0, deferred_lookups = 0;
  uint64_t lookup_collisions = 0, insert_collisions = 0, ttl_too_shorts = 0;
  uint64_t cleanup_count = 0;  // whole passes in search of expired entries
  uint64_t evictions = 0, flushes = 0;
  uint64_t last_good_hits = 0;
};

// Of snapshots; snapshot_entry.h.
struct SavedEntry;
struct SnapshotScan;
struct RestoreHow;
enum class RestoreResult : uint8_t;

class PacketCache {
 public:
  // `clock` must outlive the cache; only the sweeper and expunge functions read it.
  static TextResult<std::shared_ptr<PacketCache>> Make(const PacketCacheSettings& settings,
                                                       const Clock& clock);
  ~PacketCache();

  const PacketCacheSettings& settings() const;

  // Hints that Lookup(key) will come: the first fetches what it reads of the index, the second, a
  // while later, the entry.
  void FetchIndex(const CacheKey& key) const;
  void FetchEntry(const CacheKey& key) const;

  // Looks for an answer to the question in `buffer` (header, name, type, class at offset 12) and
  // on a hit turns the buffer into it: everything but the ID and the name, whose spelling stays
  // the client's; RD and CD stay as well; TTLs are aged. A miss, or an answer larger than the
  // buffer, changes nothing.
  CacheHit Lookup(const CacheKey& key, std::span<uint8_t> buffer, size_t name_length,
                  const CacheLookup& how);

  // What Lookup would find; nothing is counted, touched or freed. `name` is the question's.
  CachePeek Peek(const CacheKey& key, std::span<const uint8_t> name, const CacheLookup& how) const;

  // Offers an answer; its question must be the key's. What must not be stored (TTL too short,
  // too large, older than what is held) is counted and left out. True where it was stored.
  bool Insert(const CacheKey& key, std::span<const uint8_t> answer, const CacheInsert& how);

  // --- last good answers. `name` is the question's, in wire form.
  KnownAnswer Known(const CacheKey& key, std::span<const uint8_t> name, MonoTime now);
  // Of what is held for the same question without options and DO, which Adopt() would give.
  KnownAnswer KnownOfPlainer(const CacheKey& key, std::span<const uint8_t> name, MonoTime now);
  // The refresh of an entry, asked for at `asked`, failed or is late: askers get the last good
  // answer at once, until the next try `recheck` from now. Not where it has become better since, or
  // was flushed. False where none is held that may be so used.
  struct HoldHow {
    MonoTime now;
    MonoTime asked;
    uint32_t asked_epoch = 0;
    LastGoodUse use = LastGoodUse::kAny;
  };
  bool Hold(const CacheKey& key, std::span<const uint8_t> name, const HoldHow& how);
  // For want of all else: the last good answer to the same question asked without the options, or
  // without DO and EDNS too, is held for the key as well, as one that is never fresh. Not a signed
  // one where no signatures were asked for, nor one that is for a client subnet. False where there
  // is none.
  bool Adopt(const CacheKey& key, std::span<const uint8_t> name, const HoldHow& how);
  // The try brought nothing that counts, for better or worse: the next to ask may try at once.
  void GiveBack(const CacheKey& key, std::span<const uint8_t> name, MonoTime now);
  // Whether a flush since `epoch` concerns the question.
  bool FlushedSince(const CacheKey& key, std::span<const uint8_t> name, uint32_t epoch) const;
  // There is nothing any more: what was asked for before `asked` goes.
  void Forget(const CacheKey& key, std::span<const uint8_t> name, MonoTime asked);

  // One refresh for each entry that is due, whatever worker asks. Who begins it gets a ticket, and
  // gives it back when it ends, however that is; a flush that comes meanwhile makes it void, and so
  // does a refresh that is late. Nothing of this is looked at on a hit.
  enum class RefreshState : uint8_t {
    kFree,       // nobody does, or there is nothing to refresh
    kBegun,      // by the caller, who has a ticket now
    kElsewhere,  // by somebody else
  };
  struct Refresh {
    RefreshState state = RefreshState::kFree;
    uint8_t ticket = 0;
  };
  Refresh BeginRefresh(const CacheKey& key, std::span<const uint8_t> name, MonoTime now);
  bool IsRefreshed(const CacheKey& key, std::span<const uint8_t> name) const;
  void EndRefresh(const CacheKey& key, std::span<const uint8_t> name, uint8_t ticket);

  // Grows with each flush. A query notes it before its first send.
  uint32_t epoch() const;
  // `caller` names whose share of the flushes it counts to (FlushShare); empty: nobody's.
  FlushId Flush(const FlushRequest& request, std::string_view caller = {});
  FlushShare ShareOf(std::string_view caller) const;
  // Told each hard flush once it holds, and each ExpungeByName() and Expunge(0) as one, on the
  // thread that made it, before the call returns. One; an empty function: none.
  using HardFlushListener = std::function<void(const FlushRequest&)>;
  void TellHardFlushes(HardFlushListener listener);
  UndoResult Undo(FlushId id);
  std::optional<FlushStatus> StatusOf(FlushId id) const;

  // --- a snapshot on disk (cache_snapshot.h)
  // Copies what is worth keeping of up to 64 places, and moves on. False at the end.
  bool CopyForSnapshot(SnapshotScan& scan) const;
  // Takes an entry that was kept: never in place of one that is here, and not where the cache is
  // full.
  RestoreResult Restore(const SavedEntry& saved, const RestoreHow& how);

  // One step of the sweeper, for one thread at a time: frees expired and flushed entries, at most
  // `max_slots` looked at, 64 a lock hold, and not beyond the end of a pass. Expired ones are kept
  // for keepStaleData while no backend is up. Returns how many it freed.
  size_t Sweep(size_t max_slots, ExpiredEntries expired = ExpiredEntries::kFree);

  size_t SlotCount() const;  // that a whole pass looks at, however few entries there are
  enum class FlushesHeld : uint8_t {
    kNone,
    kSwept,
    kUnswept
  };  // kUnswept: not all counts are final
  FlushesHeld HeldFlushes() const;

  // dnsdist's own functions; they hold a shard for 64 entries at most.
  size_t ExpungeByName(const ExpungeRequest& request);
  size_t Expunge(size_t down_to);       // until at most so many entries are left
  size_t PurgeExpired(size_t down_to);  // expired ones, until at most so many entries are left
  size_t EntryCount() const;
  bool IsFull() const;
  PacketCacheStats Stats() const;
  std::string ToString() const;  // "12/10000": entries, and how many there may be
  // Writes one line an entry; refuses an existing file. Returns how many.
  TextResult<size_t> Dump(const std::string& path, DumpFormat format) const;
  std::vector<dns::Name> DomainsByAddress(const Address& address) const;
  std::vector<Address> AddressesByDomain(const dns::Name& name) const;

 private:
  struct Impl;
  explicit PacketCache(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater
