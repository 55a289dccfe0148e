#include "proxy/net/lazy_rooms.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

namespace breakwater {
namespace {

constexpr size_t kLeast = 8192;   // smaller things are the heap's
constexpr size_t kRooms = 65536;  // 1.3 GB of addresses, no memory

}  // namespace

LazyRooms::LazyRooms(size_t count) {
  void* const mapped = mmap(nullptr, count * kRoom, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return;
  // A huge page would be resident as a whole.
  (void)madvise(mapped, count * kRoom, MADV_NOHUGEPAGE);
  start_ = static_cast<uint8_t*>(mapped);
  count_ = static_cast<uint32_t>(count);
}

LazyRooms::~LazyRooms() {
  if (start_ != nullptr) munmap(start_, count_ * kRoom);
}

bool LazyRooms::Holds(const void* memory) const {
  const auto at = reinterpret_cast<uintptr_t>(memory);
  const auto start = reinterpret_cast<uintptr_t>(start_);
  return start_ != nullptr && at >= start && at < start + count_ * kRoom;
}

void* LazyRooms::Get(size_t size) {
  if (size < kLeast || size > kRoom) return std::malloc(size);
  uint8_t* const room = free_.With([&](Free& free) -> uint8_t* {
    uint32_t number = free.untouched;
    if (!free.rooms.empty()) {
      number = free.rooms.back();
      free.rooms.pop_back();
    } else if (free.untouched < count_) {
      ++free.untouched;
    } else {
      return nullptr;
    }
    ++free.used;
    return start_ + number * kRoom;
  });
  return room != nullptr ? room : std::malloc(size);
}

void* LazyRooms::Resize(void* memory, size_t size) {
  if (memory == nullptr) return Get(size);  // this is how nghttp2 gets its frame buffer
  if (!Holds(memory)) return std::realloc(memory, size);
  if (size <= kRoom) return memory;
  void* const larger = std::malloc(size);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, memory, kRoom);
  Put(memory);
  return larger;
}

void LazyRooms::Put(void* memory) {
  if (!Holds(memory)) return std::free(memory);
  const auto number =
      static_cast<uint32_t>((static_cast<uint8_t*>(memory) - start_) / ptrdiff_t{kRoom});
  free_.With([&](Free& free) {
    free.rooms.push_back(number);
    --free.used;
  });
}

size_t LazyRooms::used() const {
  return free_.With([](const Free& free) { return free.used; });
}

nghttp2_mem* LazyRooms::ForSessions() {
  static auto* const rooms = new LazyRooms(kRooms);
  static nghttp2_mem functions{
      rooms, [](size_t size, void* self) { return static_cast<LazyRooms*>(self)->Get(size); },
      [](void* memory, void* self) { static_cast<LazyRooms*>(self)->Put(memory); },
      [](size_t count, size_t size, void*) { return std::calloc(count, size); },
      [](void* memory, size_t size, void* self) {
        return static_cast<LazyRooms*>(self)->Resize(memory, size);
      }};
  return &functions;
}

}  // namespace breakwater
