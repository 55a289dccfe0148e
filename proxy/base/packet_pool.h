// Memory for messages that wait: queries forwarded, delayed or suspended, and replies on their
// way to a stream. Freed buffers are kept, so that a worker in steady state allocates nothing.
// One pool per worker; a buffer goes back to the pool it came from, on that worker's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace breakwater {

class PacketPool;

// Sole owner of one buffer. Empty when default made.
class PacketBuffer {
 public:
  PacketBuffer() = default;
  PacketBuffer(PacketBuffer&& other) noexcept;
  PacketBuffer& operator=(PacketBuffer&& other) noexcept;
  ~PacketBuffer() { Reset(); }

  uint8_t* data() const { return data_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return data_ == nullptr; }
  void Reset();

 private:
  friend class PacketPool;
  PacketBuffer(PacketPool* pool, uint8_t* data, size_t capacity)
      : pool_(pool), data_(data), capacity_(capacity) {}

  PacketPool* pool_ = nullptr;
  uint8_t* data_ = nullptr;
  size_t capacity_ = 0;
};

class PacketPool {
 public:
  PacketPool() = default;
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;
  ~PacketPool();

  // A buffer of at least `size` bytes (up to 66 KiB), its content undefined.
  PacketBuffer Get(size_t size);

 private:
  friend class PacketBuffer;
  void Put(uint8_t* data, size_t capacity);

  // 1 KiB for nearly every query, a receive slot's size for what grows, the largest TCP message.
  static constexpr std::array<size_t, 3> kSizes = {1024, 4096 + 512, 65535 + 1024};
  static constexpr std::array<size_t, 3> kKeep = {16384, 4096, 64};
  std::array<std::vector<uint8_t*>, 3> free_;
};

}  // namespace breakwater
