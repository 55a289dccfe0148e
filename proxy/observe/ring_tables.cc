#include "proxy/observe/ring_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

namespace breakwater {
namespace {

using Counts = std::unordered_map<std::string, uint64_t>;

std::vector<TopRow> Ranked(const Counts& counts, size_t rows) {
  uint64_t total = 0;
  std::vector<TopRow> all;
  all.reserve(counts.size());
  for (const auto& [what, count] : counts) {
    all.push_back({what, count, 0});
    total += count;
  }
  const size_t kept = std::min(rows, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end(),
                    [](const TopRow& a, const TopRow& b) {
                      return a.count != b.count ? a.count > b.count : a.what < b.what;
                    });
  all.resize(kept);
  uint64_t rest = total;
  for (TopRow& row : all) {
    row.percent = 100.0 * static_cast<double>(row.count) / static_cast<double>(total);
    rest -= row.count;
  }
  const double share =
      total > 0 ? 100.0 * static_cast<double>(rest) / static_cast<double>(total) : 100.0;
  all.push_back({"Rest", rest, share});
  return all;
}

std::string Key(const RingEntry& entry, const std::optional<size_t>& labels) {
  dns::Name name = entry.Name().Folded();
  while (labels && name.CountLabels() > *labels) name.ChopOff();
  return name.ToString();
}

template <typename Entries, typename Wanted>
std::vector<TopRow> TopNames(const Entries& entries, const TopOptions& options, Wanted&& wanted) {
  Counts counts;
  for (const auto& entry : entries) {
    if (wanted(entry)) ++counts[Key(entry, options.labels)];
  }
  return Ranked(counts, options.rows);
}

}  // namespace

std::vector<TopRow> TopQueries(const Rings& rings, const TopOptions& options) {
  return TopNames(rings.Queries(), options, [](const RingQuery&) { return true; });
}

std::vector<TopRow> TopResponses(const Rings& rings, dns::RCode rcode, const TopOptions& options) {
  return TopNames(rings.Responses(), options, [&](const RingResponse& entry) {
    return (entry.flags & 0x0f) == static_cast<uint16_t>(rcode);
  });
}

std::vector<TopRow> TopSlow(const Rings& rings, uint32_t limit_ms, const TopOptions& options) {
  return TopNames(rings.Responses(), options, [&](const RingResponse& entry) {
    return entry.latency_us != kRingTimeout && entry.latency_us > uint64_t{limit_ms} * 1000;
  });
}

std::vector<TopRow> TopTimeouts(const Rings& rings, const TopOptions& options) {
  return TopNames(rings.Responses(), options,
                  [](const RingResponse& entry) { return entry.latency_us == kRingTimeout; });
}

std::vector<TopRow> TopClients(const Rings& rings, size_t rows) {
  Counts counts;
  for (const RingQuery& entry : rings.Queries()) ++counts[entry.client.ToString()];
  return Ranked(counts, rows);
}

std::vector<TopRow> TopBandwidth(const Rings& rings, size_t rows) {
  Counts counts;
  for (const RingQuery& entry : rings.Queries()) counts[entry.client.ToString()] += entry.size;
  for (const RingResponse& entry : rings.Responses()) {
    counts[entry.client.ToString()] += entry.size;
  }
  return Ranked(counts, rows);
}

std::string TopText(const std::vector<TopRow>& rows) {
  std::string text;
  for (size_t i = 0; i < rows.size(); ++i) {
    text += fmt::format("{:>4}  {:<40} {:>4} {:>4.1f}%\n", i + 1, rows[i].what, rows[i].count,
                        rows[i].percent);
  }
  return text;
}

std::string ResponseLatencyText(const Rings& rings) {
  constexpr size_t kBars = 15;
  constexpr uint64_t kWidth = 70;
  constexpr uint32_t kFirstUs = 100;
  std::array<uint64_t, kBars> bars{};
  double sum_us = 0;
  uint64_t count = 0;
  for (const RingResponse& entry : rings.Responses()) {
    if (entry.latency_us == kRingTimeout) continue;
    size_t bar = 0;
    while (bar + 1 < kBars && entry.latency_us > uint64_t{kFirstUs} << bar) ++bar;
    ++bars[bar];
    sum_us += entry.latency_us;
    ++count;
  }
  if (count == 0) return "No traffic yet.\n";
  const uint64_t highest = *std::max_element(bars.begin(), bars.end());
  std::string text = fmt::format("Average response latency: {:.2f} msec\n   msec\t\n",
                                 sum_us / static_cast<double>(count) / 1000);
  for (size_t i = 0; i < kBars; ++i) {
    text += fmt::format("{:>7.2f}\t{}\n", static_cast<double>(uint64_t{kFirstUs} << i) / 1000,
                        std::string(bars[i] * kWidth / highest, '*'));
  }
  return text;
}

}  // namespace breakwater
