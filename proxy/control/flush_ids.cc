#include "proxy/control/flush_ids.h"

#include <utility>

#include "proxy/cache/flush_number.h"

namespace breakwater {

bool FlushIds::Follows(const Row& row, const Made& made) {
  if (row.first.made_by != made.made_by || row.first.caches.size() != made.caches.size()) {
    return false;
  }
  for (size_t i = 0; i < made.caches.size(); ++i) {
    const InCache& first = row.first.caches[i];
    const InCache& now = made.caches[i];
    const bool same = !first.cache.owner_before(now.cache) && !now.cache.owner_before(first.cache);
    // A number for each cache, from one flush to the next.
    if (!same || first.id + row.count * made.caches.size() != now.id) return false;
  }
  return true;
}

void FlushIds::Note(uint64_t id, Made made) {
  const auto after = rows_.upper_bound(id);
  if (after != rows_.begin()) {
    auto& [first, row] = *std::prev(after);
    if (first + row.count == id && Follows(row, made)) {
      ++row.count;
      return;
    }
  }
  rows_[id] = {.count = 1, .first = std::move(made)};
  if (rows_.size() > kMostRows) rows_.erase(rows_.begin());
}

uint64_t FlushIds::Note(Made made) {
  const uint64_t id = made.caches.size() == 1 ? made.caches.front().id : ReserveFlushNumbers(1);
  Note(id, std::move(made));
  return id;
}

std::optional<FlushIds::Made> FlushIds::Find(uint64_t id) const {
  const auto after = rows_.upper_bound(id);
  if (after == rows_.begin()) return std::nullopt;
  const auto& [first, row] = *std::prev(after);
  if (id - first >= row.count) return std::nullopt;
  Made made = row.first;
  for (InCache& one : made.caches) one.id += (id - first) * made.caches.size();
  return made;
}

uint64_t FlushIds::NumberOf(const PacketCache& cache, FlushId id) const {
  for (const auto& [first, row] : rows_) {
    for (const InCache& one : row.first.caches) {
      const uint64_t step = row.first.caches.size();
      const bool within =
          id >= one.id && (id - one.id) % step == 0 && (id - one.id) / step < row.count;
      if (within && one.cache.lock().get() == &cache) return first + (id - one.id) / step;
    }
  }
  return 0;
}

}  // namespace breakwater
