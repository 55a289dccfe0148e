// The numbers that operators know flushes by. A flush is made in several caches, each with an id
// of its own there; this remembers which. Flushes that follow one another in all of them, as those
// of a list do, are one row, so that forty thousand cost no more than one. How long a flush can be
// undone is the caches' affair. Control thread alone.
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

  // So many numbers in a row that nobody else gets; the first of them.
  uint64_t Reserve(uint64_t count);
  void Note(uint64_t id, Made made);
  std::optional<Made> Find(uint64_t id) const;
  // The number of what is `id` in `cache`; 0 where there is none.
  uint64_t NumberOf(const PacketCache& cache, FlushId id) const;

 private:
  struct Row {
    uint64_t count = 0;
    Made first;
  };
  static bool Follows(const Row& row, const Made& made);

  uint64_t next_ = 1;
  std::map<uint64_t, Row> rows_;  // by the number of the first
};

}  // namespace breakwater
