#include "proxy/worker/hand_over.h"

#include <algorithm>
#include <utility>

namespace breakwater {
namespace {

constexpr uint32_t kBusy_percent = 80;
// Shares that differ by less are the same: they are of the last second, and jump.
constexpr uint32_t kStep_percent = 10;

std::pair<uint32_t, uint64_t> Rank(const WorkerLoad& load) {
  return {load.busy_percent / kStep_percent, load.connections};
}

}  // namespace

std::optional<size_t> ChooseHandOver(std::span<const WorkerLoad> loads, size_t self) {
  uint64_t sum = 0;
  for (const WorkerLoad& load : loads) sum += load.connections;
  const WorkerLoad& own = loads[self];
  // own > 1.25 * sum / count + 8, in whole numbers.
  const bool crowded = 4 * own.connections * loads.size() > 5 * sum + 32 * loads.size();
  const bool busy = own.busy_percent > kBusy_percent;
  if (!crowded && !busy) return std::nullopt;
  const auto best =
      std::min_element(loads.begin(), loads.end(),
                       [](const WorkerLoad& a, const WorkerLoad& b) { return Rank(a) < Rank(b); });
  const auto index = static_cast<size_t>(best - loads.begin());
  const bool better = busy ? best->busy_percent + kStep_percent <= own.busy_percent
                           : best->connections < own.connections;
  if (index == self || !better) return std::nullopt;
  return index;
}

}  // namespace breakwater
