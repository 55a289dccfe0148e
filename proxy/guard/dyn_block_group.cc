#include "proxy/guard/dyn_block_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace breakwater {
namespace {

constexpr uint16_t kRCodeMask = 0x0f;
constexpr MonoTime kEver = {std::numeric_limits<int64_t>::min()};

bool IsAboutQueries(DynBlockMeasure measure) {
  return measure == DynBlockMeasure::kQueryRate || measure == DynBlockMeasure::kTypeRate;
}

MonoTime Since(const DynBlockRule& rule, MonoTime now) {
  return rule.seconds == 0 ? kEver : now - MonoTime::FromSeconds(rule.seconds);
}

uint64_t WorthOf(const DynBlockRule& rule, const RingResponse& entry) {
  const uint16_t rcode = entry.flags & kRCodeMask;
  const auto& allowed = rule.allowed_rcodes;
  switch (rule.measure) {
    case DynBlockMeasure::kResponseByteRate:
      return entry.size;
    case DynBlockMeasure::kCacheMissRatio:
      return entry.backend.IsSet() ? 1 : 0;
    case DynBlockMeasure::kRCodeRate:
    case DynBlockMeasure::kRCodeRatio:
      return rcode == rule.code ? 1 : 0;
    case DynBlockMeasure::kAllowedRCodes:
      return std::find(allowed.begin(), allowed.end(), rcode) == allowed.end() ? 1 : 0;
    default:
      return 0;
  }
}

bool HitsAreMany(const DynBlockRule& rule, const CacheTotals& totals) {
  if (rule.measure != DynBlockMeasure::kCacheMissRatio) return true;
  if (totals.hits == 0 || totals.misses == 0) return false;
  const auto hits = static_cast<double>(totals.hits);
  return hits / (hits + static_cast<double>(totals.misses)) >= rule.minimum_hit_ratio;
}

// A client above the warning ratio of these two gets the warning alone (as dnsdist 2.1.1 has it).
bool EndsAtWarning(DynBlockMeasure measure) {
  return measure == DynBlockMeasure::kCacheMissRatio || measure == DynBlockMeasure::kAllowedRCodes;
}

bool EndsTheChecks(DynBlockMeasure measure) {
  return measure <= DynBlockMeasure::kCacheMissRatio;
}

}  // namespace

bool IsRatio(DynBlockMeasure measure) {
  return measure == DynBlockMeasure::kCacheMissRatio || measure == DynBlockMeasure::kRCodeRatio ||
         measure == DynBlockMeasure::kAllowedRCodes;
}

// A row of numbers for each client: one a rule, and how many answers it got. The rows lie one
// behind the other.
struct DynBlockGroup::Count {
  explicit Count(size_t rules, MonoTime now) : width(rules + 1), oldest(rules, now) {}

  uint64_t* Row(const ClientRange& clients) {
    const auto [place, is_new] = rows.try_emplace(clients, static_cast<uint32_t>(rows.size()));
    if (is_new) cells.resize(cells.size() + width);
    return &cells[place->second * width];
  }
  uint64_t& Total(uint64_t* row) const { return row[width - 1]; }
  void Saw(size_t rule, MonoTime when) { oldest[rule] = std::min(oldest[rule], when); }

  size_t width;
  std::vector<MonoTime> oldest;  // entry that counted for each rule
  absl::flat_hash_map<ClientRange, uint32_t, ClientRange::Hash> rows;
  std::vector<uint64_t> cells;
};

void DynBlockGroup::Set(DynBlockRule rule) {
  const DynBlockCause cause{.reason = rule.reason,
                            .action = rule.action,
                            .tag_name = rule.tag_name,
                            .tag_value = rule.tag_value};
  rule.cause = std::make_shared<const DynBlockCause>(cause);
  rule.warning_cause = std::make_shared<const DynBlockCause>(
      DynBlockCause{.reason = rule.reason, .action = DynBlockAction::kNoOp, .warning = true});
  std::erase_if(rules_, [&](const DynBlockRule& other) {
    return other.measure == rule.measure && other.code == rule.code;
  });
  const auto after = std::upper_bound(
      rules_.begin(), rules_.end(), rule,
      [](const DynBlockRule& a, const DynBlockRule& b) { return a.measure < b.measure; });
  rules_.insert(after, std::move(rule));
}

