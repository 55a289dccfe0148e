// The points of one server on the ring of consistent hashing: one a unit of weight, drawn from
// (server id, index, perturbation), sorted. Made when a policy first asks and when the weight
// outgrows them, never per query. Any thread: readers take one atomic load, makers a mutex.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "proxy/base/guarded.h"

namespace breakwater {

class HashPoints {
 public:
  struct Point {
    uint32_t at;
    uint32_t index;  // counts where it is below the server's weight
    bool operator<(const Point& other) const { return at < other.at; }
  };
  // Sorted. What it shows stays valid, unchanged, for as long as this object lives.
  struct Ring {
    uint32_t perturbation;
    std::vector<Point> points;

    // The first point at or after `hash` that a server of that weight has; none: past the last.
    std::optional<uint32_t> AtOrAfter(uint32_t hash, uint32_t weight) const;
  };

  // A ring with at least `weight` points (at most kMaxPoints). `id` must be the same each time.
  const Ring& Get(std::string_view id, uint32_t perturbation, uint32_t weight);

  // More would cost megabytes a server and even out nothing.
  static constexpr uint32_t kMaxPoints = 1U << 17;

 private:
  const Ring& Make(std::string_view id, uint32_t perturbation, uint32_t weight);

  std::atomic<const Ring*> newest_{nullptr};
  // Sizes are powers of two, so that a weight that goes up and down does not add rings for ever.
  Guarded<std::vector<std::unique_ptr<const Ring>>> rings_;
};

}  // namespace breakwater
