#include "proxy/guard/dyn_block_report.h"

#include <fmt/format.h>

#include <algorithm>

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

void LogNewDynBlock(const NewDynBlock& block, MonoTime now) {
  static LogLimiter limiter;
  uint64_t suppressed = 0;
  if (!limiter.Allow(now, &suppressed)) return;
  if (suppressed > 0) LogWarning("guard", "{} more dynamic blocks were not logged", suppressed);
  LogWarning("guard", "Inserting {}dynamic block for {} for {} seconds: {}",
             block.cause.warning ? "(warning) " : "", block.what, block.seconds,
             block.cause.reason);
}

}  // namespace breakwater
