#include "proxy/backend/hash_points.h"

#include <algorithm>
#include <bit>
#include <string>

#include "proxy/base/hash.h"

namespace breakwater {

std::optional<uint32_t> HashPoints::Ring::AtOrAfter(uint32_t hash, uint32_t weight) const {
  auto at = std::lower_bound(points.begin(), points.end(), Point{hash, 0});
  while (at != points.end() && at->index >= weight) ++at;
  if (at == points.end()) return std::nullopt;
  return at->at;
}

const HashPoints::Ring& HashPoints::Get(std::string_view id, uint32_t perturbation,
                                        uint32_t weight) {
  const Ring* ring = newest_.load(std::memory_order_acquire);
  const uint32_t wanted = std::min(weight, kMaxPoints);
  if (ring != nullptr && ring->perturbation == perturbation && ring->points.size() >= wanted) {
    return *ring;
  }
  return Make(id, perturbation, wanted);
}

const HashPoints::Ring& HashPoints::Make(std::string_view id, uint32_t perturbation,
                                         uint32_t weight) {
  return *rings_.With([&](auto& rings) -> const Ring* {
    for (const auto& ring : rings) {
      if (ring->perturbation == perturbation && ring->points.size() >= weight) {
        newest_.store(ring.get(), std::memory_order_release);
        return ring.get();
      }
    }
    auto made = std::make_unique<Ring>();
    made->perturbation = perturbation;
    const uint32_t count = std::bit_ceil(std::max(weight, 1U));
    made->points.reserve(count);
    std::string text(id);
    text.resize(id.size() + 4);
    for (uint32_t i = 0; i < count; ++i) {
      for (size_t k = 0; k < 4; ++k) text[id.size() + k] = static_cast<char>(i >> (8 * k));
      const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
      const uint64_t hash = HashBytes({bytes, text.size()}, perturbation);
      made->points.push_back({static_cast<uint32_t>(hash), i});
    }
    std::sort(made->points.begin(), made->points.end());
    rings.push_back(std::move(made));
    newest_.store(rings.back().get(), std::memory_order_release);
    return rings.back().get();
  });
}

}  // namespace breakwater
