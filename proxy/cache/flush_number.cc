#include "proxy/cache/flush_number.h"

#include <fmt/format.h>

#include <atomic>

namespace breakwater {
namespace {

std::atomic<uint64_t> next_number{1};

}  // namespace

uint64_t ReserveFlushNumbers(uint64_t count) {
  return next_number.fetch_add(count, std::memory_order_relaxed);
}

void RestartFlushNumbers() {
  next_number.store(1, std::memory_order_relaxed);
}

std::string FlushNumbersText(std::span<const uint64_t> numbers) {
  std::string text;
  for (size_t i = 0; i < numbers.size();) {
    size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (!text.empty()) text += ", ";
    text +=
        last == i ? fmt::format("{}", numbers[i]) : fmt::format("{}-{}", numbers[i], numbers[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace breakwater
