// What ZoneHealth tells of what it has counted.
#include <algorithm>
#include <utility>

#include "proxy/backend/zone_health_impl.h"

namespace breakwater {

uint64_t ZoneOnBackend::AllBad() const {
  uint64_t sum = 0;
  for (const uint64_t count : bad) sum += count;
  return sum;
}

bool ZoneReport::IsBad() const {
  return std::any_of(backends.begin(), backends.end(),
                     [](const ZoneOnBackend& one) { return one.is_bad; });
}

std::optional<ZoneReport> ZoneHealth::Peek(std::span<const uint8_t> name) const {
  std::optional<ZoneReport> report;
  (void)WithZone(Suffixes(name), [&](Shard&, Row* row, size_t) {
    auto zone = dns::Name::FromWire(row->name());
    if (!zone) return;
    report.emplace(ZoneReport{.zone = *zone});
    for (const Cell& cell : row->all()) report->backends.push_back(Describe(*row, cell));
  });
  return report;
}

ZoneOnBackend ZoneHealth::Describe(const Row& row, const Cell& cell) {
  ZoneOnBackend one{.backend = cell.backend,
                    .is_bad = cell.is_bad != 0,
                    .last_bad = static_cast<BadKind>(cell.last_bad),
                    .since = MonoTime::FromSeconds(cell.since_s),
                    .good = cell.good};
  one.serial = SerialOf(row, cell);
  std::ranges::copy(cell.kinds, one.bad.begin());
  return one;
}

std::vector<ZoneReport> ZoneHealth::Report(Which which, size_t most) const {
  std::vector<ZoneReport> reports;
  // Pages ask each few seconds: a hundred thousand rows are walked for those alone that are there.
  const size_t there = which == Which::kBad ? bad_count() : zone_count();
  if (there == 0) return reports;
  for (size_t i = 0; i < kShards && reports.size() < most; ++i) {
    const Shard& shard = shards_[i];
    const ShardGuard guard(shard.lock);
    for (const Row* row : shard.slots) {
      if (row == nullptr || (which == Which::kBad && !row->IsBad())) continue;
      ZoneReport report{.zone = dns::Name::FromWire(row->name()).value_or(dns::Name())};
      for (const Cell& cell : row->all()) report.backends.push_back(Describe(*row, cell));
      reports.push_back(std::move(report));
      if (reports.size() >= most) break;
    }
  }
  return reports;
}

ZoneHealth::Tally ZoneHealth::AnswersOfKnownZones() const {
  Tally sum;
  for (size_t i = 0; i < kShards; ++i) {
    const ShardGuard guard(shards_[i].lock);
    sum.good += shards_[i].known.good;
    for (size_t kind = 0; kind < kBadKinds; ++kind) sum.bad[kind] += shards_[i].known.bad[kind];
  }
  return sum;
}

std::vector<ZoneOnBackend> ZoneHealth::Unknown() const {
  std::vector<ZoneOnBackend> sums;
  for (size_t i = 0; i < kShards; ++i) {
    const ShardGuard guard(shards_[i].lock);
    for (const ZoneOnBackend& one : shards_[i].unknown) {
      auto sum = std::ranges::find(sums, one.backend, &ZoneOnBackend::backend);
      if (sum == sums.end()) sum = sums.insert(sums.end(), {.backend = one.backend});
      sum->good += one.good;
      for (size_t kind = 0; kind < kBadKinds; ++kind) sum->bad[kind] += one.bad[kind];
    }
  }
  return sums;
}

}  // namespace breakwater
