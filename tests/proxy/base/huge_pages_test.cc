#include "proxy/base/huge_pages.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace breakwater {
namespace {

struct alignas(64) Line {
  uint8_t bytes[64] = {};
};
using Lines = std::vector<Line, HugePageAllocator<Line>>;

uintptr_t PlaceOf(const Lines& lines) {
  return reinterpret_cast<uintptr_t>(lines.data());
}

TEST(HugePageAllocatorTest, LargeTablesBeginOnAHugePage) {
  const Lines lines(40'000);  // 2.4 MiB
  EXPECT_EQ(PlaceOf(lines) % HugePageAllocator<Line>::kPage, 0u);
  EXPECT_EQ(lines.back().bytes[63], 0);
}

TEST(HugePageAllocatorTest, SmallOnesAreAlignedAsTheirEntries) {
  for (size_t count = 1; count < 100; ++count) {
    const Lines lines(count);
    EXPECT_EQ(PlaceOf(lines) % alignof(Line), 0u);
  }
  const std::vector<char, HugePageAllocator<char>> text(7, 'x');
  EXPECT_EQ(text[6], 'x');
}

}  // namespace
}  // namespace breakwater
