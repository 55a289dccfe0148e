// What a stream has to write, in order: messages with their two bytes of length, and bytes as they
// are. Bounded; taken off at the front as the kernel takes them. Owned by its stream.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "proxy/base/packet_pool.h"
#include "proxy/net/dns_framing.h"

namespace breakwater {

class WriteQueue {
 public:
  // One piece more than takes `max_held_bytes` of memory may be queued.
  explicit WriteQueue(size_t max_held_bytes) : max_held_bytes_(max_held_bytes) {}

  // False, and nothing queued, when the queue is full.
  bool PushMessage(PacketBuffer message, size_t size);
  bool PushBytes(PacketBuffer bytes, size_t size);

  size_t bytes() const { return bytes_; }
  // The memory that those take: never less, and bounded by a multiple of them and one buffer.
  size_t held_bytes() const { return held_bytes_; }
  // The front of the queue as vectors; how many there are.
  size_t FillVectors(std::span<iovec> vectors);
  // Copies the front of the queue to `room`; how many bytes.
  size_t CopyTo(std::span<uint8_t> room);
  // The first `count` bytes have left.
  void Taken(size_t count);

 private:
  struct Piece {
    PacketBuffer buffer;
    size_t size;
    uint8_t prefix[kFrameLengthSize];
    uint8_t prefix_size;  // 0 for bytes as they are
    size_t total() const { return size + prefix_size; }
  };
  bool Push(Piece piece);
  bool Append(const Piece& piece);

  std::vector<Piece> pieces_;
  size_t first_ = 0;         // of pieces_; those before it have left
  size_t first_offset_ = 0;  // bytes of the first piece that have left
  size_t bytes_ = 0;
  size_t held_bytes_ = 0;  // capacity of the buffers
  size_t max_held_bytes_;
};

}  // namespace breakwater
