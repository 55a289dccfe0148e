// The part of ZoneHealth that is about serials.
#include "proxy/backend/zone_serials.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/backend/zone_health_impl.h"

namespace breakwater {
namespace {

// Between two turns to ask all servers of a zone, where one is behind.
constexpr uint32_t kSoon_s = 5;
// After news of a zone; so often at most.
constexpr uint32_t kAtOnce_s = 1;
// So long what a server told of an older serial is taken for what it still has.
constexpr uint32_t kFresh_s = 10;
constexpr uint32_t kJustNow_s = 1;
// So long after a server told a serial its caches may still hold the one before: twice as long as
// PowerDNS keeps records, and the answers made of them.
constexpr uint32_t kMostCached_s = 90;
// A server that has told its serial in so many of the last intervals answers for the zone.
constexpr uint32_t kIntervals = 3;
constexpr int64_t kOlderStep_s = 16;  // 16 bits last for 12 days

// Never 0.
uint16_t OlderStep(int64_t seconds) {
  const auto step = static_cast<uint16_t>((seconds + kOlderStep_s - 1) / kOlderStep_s);
  return step == 0 ? 1 : step;
}
uint32_t OlderFor_s(uint16_t since, MonoTime now) {
  const auto step = static_cast<uint16_t>(now.seconds() / kOlderStep_s);
  const auto steps = static_cast<uint16_t>(step - since);
  return steps == UINT16_MAX ? 0 : steps * uint32_t{kOlderStep_s};  // it was rounded up
}

}  // namespace

std::string ToldSerial::ToString() const {
  return IsBehind() ? fmt::format("serial {}, behind {}", serial, newest)
                    : fmt::format("serial {}", serial);
}

std::optional<ToldSerial> ZoneHealth::SerialOf(const Row& row, const Cell& cell) {
  if (!cell.has_serial) return std::nullopt;
  return ToldSerial{.serial = cell.serial, .newest = row.serial};
}

void ZoneHealth::TellSerial(const Asked& asked, uint8_t apex_labels, uint32_t serial,
                            SerialSource source) {
  if (!SerialsCount() || apex_labels < kLeastLabels) return;
  const Suffixes name(asked.name);
  if (apex_labels > name.count) return;
  bool done = false;
  const auto tell = [&](Shard& shard, Row* row, size_t labels) {
    done = labels >= apex_labels;
    if (labels != apex_labels) return;
    Cell& cell = CellOf(shard, row, asked.backend);
    const uint32_t comebacks = asked.comebacks & 0xff;
    const bool came_back = cell.has_serial && cell.comebacks != comebacks;
    const ToldNow told{serial, source, came_back, asked.now};
    if (!Believes(*row, cell, told)) return;
    cell.comebacks = comebacks & 0xff;
    TakeSerial(*row, cell, told);
    const bool accepts =
        !asked.standby && row->IsBehind(cell) && MayAccept(*row, serial, asked.now);
    if (accepts) Accept(*row, serial, asked.now);
  };
  (void)WithZone(name, tell);
  if (!done && Learn(name.Last(apex_labels))) (void)WithZone(name, tell);
}

// A server that is heard of for the first time has had as long as the others.
bool ZoneHealth::ComesLate(const Row& row, const Cell& cell, MonoTime now) const {
  const uint32_t late_s =
      cell.has_serial ? 0 : row.NewestFor_s(static_cast<uint32_t>(now.seconds()));
  return row.recalled || (late_s != 0 && late_s >= lag_s_.load(std::memory_order_relaxed));
}

// Whether it is no cache of the server's that tells this (zone_serials.h).
bool ZoneHealth::Believes(Row& row, Cell& cell, const ToldNow& told) const {
  const bool goes_back = cell.has_serial && IsOlderSerial(told.serial, cell.serial);
  if (told.source == SerialSource::kAnswer) {
    const bool moves = !cell.has_serial || told.serial != cell.serial;
    const bool would_be_bad =
        IsOlderSerial(told.serial, row.serial) && row.has_serial && ComesLate(row, cell, told.now);
    if (!goes_back && !(moves && (cell.older || would_be_bad))) return true;
    cell.in_doubt = 1;
    return false;
  }
  cell.in_doubt = cell.lost = 0;
  if (!goes_back || told.came_back || cell.told_asked) return true;
  if (static_cast<uint32_t>(told.now.seconds()) - cell.behind_since_s >= kMostCached_s) return true;
  row.HurryTurn(told.now, kSoon_s, interval_s_.load(std::memory_order_relaxed));
  return false;
}

void ZoneHealth::TakeSerial(Row& row, Cell& cell, const ToldNow& told) {
  const auto [serial, source, came_back, now] = told;
  const auto now_s = static_cast<uint32_t>(now.seconds());
  const bool was_behind = row.IsBehind(cell);
  const bool goes_back = cell.has_serial && IsOlderSerial(serial, cell.serial);
  const bool moves = !cell.has_serial || serial != cell.serial;
  const bool comes_late = ComesLate(row, cell, now);
  const bool asked = source == SerialSource::kServer;
  if (!row.has_serial || IsOlderSerial(row.serial, serial)) {
    for (Cell& other : row.all()) {
      if (row.IsBehind(other) || &other == &cell) continue;
      other.behind_since_s = now_s;
      other.no_grace = 0;
    }
    row.serial = serial;
    row.has_serial = 1;
  }
  if (serial == row.serial) row.recalled = 0;
  cell.serial = serial;
  cell.has_serial = 1;
  if (asked || moves) cell.told_asked = asked ? 1 : 0;
  cell.answers = 1;
  NoteOlder(row, cell, now);
  cell.told = ShortTime(now);
  if (!row.IsBehind(cell)) {
    cell.no_grace = 0;
    if (moves) cell.behind_since_s = now_s;
  } else if (!was_behind || moves) {
    cell.behind_since_s = now_s;
    if (goes_back || comes_late) cell.no_grace = 1;
  }
  Review(row, cell, now);
  const uint32_t interval = interval_s_.load(std::memory_order_relaxed);
  if (was_behind != row.IsBehind(cell)) {
    // The others may be behind as well, or have caught up.
    row.turn = ShortTime(now + MonoTime::FromSeconds(kAtOnce_s));
  } else if (moves && !asked) {
    row.HurryTurn(now, kAtOnce_s, interval);  // it is to say so itself
  } else if (cell.older) {
    row.HurryTurn(now, kSoon_s, interval);
  }
}

bool ZoneHealth::StandsBehindTooLong(const Row& row, const Cell& cell, MonoTime now) const {
  if (!row.IsBehind(cell)) return false;
  const uint32_t behind_s = static_cast<uint32_t>(now.seconds()) - cell.behind_since_s;
  return cell.no_grace || behind_s >= lag_s_.load(std::memory_order_relaxed);
}

uint32_t ZoneHealth::Lately_s() const {
  return kIntervals * interval_s_.load(std::memory_order_relaxed);
}

// What `cell` tells now is not told yet. A zone may go on from the older serial, and change often.
void ZoneHealth::NoteOlder(Row& row, const Cell& cell, MonoTime now) const {
  if (!row.has_serial || cell.serial == row.serial) {
    row.older_since = 0;
    return;
  }
  const bool goes_on = row.recalled || std::ranges::any_of(row.all(), [&](const Cell& one) {
                         return row.IsBehind(one) && one.told.WasWithin(now, Lately_s());
                       });
  if (row.older_since == 0 || !goes_on) row.older_since = OlderStep(now.seconds());
}

// All servers that answer for the zone have told this serial, for so long that it is meant; or have
// come to it, and no newer one was told for so long.
bool ZoneHealth::MayAccept(const Row& row, uint32_t serial, MonoTime now) const {
  const uint32_t accept_s = accept_s_.load(std::memory_order_relaxed);
  const auto now_s = static_cast<uint32_t>(now.seconds());
  const bool none_newer = row.older_since != 0 && OlderFor_s(row.older_since, now) >= accept_s;
  const auto agrees = [&](const Cell& cell) {
    if (!cell.has_serial || !cell.answers || !cell.told.WasWithin(now, Lately_s())) return true;
    return cell.serial == serial && (none_newer || now_s - cell.behind_since_s >= accept_s);
  };
  return std::ranges::all_of(row.all(), agrees);
}

void ZoneHealth::Accept(Row& row, uint32_t serial, MonoTime now) {
  const ToldSerial told{.serial = serial, .newest = row.serial};
  row.serial = serial;
  row.recalled = 0;
  row.older_since = 0;
  for (Cell& cell : row.all()) {
    if (!row.IsBehind(cell)) cell.no_grace = 0;
    Review(row, cell, now);
  }
  const auto zone = dns::Name::FromWire(row.name());
  changes_.With([&](std::vector<ZoneChange>& changes) {
    for (size_t at = changes.size(); at-- > 0 && zone && changes[at].zone == *zone;) {
      if (changes[at].when != now || changes[at].is_bad) continue;
      changes[at].accepted = true;
      changes[at].serial = told;
    }
  });
}

// Whether the serial that it has just told makes it bad; the rest is the history's.
void ZoneHealth::Review(const Row& row, Cell& cell, MonoTime now) {
  const bool was_older = cell.older != 0;
  cell.older = StandsBehindTooLong(row, cell, now) ? 1 : 0;
  if (cell.older && !was_older) cell.last_bad = static_cast<uint8_t>(BadKind::kOlder) & 0xf;
  if (was_older && !cell.older && cell.last_bad == static_cast<uint8_t>(BadKind::kOlder)) {
    // That was all that was wrong with it.
    if (cell.is_bad) return Turn(row, cell, now);
  }
  if (cell.older && !cell.is_bad) Turn(row, cell, now);
}

ZoneHealth::StandingFor ZoneHealth::StandingOf(const Asked& asked) const {
  StandingFor found;
  if (!SerialsCount()) return found;
  (void)WithZone(Suffixes(asked.name), [&](Shard&, const Row* row, size_t labels) {
    found.apex_labels = static_cast<uint8_t>(labels);
    // Servers that share a database lose it together: where one has, the others are to have told of
    // it a moment ago.
    const bool denied = std::ranges::any_of(row->all(), [](const Cell& c) { return c.lost != 0; });
    const bool lost = denied && std::ranges::none_of(row->all(), [&](const Cell& cell) {
                        return cell.backend == asked.backend && !cell.lost && cell.has_serial &&
                               cell.told.WasWithin(asked.now, kJustNow_s);
                      });
    if (lost) found.standing = Standing::kLost;
    if (lost || !row->has_serial) return;
    found.standing = Standing::kUnproved;
    for (const Cell& cell : row->all()) {
      if (cell.backend != asked.backend || !cell.has_serial) continue;
      if (cell.comebacks != (asked.comebacks & 0xff)) return;
      found.standing = cell.in_doubt ? Standing::kUnproved : Standing::kCurrent;
      found.behind = row->IsBehind(cell);
      if (cell.in_doubt || !StandsBehindTooLong(*row, cell, asked.now)) continue;
      // What it told a while ago, in its time of grace perhaps, may not be so any more.
      const bool is_known = cell.older && cell.told.WasWithin(asked.now, kFresh_s);
      found.standing = is_known ? Standing::kOlder : Standing::kUnproved;
    }
  });
  return found;
}

bool ZoneHealth::TakeSerialTurn(std::span<const uint8_t> apex, MonoTime now) {
  const uint32_t interval = interval_s_.load(std::memory_order_relaxed);
  bool taken = false;
  (void)WithZone(Suffixes(apex), [&](Shard&, Row* row, size_t) {
    taken = !row->turn.IsAhead(now, interval);
    if (!taken) return;
    const bool behind = std::ranges::any_of(row->all(), [](const Cell& c) { return c.older != 0; });
    row->turn = ShortTime(now + MonoTime::FromSeconds(behind ? kSoon_s : interval));
  });
  return taken;
}

void ZoneHealth::RecallSerial(const KnownSerial& known, MonoTime now) {
  Recall(known.apex);
  const Suffixes name(known.apex);
  (void)WithZone(name, [&](Shard&, Row* row, size_t labels) {
    if (labels != name.count) return;
    if (row->has_serial && !IsOlderSerial(row->serial, known.serial)) return;
    row->serial = known.serial;
    row->has_serial = 1;
    row->recalled = 1;
    row->older_since = known.older_s == 0 ? 0 : OlderStep(now.seconds() - int64_t{known.older_s});
  });
}

void ZoneHealth::EachSerial(MonoTime now,
                            const std::function<void(const KnownSerial&)>& give) const {
  for (size_t i = 0; i < kShards; ++i) {
    const ShardGuard guard(shards_[i].lock);
    shards_[i].ForEach([&](const Row* row) {
      if (!row->has_serial) return;
      const uint32_t older_s =
          row->older_since == 0 ? 0 : std::max(OlderFor_s(row->older_since, now), 1u);
      give({.apex = row->name(), .serial = row->serial, .older_s = older_s});
    });
  }
}

void ZoneHealth::ExpectRepair(MonoTime now) {
  if (!SerialsCount()) return;
  const uint32_t accept_s = accept_s_.load(std::memory_order_relaxed);
  const uint16_t long_ago = OlderStep(now.seconds() - int64_t{accept_s} - 2 * kOlderStep_s);
  for (size_t i = 0; i < kShards; ++i) {
    const ShardGuard guard(shards_[i].lock);
    shards_[i].ForEach([&](Row* row) {
      row->turn = ShortTime(now);
      if (row->older_since != 0) row->older_since = long_ago;
    });
  }
}

void ZoneHealth::ExpectNewSerial(std::span<const uint8_t> name, MonoTime now) {
  if (!SerialsCount()) return;
  (void)WithZone(Suffixes(name), [&](Shard&, Row* row, size_t) { row->turn = ShortTime(now); });
}

}  // namespace breakwater
