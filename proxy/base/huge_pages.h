// An allocator for tables that are met at random: from two MiB on they lie on huge pages where the
// kernel has some to give (transparent_hugepage: madvise or always), so that a look costs one wait
// for memory and not a second one for the page's place.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace breakwater {

template <typename T>
struct HugePageAllocator {
  using value_type = T;
  static constexpr size_t kPage = size_t{2} << 20;
  static constexpr size_t kSmallest = std::max(alignof(T), sizeof(void*));

  T* allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    const bool large = bytes >= kPage;
    void* memory = nullptr;
    if (posix_memalign(&memory, large ? kPage : kSmallest, bytes) != 0) throw std::bad_alloc();
    if (large) (void)madvise(memory, bytes / kPage * kPage, MADV_HUGEPAGE);  // a wish
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t) { std::free(memory); }
  bool operator==(const HugePageAllocator&) const { return true; }
};

}  // namespace breakwater
