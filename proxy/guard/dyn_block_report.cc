#include "proxy/guard/dyn_block_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/base/guarded.h"
#include "proxy/base/log.h"

namespace breakwater {
namespace {

// A block that ends within a second has one left.
uint64_t SecondsLeft(MonoTime until, MonoTime now) {
  return static_cast<uint64_t>(((until - now).ns + 999'999'999) / 1'000'000'000);
}

bool Before(const DynBlockRow& a, const DynBlockRow& b) {
  if (a.clients.has_value() != b.clients.has_value()) return a.clients.has_value();
  return a.clients ? *a.clients < *b.clients : a.what < b.what;
}

// Of log lines, over all passes.
struct LineCount {
  int64_t second = -1;
  uint32_t lines = 0;  // in that second
  uint64_t left_out = 0;
};
Guarded<LineCount>& Lines() {
  static Guarded<LineCount> lines;
  return lines;
}

}  // namespace

std::vector<DynBlockRow> ListDynBlocks(const DynBlockTable& table, const DynBlockSettings& settings,
                                       MonoTime now) {
  const auto snapshot = table.Snapshot();
  std::vector<DynBlockRow> rows;
  const auto add = [&](std::string what, std::optional<ClientRange> clients,
                       const DynBlock& block) {
    if (block.until <= now) return;
    const uint64_t blocks = clients ? table.HitsOf(*clients, block) : block.hits->Get();
    rows.push_back({.what = std::move(what),
                    .clients = clients,
                    .block = block,
                    .action = block.ActionOr(settings.action),
                    .seconds = SecondsLeft(block.until, now),
                    .blocks = blocks});
  };
  snapshot->ForEachClient([&](const ClientRange& range, const DynBlock& block) {
    add(range.ToString(), range, block);
  });
  snapshot->ForEachName([&](std::string_view wire, const DynBlock& block) {
    const auto name =
        dns::Name::FromWire({reinterpret_cast<const uint8_t*>(wire.data()), wire.size()});
    if (name) add(name->ToString(), std::nullopt, block);
  });
  std::sort(rows.begin(), rows.end(), Before);
  return rows;
}

std::string DynBlocksText(const std::vector<DynBlockRow>& rows, const DynBlockTable& table) {
  const bool kernel = table.kernel().filter() != nullptr;
  const auto column = [&](std::string_view text) {
    return kernel ? fmt::format("{:<10} ", text) : std::string();
  };
  std::string text = fmt::format("{:<24} {:>8} {:>8} {:<10} {:<20} {}{}\n", "What", "Seconds",
                                 "Blocks", "Warning", "Action", column("eBPF"), "Reason");
  for (const DynBlockRow& row : rows) {
    text += fmt::format("{:<24} {:>8} {:>8} {:<10} {:<20} {}{}\n", row.what, row.seconds,
                        row.blocks, row.block.cause->warning, DynBlockActionText(row.action),
                        column(row.block.in_kernel ? "*" : ""), row.block.cause->reason);
  }
  return text;
}

DynBlockLog::~DynBlockLog() {
  static LogLimiter limiter;  // for passes of a single block
  const uint64_t left_out = Lines().With([&](LineCount& count) {
    uint64_t suppressed = 0;
    const bool now = count.left_out > 0 && limiter.Allow(now_, &suppressed);
    return now ? std::exchange(count.left_out, 0) : 0;
  });
  if (left_out == 0) return;
  LogWarning("guard", "{} more dynamic blocks were not logged", left_out);
}

void DynBlockLog::Add(const NewDynBlock& block) {
  constexpr uint32_t kMostInASecond = 1000;
  const bool told = Lines().With([&](LineCount& count) {
    if (count.second != now_.seconds()) {
      count.second = now_.seconds();
      count.lines = 0;
    }
    if (count.lines >= kMostInASecond) ++count.left_out;
    return count.lines < kMostInASecond && ++count.lines > 0;
  });
  if (!told) return;
  LogWarning("guard", "Inserting {}dynamic block for {} for {} seconds: {}",
             block.cause.warning ? "(warning) " : "", block.what, block.seconds,
             block.cause.reason);
}

}  // namespace breakwater
