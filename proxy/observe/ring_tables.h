// The console's tables over the rings, in dnsdist's columns: topQueries(), topClients(),
// grepq() and so on. Each copies the rings first; any thread, none of it on a query's path.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/observe/rings.h"

namespace breakwater {

struct TopOptions {
  size_t rows = 10;
  std::optional<size_t> labels;  // names are cut down to so many labels and counted together
};

struct TopRow {
  std::string what;
  uint64_t count = 0;
  double percent = 0;
};

// The most frequent first, ties in order of the name; the last row is "Rest".
std::vector<TopRow> TopQueries(const Rings& rings, const TopOptions& options = {});
std::vector<TopRow> TopResponses(const Rings& rings, dns::RCode rcode,
                                 const TopOptions& options = {});
// Answers that took more than `limit_ms`; time-outs are not among them.
std::vector<TopRow> TopSlow(const Rings& rings, uint32_t limit_ms, const TopOptions& options = {});
std::vector<TopRow> TopTimeouts(const Rings& rings, const TopOptions& options = {});
std::vector<TopRow> TopClients(const Rings& rings, size_t rows = 10);
// Bytes of queries and answers by client.
std::vector<TopRow> TopBandwidth(const Rings& rings, size_t rows = 10);
// One line a row: number, what, count, share.
std::string TopText(const std::vector<TopRow>& rows);

// grepq(): entries that satisfy all selectors, each a network, a name ("and all below it") or a
// minimum latency ("100ms"); the last `limit` (0: all) queries and as many answers, oldest first.
TextResult<std::string> GrepText(const Rings& rings, const std::vector<std::string>& selectors,
                                 std::optional<size_t> limit, MonoTime now);

// showResponseLatency(): the average and a bar a power of two.
std::string ResponseLatencyText(const Rings& rings);

}  // namespace breakwater
