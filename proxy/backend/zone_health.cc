#include <absl/container/flat_hash_set.h>
#include <absl/strings/string_view.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "proxy/backend/zone_health_impl.h"

namespace breakwater {
namespace {

constexpr uint8_t kMostHistory = 16;
// Servers that come and go leave no more than so many behind.
constexpr uint8_t kMostCells = 8;

// Numbers of servers have 22 bits here.
constexpr BackendNumber kMostBackends = 0x3fffff;

template <typename T>
void Saturate(T& counter) {
  if (counter != std::numeric_limits<T>::max()) ++counter;
}

uint32_t SecondsOf(MonoTime time) {
  return static_cast<uint32_t>(time.seconds());
}

}  // namespace

ZoneHealth::ZoneHealth(const ZoneHealthSettings& settings)
    : shards_(std::make_unique<Shard[]>(kShards)) {
  UseSettings(settings);
}

ZoneHealth::~ZoneHealth() = default;

ZoneHealth::Shard& ZoneHealth::ShardOf(uint64_t hash) const {
  return shards_[hash >> 58];
}

void ZoneHealth::UseSettings(const ZoneHealthSettings& settings) {
  max_zones_.store(settings.max_zones, std::memory_order_relaxed);
  const uint8_t of = std::clamp<uint8_t>(settings.of, 1, kMostHistory);
  thresholds_.store(uint32_t{settings.bad} << 16 | uint32_t{of} << 8 | settings.good,
                    std::memory_order_relaxed);
  const ZoneSerialSettings& serials = settings.serials;
  lag_s_.store(serials.lag, std::memory_order_relaxed);
  interval_s_.store(serials.interval, std::memory_order_relaxed);
  accept_s_.store(serials.accept_older_after, std::memory_order_relaxed);
  serials_on_.store(serials.on, std::memory_order_relaxed);
}

bool ZoneHealth::MayHave(size_t labels) const {
  return (depths_[labels / 64].load(std::memory_order_relaxed) >> (labels % 64) & 1) != 0;
}

ZoneHealth::Noted ZoneHealth::Note(const Answer& answer) {
  const Suffixes name(answer.name);
  const size_t apex = answer.bad ? 0 : std::min<size_t>(answer.apex_labels, name.count);
  size_t known = 0;
  Noted noted;
  const auto count = [&](Shard& shard, Row* row, size_t labels) {
    known = labels;
    if (apex > labels) return;
    noted = Count(shard, row, labels, answer);
    noted.apex_labels = static_cast<uint8_t>(labels);
  };
  (void)WithZone(name, count);
  if (apex > known && apex >= kLeastLabels && Learn(name.Last(apex))) (void)WithZone(name, count);
  if (noted.apex_labels == 0) CountUnknown(answer);
  const bool names_none = !answer.bad && answer.authoritative && apex == 0;
  if (names_none && known + 1 < name.count && name.count >= kLeastLabels) {
    noted.wish = Wish::kApex;
  }
  return noted;
}

void ZoneHealth::Recall(std::span<const uint8_t> apex) {
  const Suffixes name(apex);
  if (name.count >= kLeastLabels) (void)Learn(name.Last(name.count), WhenFull::kLeave);
}

bool ZoneHealth::Learn(std::span<const uint8_t> zone, WhenFull when_full) {
  const uint64_t hash = HashOfZone(zone);
  Shard& shard = ShardOf(hash);
  const ShardGuard guard(shard.lock);
  if (shard.Find(hash, zone) != nullptr) return true;
  if (zone_count() >= max_zones_.load(std::memory_order_relaxed)) {
    Row* oldest = when_full == WhenFull::kEvict ? shard.ToEvict() : nullptr;
    if (oldest == nullptr) return false;
    shard.Remove(oldest);
    zone_count_.fetch_sub(1, std::memory_order_relaxed);
  }
  Row* row = Row::Make(hash, zone, 0);
  if (row == nullptr) return false;
  shard.Add(row);
  zone_count_.fetch_add(1, std::memory_order_relaxed);
  const Suffixes suffixes(zone);
  depths_[suffixes.count / 64].fetch_or(uint64_t{1} << (suffixes.count % 64),
                                        std::memory_order_relaxed);
  return true;
}

ZoneHealth::Cell& ZoneHealth::CellOf(Shard& shard, Row*& row, BackendNumber backend) {
  for (Cell& cell : row->all()) {
    if (cell.backend == backend) return cell;
  }
  if (row->cell_count < kMostCells) row = shard.Widen(row);
  // The newest cell, or the place of the oldest server.
  Cell& cell =
      *std::ranges::min_element(row->all(), {}, [](const Cell& one) { return one.backend; });
  if (cell.is_bad) bad_count_.fetch_sub(1, std::memory_order_relaxed);
  cell = Cell{};
  cell.backend = backend & kMostBackends;
  return cell;
}

// `labels` of the row's zone.
ZoneHealth::Noted ZoneHealth::Count(Shard& shard, Row* row, size_t labels, const Answer& answer) {
  Cell& cell = CellOf(shard, row, answer.backend);
  Saturate(row->asked);
  if (!cell.is_bad)
    ++(answer.bad ? shard.known.bad[static_cast<size_t>(*answer.bad)] : shard.known.good);
  if (answer.bad) {
    Saturate(cell.kinds[static_cast<size_t>(*answer.bad)]);
    cell.last_bad = static_cast<uint8_t>(*answer.bad) & 0xf;
    if (answer.bad != BadKind::kOlder) cell.answers = 0;
    if (answer.bad == BadKind::kVanished && answer.apex_labels < labels) cell.lost = 1;
    if (cell.is_bad && cell.GoodRun() > 0) cell.trial = ShortTime(answer.now + kTrialEvery);
  } else {
    Saturate(cell.good);
    // Of a bad zone: the next query may tell at once whether it was luck.
    if (cell.is_bad) cell.trial = ShortTime(answer.now);
  }
  if (answer.word != Word::kDoubted && (answer.bad || answer.word == Word::kDoubt)) {
    cell.doubt_ended = answer.bad ? 1 : 0;
    if (!answer.bad && !cell.is_bad) cell.ForgetHistory();
  }
  cell.history = static_cast<uint16_t>(cell.history << 1 | (answer.bad ? 1 : 0));
  if (cell.history_length < kMostHistory) ++cell.history_length;
  if (!SerialsCount()) cell.older = 0;
  if ((cell.is_bad != 0) != IsBad(cell)) Turn(*row, cell, answer.now);
  const uint32_t interval = interval_s_.load(std::memory_order_relaxed);
  return {.wish = answer.bad && !cell.is_bad ? Wish::kCertainty : Wish::kNone,
          .serials_due = SerialsCount() && !row->turn.IsAhead(answer.now, interval)};
}

// By what it is now: one that is bad wants `good` good answers in a row.
bool ZoneHealth::IsBad(const Cell& cell) const {
  const uint32_t thresholds = thresholds_.load(std::memory_order_relaxed);
  if (cell.older) return true;
  if (cell.is_bad) return cell.GoodRun() < static_cast<int>(thresholds & 0xff);
  const uint32_t of = std::min<uint32_t>(thresholds >> 8 & 0xff, cell.history_length);
  const auto last = static_cast<uint16_t>(cell.history & ((1u << of) - 1));
  return cell.doubt_ended && std::popcount(last) >= static_cast<int>(thresholds >> 16);
}

void ZoneHealth::EndDoubt(std::span<const uint8_t> name, BackendNumber backend, MonoTime now) {
  (void)WithZone(Suffixes(name), [&](Shard&, Row* row, size_t) {
    for (Cell& cell : row->all()) {
      if (cell.backend != backend || cell.is_bad) continue;
      cell.doubt_ended = 1;
      if (IsBad(cell)) Turn(*row, cell, now);
    }
  });
}

void ZoneHealth::Turn(const Row& row, Cell& cell, MonoTime now) {
  cell.is_bad = cell.is_bad ? 0 : 1;
  cell.doubt_ended = 0;
  cell.since_s = SecondsOf(now);
  cell.trial = ShortTime(now + kTrialEvery);
  cell.ForgetHistory();
  if (cell.is_bad) {
    bad_count_.fetch_add(1, std::memory_order_relaxed);
  } else {
    bad_count_.fetch_sub(1, std::memory_order_relaxed);
  }
  const auto zone = dns::Name::FromWire(row.name());
  changes_.With([&](std::vector<ZoneChange>& changes) {
    if (!zone || changes.size() >= kMostChanges) return;
    changes.push_back({.zone = *zone,
                       .backend = cell.backend,
                       .is_bad = cell.is_bad != 0,
                       .kind = static_cast<BadKind>(cell.last_bad),
                       .when = now,
                       .serial = SerialOf(row, cell)});
  });
}

void ZoneHealth::CountUnknown(const Answer& answer) {
  Shard& shard = ShardOf(HashOfZone(answer.name));
  const ShardGuard guard(shard.lock);
  auto found = std::ranges::find(shard.unknown, answer.backend, &ZoneOnBackend::backend);
  if (found == shard.unknown.end()) {
    if (shard.unknown.size() >= kMostCells) shard.unknown.erase(shard.unknown.begin());
    found = shard.unknown.insert(shard.unknown.end(), ZoneOnBackend{.backend = answer.backend});
  }
  ++(answer.bad ? found->bad[static_cast<size_t>(*answer.bad)] : found->good);
}

uint8_t ZoneHealth::ApexOf(std::span<const uint8_t> name) const {
  size_t apex = 0;
  (void)WithZone(Suffixes(name), [&](Shard&, Row*, size_t labels) { apex = labels; });
  return static_cast<uint8_t>(apex);
}

bool ZoneHealth::Avoids(std::span<const uint8_t> name, BackendNumber backend, MonoTime now) {
  if (!AnyBad()) return false;
  bool avoids = false;
  (void)WithZone(Suffixes(name), [&](Shard&, Row* row, size_t) {
    for (Cell& cell : row->all()) {
      if (cell.backend != backend || !cell.is_bad) continue;
      avoids = cell.trial.IsAhead(now, kTrialEvery.seconds());
      // Questions of our own find out when it is no longer behind: no client need try.
      if (cell.older && SerialsCount()) {
        avoids = true;
      } else if (!avoids) {
        cell.trial = ShortTime(now + kTrialEvery);
      }
    }
  });
  return avoids;
}

bool ZoneHealth::IsBad(std::span<const uint8_t> name, BackendNumber backend) const {
  if (!AnyBad()) return false;
  bool bad = false;
  (void)WithZone(Suffixes(name), [&](Shard&, const Row* row, size_t) {
    bad = std::ranges::any_of(
        row->all(), [&](const Cell& cell) { return cell.backend == backend && cell.is_bad != 0; });
  });
  return bad;
}

void ZoneHealth::Forget(std::span<const dns::Name> zones) {
  if (zones.empty()) return;
  absl::flat_hash_set<std::string> gone;
  for (const dns::Name& zone : zones) gone.insert(zone.FoldedKey());
  const auto is_gone = [&](std::span<const uint8_t> name) {
    for (size_t at = 0;; at += name[at] + 1u) {
      const auto* suffix = reinterpret_cast<const char*>(name.data()) + at;
      if (gone.contains(absl::string_view(suffix, name.size() - at))) return true;
      if (name[at] == 0) return false;
    }
  };
  for (size_t i = 0; i < kShards; ++i) {
    Shard& shard = shards_[i];
    const ShardGuard guard(shard.lock);
    std::vector<Row*> forgotten;
    shard.ForEach([&](Row* row) {
      if (is_gone(row->name())) forgotten.push_back(row);
    });
    for (Row* row : forgotten) {
      for (const Cell& cell : row->all()) {
        if (cell.is_bad) bad_count_.fetch_sub(1, std::memory_order_relaxed);
      }
      shard.Remove(row);
      zone_count_.fetch_sub(1, std::memory_order_relaxed);
    }
  }
}

std::vector<ZoneChange> ZoneHealth::TakeChanges() {
  return changes_.With([](std::vector<ZoneChange>& changes) { return std::exchange(changes, {}); });
}

}  // namespace breakwater
