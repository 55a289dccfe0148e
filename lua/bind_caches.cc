// newPacketCache and the PacketCache class.
#include <fmt/format.h>

#include <algorithm>

#include "lua/bindings.h"
#include "lua/cache_options.h"
#include "lua/object_args.h"
#include "proxy/cache/notify_flush.h"
#include "proxy/cache/snapshot_file.h"
#include "proxy/config/caches.h"

namespace breakwater::lua {
namespace {

void ReadKeyOptions(Options& options, PacketCacheSettings* settings) {
  options.Read("parseECS", &settings->key.parse_ecs);
  bool cookie_hashing = false;
  // A cookie never counts unless asked for: 10 is always in the list.
  if (options.Read("skipOptions", &settings->key.skip_options)) {
    settings->key.skip_options.push_back(10);
  }
  if (options.Read("cookieHashing", &cookie_hashing) && cookie_hashing) {
    std::erase(settings->key.skip_options, 10);
  }
  std::vector<uint16_t> ranks;
  if (options.Read("payloadRanks", &ranks)) {
    std::erase_if(ranks,
                  [&](uint16_t rank) { return rank < 512 || rank > settings->maximum_entry_size; });
    std::sort(ranks.begin(), ranks.end());
    settings->key.payload_ranks = ranks;
  }
}

// Who may flush a zone by a NOTIFY: addresses and networks.
void ReadNotify(Options& options, PacketCacheSettings* settings) {
  StringOrList items;
  bool known = false;
  options.Read("notifyKnownZones", &known);
  if (!options.Read("flushOnNotify", &items)) {
    if (known) options.Reject("notifyKnownZones needs flushOnNotify");
    return;
  }
  NetmaskGroup from;
  for (const std::string& item : items.items) {
    if (const auto added = from.Add(item); !added) {
      options.Reject(fmt::format("flushOnNotify: {}", added.error()));
    }
  }
  if (from.empty()) return options.Reject("flushOnNotify needs the addresses that may flush");
  settings->flush_on_notify = std::make_shared<NotifyFlush>(
      std::move(from), known ? NotifyFlush::Zones::kKnown : NotifyFlush::Zones::kAll);
}

TextResult<void> ReadOptions(Options& options, PacketCacheSettings* settings) {
  size_t entry_size = settings->maximum_entry_size;
  options.Accept({"deferrableInsertLock"});  // an insert never waits long enough to matter
  options.Read("dontAge", &settings->dont_age);
  options.Read("keepStaleData", &settings->keep_stale_data);
  options.Read("maxNegativeTTL", &settings->max_negative_ttl);
  options.Read("maxTTL", &settings->max_ttl);
  options.Read("minTTL", &settings->min_ttl);
  options.Read("numberOfShards", &settings->number_of_shards);
  options.Read("staleTTL", &settings->stale_ttl);
  options.Read("temporaryFailureTTL", &settings->temporary_failure_ttl);
  options.Read("truncatedTTL", &settings->truncated_ttl);
  options.Read("shuffle", &settings->shuffle);
  options.Read("maxBytes", &settings->max_bytes);
  const bool says_size = options.Read("maximumEntrySize", &entry_size);
  if (says_size && entry_size >= 12) settings->maximum_entry_size = entry_size;
  ReadKeyOptions(options, settings);
  ReadNotify(options, settings);
  options.Read("joinMisses", &settings->join_misses);
  LastGoodArg last_good;
  if (options.Read("lastGood", &last_good)) settings->last_good = last_good.settings;
  if (!last_good.wrong.empty()) options.Reject(last_good.wrong);
  // A large answer is to have a last good one like others; what that may take is bounded.
  const bool bounded = settings->last_good && settings->max_bytes > 0;
  if (bounded && !says_size) settings->maximum_entry_size = kLargestAnswer;
  RefreshAheadArg ahead;
  if (options.Read("refreshAhead", &ahead)) settings->refresh_ahead = ahead.settings;
  if (!ahead.wrong.empty()) options.Reject(ahead.wrong);
  return options.Finish();
}

template <typename T>
TextResult<void> ReadPositional(Call& call, int index, T* value) {
  auto read = Reader<std::optional<T>>::Read(call, index);
  if (!read) return Fail(std::move(read.error()));
  if (*read) *value = **read;
  return {};
}

// newPacketCache(maxEntries, maxTTL, minTTL, ...), as before 1.4.
TextResult<void> ReadOldForm(Call& call, PacketCacheSettings* settings) {
  TextResult<void> good;
  const auto read = [&](int index, auto* value) {
    if (good) good = ReadPositional(call, index, value);
  };
  read(2, &settings->max_ttl);
  read(3, &settings->min_ttl);
  read(4, &settings->temporary_failure_ttl);
  read(5, &settings->stale_ttl);
  read(6, &settings->dont_age);
  read(7, &settings->number_of_shards);
  bool deferrable_insert_lock = true;
  read(8, &deferrable_insert_lock);
  read(9, &settings->max_negative_ttl);
  read(10, &settings->key.parse_ecs);
  return good;
}

TextResult<std::shared_ptr<PacketCache>> NewPacketCache(Call& call, size_t max_entries) {
  PacketCacheSettings settings = call.runtime().profile().cache;
  ++call.runtime().profile().caches_made;
  settings.max_entries = max_entries;
  TextResult<void> good;
  if (IsTable(call.state(), 2)) {
    Options options(call, 2);
    good = ReadOptions(options, &settings);
  } else {
    good = ReadOldForm(call, &settings);
  }
  if (!good) return Fail(std::move(good.error()));
  if (max_entries < settings.number_of_shards) {
    call.Warn(fmt::format("{} entries are fewer than {} shards: there will be fewer shards",
                          max_entries, settings.number_of_shards));
  }
  return MakeCache(call, std::move(settings));
}

// --- methods

size_t Expunge(PacketCache& cache, size_t down_to) {
  return cache.Expunge(down_to);
}
size_t PurgeExpired(PacketCache& cache, size_t down_to) {
  return cache.PurgeExpired(down_to);
}

std::optional<dns::Type> TypeOrAny(std::optional<uint16_t> type) {
  if (!type || *type == static_cast<uint16_t>(dns::Type::kAny)) return std::nullopt;
  return static_cast<dns::Type>(*type);
}

size_t ExpungeByName(Call& call, PacketCache& cache, const NameArg& name,
                     std::optional<uint16_t> type) {
  const auto suffix = Reader<std::optional<bool>>::Read(call, 4);
  return cache.ExpungeByName(
      {.name = name.name, .type = TypeOrAny(type), .suffix = suffix && suffix->value_or(false)});
}

// Prints the count, and gives it to Lua: dnsdist prints alone.
Pushed PrintExpunge(Call& call, PacketCache& cache, const NameArg& name,
                    std::optional<uint16_t> type) {
  call.Print(fmt::format("Expunged {} records\n", ExpungeByName(call, cache, name, type)));
  return {};
}

TextResult<uint64_t> Flush(Call& call, PacketCache& cache, const NameArg& name, Options options) {
  FlushRequest request;
  request.name = name.name;
  std::optional<uint16_t> type;
  options.Read("suffix", &request.suffix);
  options.Read("hard", &request.hard);
  options.Read("type", &type);
  request.type = TypeOrAny(type);
  if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  const uint64_t id = cache.Flush(request);
  if (const ControlTarget* target = call.runtime().target(); target != nullptr) {
    TellZonesOfFlush(target->zone_health(), {&request, 1}, target->clock().Now());
  }
  return id;
}

TextResult<bool> UndoFlush(Call& call, PacketCache& cache, uint64_t id) {
  switch (cache.Undo(id)) {
    case UndoResult::kUndone:
      return true;
    case UndoResult::kUnknown:
      call.Print("no flush of that id\n");
      return false;
    case UndoResult::kSuperseded:
      call.Print("superseded by a later flush\n");
      return false;
    case UndoResult::kHard:
      call.Print("a hard flush cannot be undone\n");
      return false;
  }
  return false;
}

// Nothing for a flush that is not known any more.
Pushed FlushState(Call& call, const PacketCache& cache, uint64_t id) {
  lua_State* const state = call.state();
  const auto status = cache.StatusOf(id);
  if (!status) {
    lua_pushnil(state);
    return {1};
  }
  lua_newtable(state);
  Push(state, status->matched);
  lua_setfield(state, -2, "matched");
  lua_pushboolean(state, status->swept);
  lua_setfield(state, -2, "swept");
  lua_pushboolean(state, status->undone);
  lua_setfield(state, -2, "undone");
  return {1};
}

bool IsFull(const PacketCache& cache) {
  return cache.IsFull();
}
size_t EntryCount(const PacketCache& cache) {
  return cache.EntryCount();
}
std::string CacheText(const PacketCache& cache) {
  return cache.ToString();
}

Pushed GetStats(Call& call, const PacketCache& cache) {
  const PacketCacheStats stats = cache.Stats();
  const std::pair<const char*, uint64_t> rows[] = {
      {"entries", stats.entries},
      {"maxEntries", stats.max_entries},
      {"bytes", stats.bytes},
      {"hits", stats.hits},
      {"misses", stats.misses},
      {"deferredInserts", stats.deferred_inserts},
      {"deferredLookups", stats.deferred_lookups},
      {"lookupCollisions", stats.lookup_collisions},
      {"insertCollisions", stats.insert_collisions},
      {"ttlTooShorts", stats.ttl_too_shorts},
      {"cleanupCount", stats.cleanup_count},
      {"evictions", stats.evictions},
      {"flushes", stats.flushes},
      {"lastGoodHits", stats.last_good_hits},
  };
  lua_newtable(call.state());
  for (const auto& [name, value] : rows) {
    Push(call.state(), value);
    lua_setfield(call.state(), -2, name);
  }
  return {1};
}

void PrintStats(Call& call, const PacketCache& cache) {
  const PacketCacheStats stats = cache.Stats();
  call.Print(
      fmt::format("Entries: {}/{}\nHits: {}\nMisses: {}\nDeferred inserts: {}\n"
                  "Deferred lookups: {}\nLookup Collisions: {}\nInsert Collisions: {}\n"
                  "TTL Too Shorts: {}\nCleanup Count: {}\n",
                  stats.entries, stats.max_entries, stats.hits, stats.misses,
                  stats.deferred_inserts, stats.deferred_lookups, stats.lookup_collisions,
                  stats.insert_collisions, stats.ttl_too_shorts, stats.cleanup_count));
}

TextResult<void> Dump(Call& call, const PacketCache& cache, const std::string& path,
                      std::optional<bool> raw) {
  const auto count =
      cache.Dump(path, raw.value_or(false) ? DumpFormat::kTextAndAnswer : DumpFormat::kText);
  if (!count) return Fail(count.error());
  call.Print(fmt::format("Dumped {} records\n", *count));
  return {};
}

std::vector<dns::Name> DomainsByAddress(const PacketCache& cache, const AddressArg& address) {
  return cache.DomainsByAddress(address.address);
}
std::vector<Address> AddressesByDomain(const PacketCache& cache, const NameArg& name) {
  return cache.AddressesByDomain(name.name);
}

constexpr Scope kAny = Scope::kAnywhere;
constexpr FunctionRow kMethods[] = {
    {"dump", Bind<&Dump>, "PacketCache:dump(fname [, rawResponse=false])",
     "Writes its entries to a new file, one a line."},
    {"expunge", Bind<&Expunge>, "PacketCache:expunge(n) -> int",
     "Removes entries until n are left."},
    {"expungeByName", Bind<&PrintExpunge>,
     "PacketCache:expungeByName(name [, qtype=DNSQType.ANY[, suffixMatch=false]])",
     "Removes the entries of a name now, and prints how many."},
    {"flush", Bind<&Flush>,
     "PacketCache:flush(name [, {suffix=false, type=DNSQType.ANY, hard=false}]) -> int",
     "Makes entries due for refresh (hard: removes them) in one step; an id for undoFlush.", kAny},
    {"flushStatus", Bind<&FlushState>, "PacketCache:flushStatus(id) -> table or nil",
     "How many entries a flush has met (final once `swept`), and whether it was undone.", kAny},
    {"getAddressListByDomain", Bind<&AddressesByDomain>,
     "PacketCache:getAddressListByDomain(domain) -> [ComboAddress]",
     "The addresses that its entries give for a name."},
    {"getDomainListByAddress", Bind<&DomainsByAddress>,
     "PacketCache:getDomainListByAddress(addr) -> [DNSName]",
     "The names whose entries hold an address."},
    {"getEntriesCount", Bind<&EntryCount>, "PacketCache:getEntriesCount() -> int",
     "How many entries it holds.", kAny},
    {"getStats", Bind<&GetStats>, "PacketCache:getStats() -> table", "Its counters by name.", kAny},
    {"isFull", Bind<&IsFull>, "PacketCache:isFull() -> bool",
     "Whether it holds as many entries as it may.", kAny},
    {"printStats", Bind<&PrintStats>, "PacketCache:printStats()", "Prints its counters."},
    {"purgeExpired", Bind<&PurgeExpired>, "PacketCache:purgeExpired(n) -> int",
     "Removes expired entries until n entries are left."},
    {"toString", Bind<&CacheText>, "PacketCache:toString() -> string", "How full it is.", kAny},
    {"undoFlush", Bind<&UndoFlush>, "PacketCache:undoFlush(id) -> bool", "Takes a soft flush back.",
     kAny},
};

const ClassRow kClass = {
    "PacketCache",
    kMethods,
    {},
    [](const void* object) { return static_cast<const PacketCache*>(object)->ToString(); },
    [](const void* a, const void* b) { return a == b; },
    nullptr,
    nullptr,
    "A cache of answers; several pools may share one."};

TextResult<void> SetCacheSnapshot(Call& call, const std::string& path, Options options) {
  CacheSnapshotSettings settings{.path = path};
  options.Read("interval", &settings.interval_s);
  if (settings.interval_s == 0) options.Reject("interval must be 1 second or more");
  if (auto good = options.Finish(); !good) return good;
  if (path.empty()) return Fail(std::string("the path of the snapshot is empty"));
  // A console client reads the same file, as another user.
  if (!call.runtime().options().client) {
    if (auto good = CheckSnapshotPlace(path); !good) return good;
  }
  call.builder().Edit().settings.cache_snapshot = std::move(settings);
  return {};
}

constexpr FunctionRow kFunctions[] = {
    {"newPacketCache", Bind<&NewPacketCache>,
     "newPacketCache(maxEntries[, options]) -> PacketCache",
     "Makes a cache, to be given to a pool with getPool(\"\"):setCache(cache). "
     "lastGood={maxAge=86400, ttl=30, clientTimeout=0.4, recheck=5, recheckRate=10000, on={...}, "
     "except={zones}} "
     "keeps answers that were good until there is a better one, but for those of TTL 0, and with "
     "maxBytes of any size; joinMisses=true sends one question "
     "for identical ones; refreshAhead={share=0.1, hits=2, rate=500} asks anew for what is asked "
     "for often before its time is over; flushOnNotify={\"192.0.2.1\"} flushes a zone, softly, "
     "when "
     "a NOTIFY for it comes from there, with notifyKnownZones=true only where a server was seen to "
     "answer for that zone, or does when it is asked for its SOA (setZoneHealth{ask=true})."},
    {"setCacheSnapshot", Bind<&SetCacheSnapshot>, "setCacheSnapshot(path [, {interval=300}])",
     "Keeps the caches in a file, written at a clean stop and each interval, and read at start.",
     Scope::kConfigOnly},
};

}  // namespace

const ClassRow& CacheClass() {
  return kClass;
}
FunctionPage CacheFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