void DynBlockGroup::CountQueries(const Rings& rings, MonoTime now, Count& count) const {
  std::vector<std::pair<size_t, MonoTime>> asked;  // rules and since when
  MonoTime first = now;
  for (size_t i = 0; i < rules_.size(); ++i) {
    if (!IsAboutQueries(rules_[i].measure)) continue;
    asked.emplace_back(i, Since(rules_[i], now));
    first = std::min(first, asked.back().second);
  }
  if (asked.empty()) return;
  rings.VisitQueries(first, [&](const RingQuery& entry) {
    if (entry.when > now || excluded_.Matches(entry.client)) return;
    uint64_t* row = nullptr;
    for (const auto& [i, since] : asked) {
      if (entry.when < since) continue;
      count.Saw(i, entry.when);
      const DynBlockRule& rule = rules_[i];
      if (rule.measure == DynBlockMeasure::kTypeRate &&
          rule.code != static_cast<uint16_t>(entry.type)) {
        continue;
      }
      if (row == nullptr) row = count.Row(ClientRange(entry.client, masks_));
      ++row[i];
    }
  });
}

void DynBlockGroup::CountResponses(const Rings& rings, MonoTime now, Count& count) const {
  std::vector<std::pair<size_t, MonoTime>> asked;
  MonoTime first = now;
  for (size_t i = 0; i < rules_.size(); ++i) {
    if (IsAboutQueries(rules_[i].measure)) continue;
    asked.emplace_back(i, Since(rules_[i], now));
    first = std::min(first, asked.back().second);
  }
  if (asked.empty()) return;
  rings.VisitResponses(first, [&](const RingResponse& entry) {
    if (entry.when > now || excluded_.Matches(entry.client)) return;
    uint64_t* const row = count.Row(ClientRange(entry.client, masks_));
    ++count.Total(row);
    for (const auto& [i, since] : asked) {
      if (entry.when < since) continue;
      count.Saw(i, entry.when);
      row[i] += WorthOf(rules_[i], entry);
    }
  });
}

std::vector<DynBlockFinding> DynBlockGroup::Evaluate(const Rings& rings, const CacheTotals& totals,
                                                     MonoTime now) const {
  Count count(rules_.size(), now);
  CountQueries(rings, now, count);
  CountResponses(rings, now, count);
  const double sampled = std::max<uint32_t>(1, rings.settings().sampling_rate);
  std::vector<DynBlockFinding> findings;
  for (const auto& [clients, place] : count.rows) {
    uint64_t* const row = &count.cells[place * count.width];
    for (size_t i = 0; i < rules_.size(); ++i) {
      const DynBlockRule& rule = rules_[i];
      if (row[i] == 0) continue;
      double seen = static_cast<double>(row[i]);
      double unit = static_cast<double>(count.Total(row));
      if (!IsRatio(rule.measure)) {
        seen *= sampled;
        unit =
            rule.seconds > 0 ? rule.seconds : static_cast<double>((now - count.oldest[i]).ns) / 1e9;
      } else if (count.Total(row) < rule.minimum || !HitsAreMany(rule, totals)) {
        continue;
      }
      const bool warns = rule.warning_limit > 0 && seen > rule.warning_limit * unit;
      if (warns) findings.push_back({clients, rule.warning_cause, rule.action, rule.block_s});
      if (warns && EndsAtWarning(rule.measure)) continue;
      if (seen <= rule.limit * unit) continue;
      findings.push_back({clients, rule.cause, rule.action, rule.block_s});
      if (EndsTheChecks(rule.measure)) break;
    }
  }
  return findings;
}

}  // namespace breakwater
