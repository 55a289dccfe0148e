// The part of ZoneHealth that lets zones heal which no client asks for.
#include <algorithm>

#include "proxy/backend/zone_health_impl.h"

namespace breakwater {
namespace {

// Of the table, in one call and under one hold of a lock.
constexpr size_t kMostLooked = 4096;
constexpr size_t kStep = 256;

}  // namespace

std::vector<ZoneHealth::Trial> ZoneHealth::TakeTrials(size_t most, MonoTime now) {
  std::vector<Trial> trials;
  if (!AnyBad()) return trials;
  const auto is_due = [&](const Cell& cell) {
    return cell.is_bad && !cell.trial.IsAhead(now, static_cast<uint32_t>(kTrialEvery.seconds())) &&
           !cell.trial.WasWithin(now, kQuiet_s);
  };
  const auto take = [&](Row& row) {
    for (Cell& cell : row.all()) {
      if (trials.size() >= most || !is_due(cell)) continue;
      const auto zone = dns::Name::FromWire(row.name());
      if (!zone) return;
      cell.trial = ShortTime(now);  // clients may try as well
      trials.push_back({*zone, cell.backend});
    }
  };
  trials_.With([&](TrialCursor& at) {
    size_t looked = 0;
    for (size_t moved = 0; moved <= kShards && looked < kMostLooked && trials.size() < most;) {
      Shard& shard = shards_[at.shard];
      const ShardGuard guard(shard.lock);
      const size_t end = std::min(at.slot + kStep, shard.slots.size());
      for (; at.slot < end && trials.size() < most; ++at.slot, ++looked) {
        if (shard.slots[at.slot] != nullptr) take(*shard.slots[at.slot]);
      }
      if (at.slot < shard.slots.size()) continue;
      at = {(at.shard + 1) % kShards, 0};
      ++moved;
    }
  });
  return trials;
}

void ZoneHealth::Excuse(std::span<const uint8_t> name, BackendNumber backend, MonoTime now) {
  if (!AnyBad()) return;
  (void)WithZone(Suffixes(name), [&](Shard&, Row* row, size_t) {
    for (Cell& cell : row->all()) {
      if (cell.backend != backend || !cell.is_bad) continue;
      cell.older = cell.has_serial = cell.lost = 0;
      Turn(*row, cell, now);
    }
  });
}

}  // namespace breakwater
