// A map in the kernel (bpf(2)): a table that programs in the kernel and processes share. Owned by
// a KernelFilter; any thread. What fails gives the errno. Changing a map needs no privilege on
// kernels from 5.19 on, CAP_BPF before.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {

struct KernelMapSettings {
  uint32_t max_items = 0;     // 0: there is no such map
  std::string pinned_path{};  // in a BPF file system; empty: nobody else sees the map
};

class KernelMap {
 public:
  enum class Kind : uint8_t { kExact, kRanges };
  struct Shape {
    const char* name;  // 15 letters at most, shown by bpftool
    Kind kind;
    uint32_t key_size;    // octets
    uint32_t value_size;  // octets
  };
  KernelMap() = default;  // none: valid() is false
  // Opens the map that is pinned at the path, with what it holds, or makes one and pins it there.
  // The error says what the kernel refused and what to do.
  static TextResult<KernelMap> Open(const Shape& shape, const KernelMapSettings& settings);

  bool valid() const { return fd_.valid(); }
  int fd() const { return fd_.get(); }
  uint32_t max_items() const { return max_items_; }

  enum class Write : uint8_t { kNew, kNewOrReplace };
  // 0 or errno: EEXIST, and ENOSPC where the map is full. `key` and `value` have the shape's sizes,
  // here and below.
  int Put(std::span<const uint8_t> key, std::span<const uint8_t> value, Write write) const;
  int Get(std::span<const uint8_t> key, std::span<uint8_t> value) const;  // 0 or errno (ENOENT)
  int Remove(std::span<const uint8_t> key) const;                         // 0 or errno (ENOENT)
  // In no order. `visit` must not change the map. An entry may be seen twice, or not, where others
  // change the map meanwhile; it ends in any case.
  using Visit = std::function<void(std::span<const uint8_t> key, std::span<const uint8_t> value)>;
  void ForEach(const Visit& visit) const;

 private:
  UniqueFd fd_;
  uint32_t key_size_ = 0;
  uint32_t value_size_ = 0;
  uint32_t max_items_ = 0;
};

// Why bpf(2) refused `what` ("cannot make ..."), with what to do.
std::string KernelRefusal(std::string_view what, int error);

}  // namespace breakwater
