// What the console shows of a kernel filter.
#include <fmt/format.h>

#include "proxy/net/kernel_filter.h"

namespace breakwater {

std::string_view KernelVerdictText(KernelVerdict verdict) {
  switch (verdict) {
    case KernelVerdict::kPass:
      return "Pass";
    case KernelVerdict::kDrop:
      return "Drop";
    case KernelVerdict::kTruncate:
      return "Truncate";
  }
  return "unknown";
}

std::string KernelFilterStatsText(const KernelFilter& filter) {
  std::string text;
  for (const auto& row : filter.Clients()) {
    const char* const form = row.client.IsV6() ? "[{}]: {}\n" : "{}: {}\n";
    text += fmt::format(fmt::runtime(form), row.client.ToString(), row.entry.hits);
  }
  for (const auto& row : filter.Ranges()) {
    text += fmt::format("{}: {}\n", row.range.ToString(), row.entry.hits);
  }
  for (const auto& row : filter.Names()) {
    text += fmt::format("{} {}: {}\n", row.name.ToString(), row.type, row.entry.hits);
  }
  return text;
}

std::string KernelFilterRangesText(const KernelFilter& filter) {
  std::string text;
  for (const auto& row : filter.Ranges()) {
    text += fmt::format("{}\t{}\t{}\n", row.range.ToString(),
                        KernelVerdictText(static_cast<KernelVerdict>(row.entry.verdict)),
                        row.entry.hits);
  }
  return text;
}

}  // namespace breakwater
