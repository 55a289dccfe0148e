#include "proxy/base/packet_pool.h"

#include <cstdlib>
#include <utility>

namespace breakwater {

PacketBuffer::PacketBuffer(PacketBuffer&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      data_(std::exchange(other.data_, nullptr)),
      capacity_(std::exchange(other.capacity_, 0)) {}

PacketBuffer& PacketBuffer::operator=(PacketBuffer&& other) noexcept {
  if (this != &other) {
    Reset();
    pool_ = std::exchange(other.pool_, nullptr);
    data_ = std::exchange(other.data_, nullptr);
    capacity_ = std::exchange(other.capacity_, 0);
  }
  return *this;
}

void PacketBuffer::Reset() {
  if (data_ != nullptr) pool_->Put(data_, capacity_);
  pool_ = nullptr;
  data_ = nullptr;
  capacity_ = 0;
}

PacketPool::~PacketPool() {
  for (auto& list : free_) {
    for (uint8_t* data : list) delete[] data;
  }
}

PacketBuffer PacketPool::Get(size_t size) {
  for (size_t i = 0; i < kSizes.size(); ++i) {
    if (size > kSizes[i]) continue;
    if (!free_[i].empty()) {
      uint8_t* data = free_[i].back();
      free_[i].pop_back();
      return PacketBuffer(this, data, kSizes[i]);
    }
    return PacketBuffer(this, new uint8_t[kSizes[i]], kSizes[i]);
  }
  std::abort();  // no DNS message is longer; a caller's size check is missing
}

void PacketPool::Put(uint8_t* data, size_t capacity) {
  for (size_t i = 0; i < kSizes.size(); ++i) {
    if (capacity != kSizes[i]) continue;
    if (free_[i].size() < kKeep[i]) {
      free_[i].push_back(data);
    } else {
      delete[] data;
    }
    return;
  }
}

}  // namespace breakwater
