// Memory for nghttp2, in which its large buffers cost no more than is written to them. Each session
// keeps one of 16 KiB, of which frames of DNS use the beginning. From the heap it would lie where
// buffers of TLS were, and be resident as a whole; here it begins at a page that nobody wrote to.
// One for all sessions and threads; never destroyed.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/guarded.h"

namespace breakwater {

class LazyRooms {
 public:
  static constexpr size_t kRoom = 20480;  // whole pages

  // Address space for `count` rooms; where there is none, or no room is free, the heap serves.
  explicit LazyRooms(size_t count);
  ~LazyRooms();
  LazyRooms(const LazyRooms&) = delete;
  LazyRooms& operator=(const LazyRooms&) = delete;

  void* Get(size_t size);
  void* Resize(void* memory, size_t size);
  void Put(void* memory);
  size_t used() const;

  // As nghttp2 wants it.
  static nghttp2_mem* ForSessions();

 private:
  struct Free {
    std::vector<uint32_t> rooms;  // last given back first: its pages are there
    uint32_t untouched = 0;       // this and the following were never given out
    size_t used = 0;
  };
  bool Holds(const void* memory) const;

  uint8_t* start_ = nullptr;
  uint32_t count_ = 0;
  mutable Guarded<Free> free_;
};

}  // namespace breakwater
