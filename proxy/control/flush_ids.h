// Flushes that are made in several caches have a number of their own (cache/flush_number.h) beside
// those in each cache; this remembers which, and who made them. Flushes that follow one another in
// all of them, as those of a list do, are one row, so that forty thousand cost no more than one.
// How long a flush can be undone is the caches' affair. Control thread alone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cache/packet_cache.h"

namespace breakwater {

class FlushIds {
 public:
  static constexpr size_t kMostRows = 65536;  // the oldest go

  struct InCache {
    std::weak_ptr<PacketCache> cache;
    FlushId id = 0;
  };
  struct Made {
    std::vector<InCache> caches;
    std::string made_by{};  // the token of the control socket; empty: none
  };

  void Note(uint64_t id, Made made);
  // Under a number of its own, or that of the one cache that it was made in.
  uint64_t Note(Made made);
  std::optional<Made> Find(uint64_t id) const;
  // The number of what is `id` in `cache`; 0 where there is none.
  uint64_t NumberOf(const PacketCache& cache, FlushId id) const;

 private:
  struct Row {
    uint64_t count = 0;
    Made first;
  };
  static bool Follows(const Row& row, const Made& made);

  std::map<uint64_t, Row> rows_;  // by the number of the first
};

}  // namespace breakwater
