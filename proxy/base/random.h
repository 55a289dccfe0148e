// Unpredictable numbers for query IDs, ports and sockets: the kernel's generator, read 4 KiB at
// a time so that a query costs no system call. One per worker; not for use by two threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace breakwater {

class Random {
 public:
  uint16_t U16() { return Take<uint16_t>(); }
  uint32_t U32() { return Take<uint32_t>(); }
  uint64_t U64() { return Take<uint64_t>(); }
  // Uniform in [0, bound); 0 when bound is 0.
  uint32_t Below(uint32_t bound) {
    return static_cast<uint32_t>((static_cast<uint64_t>(U32()) * bound) >> 32);
  }
  // Uniform in [0, 1).
  double Unit() { return static_cast<double>(U64() >> 11) * 0x1.0p-53; }

 private:
  template <typename T>
  T Take() {
    if (at_ + sizeof(T) > pool_.size()) Refill();
    T value;
    std::memcpy(&value, pool_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  void Refill();

  std::array<uint8_t, 4096> pool_{};
  size_t at_ = sizeof(pool_);
};

// One-off use on any thread (keys, nonces, hash seeds). Aborts if the kernel refuses.
void FillRandom(std::span<uint8_t> out);
uint64_t RandomU64();

}  // namespace breakwater
