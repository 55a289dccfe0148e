#include "proxy/worker/snapshot_keeper.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "proxy/base/log.h"
#include "proxy/cache/snapshot_file.h"
#include "proxy/config/caches.h"
#include "proxy/worker/snapshot_of_zones.h"

namespace breakwater {
namespace {

constexpr std::chrono::seconds kLook{1};

void TellLoaded(const std::string& path, const SnapshotLoaded& loaded, int64_t took_ms) {
  for (const std::string& warning : loaded.warnings) LogWarning("cache", "{}", warning);
  LogInfo("cache",
          "{} entries taken from the snapshot '{}', written {} s ago, in {} ms; {} were past their "
          "time, {} asked for meanwhile",
          loaded.taken, path, loaded.age_s, took_ms, loaded.over, loaded.known);
  if (loaded.no_room > 0) {
    LogWarning("cache", "{} entries of the snapshot were left out: the cache has no room for them",
               loaded.no_room);
  }
  if (loaded.malformed > 0) {
    LogWarning("cache", "{} entries of the snapshot '{}' were refused: they hold no sound answer",
               loaded.malformed, path);
  }
}

}  // namespace

SnapshotKeeper::~SnapshotKeeper() {
  stopping_ = true;
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

ConfigPtr SnapshotKeeper::config() const {
  const std::lock_guard lock(mutex_);
  return config_;
}

void SnapshotKeeper::UseConfig(ConfigPtr config) {
  const std::lock_guard lock(mutex_);
  config_ = std::move(config);
  Listen(*config_);
}

// A cache that comes later is listened to from then on.
void SnapshotKeeper::Listen(const Config& config) {
  if (journal_ == nullptr) return;
  for (const NamedCache& cache : CachesOf(config)) {
    cache.cache->TellHardFlushes(
        [journal = journal_, pools = cache.pools](const FlushRequest& flush) {
          if (journal->Note(flush, pools)) return;
          LogError("cache",
                   "the hard flush of {} was not noted: after a crash it may have to be made again",
                   flush.name.ToString());
        });
  }
}

void SnapshotKeeper::OpenJournal() {
  const ConfigPtr now = config();
  auto journal = std::make_shared<FlushJournal>();
  if (auto opened = journal->Open(now->settings.cache_snapshot.path); !opened) {
    errors_.Add();
    LogError("cache", "hard flushes are not noted for a restart after a crash: {}", opened.error());
    return;
  }
  const std::lock_guard lock(mutex_);
  journal_ = std::move(journal);
  Listen(*config_);
}

void SnapshotKeeper::Start(ConfigPtr config) {
  const bool wanted = !config->settings.cache_snapshot.path.empty();
  UseConfig(std::move(config));
  if (!wanted) return;
  OpenJournal();
  thread_ = std::thread([this] { Run(); });
}

void SnapshotKeeper::AwaitLoaded(MonoTime patience) {
  if (!thread_.joinable()) return;
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::nanoseconds(patience.ns), [this] { return loaded_; });
}

void SnapshotKeeper::Run() {
  pthread_setname_np(pthread_self(), "bw/snapshot");
  Load();
  std::unique_lock lock(mutex_);
  loaded_ = !stopping_;
  changed_.notify_all();
  while (!stopping_) {
    changed_.wait_for(lock, kLook);
    lock.unlock();
    if (!stopping_) Step();
    lock.lock();
  }
}

void SnapshotKeeper::Load() {
  const ConfigPtr now = config();
  const CacheSnapshotSettings& settings = now->settings.cache_snapshot;
  const MonoTime begun = clock_.Now();
  if (auto good = CheckSnapshotPlace(settings.path); !good) {
    errors_.Add();
    LogError("cache", "the snapshot of the cache cannot be written: {}", good.error());
  }
  const auto caches = CachesOf(*now);
  FlushJournal::Replayed replayed;
  SnapshotHow how{.clock = clock_,
                  .keep_expired_s = now->settings.stale_cache_entries_ttl_s,
                  .abandon = &stopping_,
                  .flush_anew = [&] {
                    if (journal_ != nullptr) replayed = journal_->Replay(caches);
                  }};
  GiveToZones(zones_, now->settings.zone_health.serials, how);
  const auto loaded = LoadCacheSnapshot(settings.path, caches, how);
  zones_.Forget(replayed.zones);
  flushes_.Add(replayed.flushes);
  next_ = clock_.Now() + MonoTime::FromSeconds(settings.interval_s);
  soonest_ = clock_.Now() + kSoonest;
  written_epochs_ = Epochs(*now);
  if (!loaded) {
    errors_.Add();
    LogError("cache", "the snapshot of the cache is refused, the cache begins empty: {}",
             loaded.error());
    return;
  }
  entries_.Add(loaded->taken);
  if (!loaded->found) {
    LogInfo("cache", "there is no snapshot '{}' yet: the cache begins empty", settings.path);
    return;
  }
  TellLoaded(settings.path, *loaded, (clock_.Now() - begun).ms());
  if (replayed.flushes > 0) {
    LogInfo("cache", "{} hard flushes that came after the snapshot were made anew",
            replayed.flushes);
  }
  if (replayed.damaged > 0) {
    LogWarning("cache",
               "{} lines of '{}.flushes' were damaged, and left out: flush by hand what "
               "was flushed hard before the crash",
               replayed.damaged, settings.path);
  }
}

void SnapshotKeeper::ForgetFlushes(size_t mark) {
  if (journal_ == nullptr) return;
  uint64_t suppressed = 0;
  auto forgotten = journal_->Forget(mark);
  if (forgotten || !journal_notes_.Allow(clock_.Now(), &suppressed)) return;
  LogError("cache", "the list of hard flushes could not be emptied: {}", forgotten.error());
}

uint64_t SnapshotKeeper::Epochs(const Config& config) const {
  uint64_t sum = 0;
  for (const NamedCache& cache : CachesOf(config)) sum += cache.cache->epoch();
  return sum;
}

bool SnapshotKeeper::IsDue(const Config& config) {
  const MonoTime now = clock_.Now();
  return now >= next_ || (now >= soonest_ && Epochs(config) != written_epochs_);
}

void SnapshotKeeper::Step() {
  if (IsDue(*config())) Write(SnapshotOccasion::kInterval);
}

void SnapshotKeeper::Write(SnapshotOccasion occasion) {
  const ConfigPtr now = config();
  const CacheSnapshotSettings& settings = now->settings.cache_snapshot;
  const bool last = occasion == SnapshotOccasion::kStop;
  written_epochs_ = Epochs(*now);
  const size_t mark = journal_ == nullptr ? 0 : journal_->Mark();
  const MonoTime begun = clock_.Now();
  SnapshotHow how{.clock = clock_,
                  .keep_expired_s = now->settings.stale_cache_entries_ttl_s,
                  .occasion = occasion,
                  .abandon = last ? nullptr : &stopping_};
  TakeFromZones(zones_, how);
  const auto written = WriteCacheSnapshot(settings.path, CachesOf(*now), how);
  const MonoTime end = clock_.Now();
  const MonoTime took = end - begun;
  next_ = begun + MonoTime::FromSeconds(settings.interval_s);
  soonest_ = end + std::max(kSoonest, MonoTime{took.ns * kRestPerWork});
  if (!written) {
    errors_.Add();
    LogError("cache", "the snapshot of the cache was not written: {}", written.error());
    return;
  }
  if (written->abandoned) return;
  ForgetFlushes(mark);
  written_.Add();
  LogAt(last ? LogLevel::kInfo : LogLevel::kDebug, "cache",
        "{} entries of the cache written to '{}': {} bytes in {} ms", written->entries,
        settings.path, written->bytes, took.ms());
}

void SnapshotKeeper::Stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  // What was not read to its end would be lost from the file as well.
  if (loaded_) Write(SnapshotOccasion::kStop);
}

void SnapshotKeeper::Count(Counters& counters) {
  const auto tell = [&](Metric metric, const SharedCounter& counter, uint64_t& told) {
    const uint64_t now = counter.Get();
    counters.Add(metric, now - std::exchange(told, now));
  };
  tell(Metric::kCacheSnapshots, written_, told_written_);
  tell(Metric::kCacheSnapshotErrors, errors_, told_errors_);
  tell(Metric::kCacheSnapshotEntries, entries_, told_entries_);
  tell(Metric::kCacheSnapshotFlushes, flushes_, told_flushes_);
  if (journal_ == nullptr) return;
  const uint64_t lost = journal_->lost();
  counters.Add(Metric::kCacheSnapshotErrors, lost - std::exchange(told_lost_, lost));
}

}  // namespace breakwater
