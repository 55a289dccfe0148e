// The operators of the whole program, in a file of their own and never inlined: where they are
// seen, the compiler takes malloc and free for a mismatch.
#include "tests/proxy/listen/allocations.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>

namespace {
std::atomic<size_t> allocations{0};
}  // namespace

[[gnu::noinline]] void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace breakwater::test {

size_t Allocations() {
  return allocations.load(std::memory_order_relaxed);
}

TEST(AllocationsTest, EachIsCounted) {
  const size_t before = Allocations();
  const auto keep = std::make_unique<std::atomic<int>>(1);
  EXPECT_EQ(keep->load(), 1);
  EXPECT_EQ(Allocations(), before + 1);
}

}  // namespace breakwater::test
