// DNS messages on a stream: two bytes of length, then the message (RFC 1035, 4.2.2). The decoder
// takes the bytes as they come, in any pieces; the length field bounds a message to 65,535 bytes,
// and memory grows only with bytes that have arrived, not with what the length promises.
// One decoder a connection, on its worker's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "proxy/base/packet_pool.h"

namespace breakwater {

inline constexpr size_t kFrameLengthSize = 2;
inline constexpr size_t kMaxFrame = 65535;

class FrameDecoder {
 public:
  explicit FrameDecoder(PacketPool& pool) : pool_(&pool) {}

  // Takes bytes off the front of `input`, at most up to the end of the message under way. A
  // message once it is whole, an empty one included; nullopt when `input` is used up. The message
  // lies in `input` or in the decoder, and is valid until the next call.
  std::optional<std::span<const uint8_t>> Next(std::span<const uint8_t>& input);

  bool InMessage() const { return have_ > 0; }  // some of a message has come, not all
  // Bytes that the message under way still wants; of its length only, while that is not known.
  size_t Missing() const;

 private:
  void Append(std::span<const uint8_t> piece);
  size_t length() const { return static_cast<size_t>(prefix_[0]) << 8 | prefix_[1]; }

  PacketPool* pool_;
  PacketBuffer buffer_;  // the body so far, where it did not come in one piece
  size_t have_ = 0;      // bytes so far, the two of the length included
  uint8_t prefix_[2] = {0, 0};
};

// The two bytes in front of a message of `size` bytes, at most 65,535.
inline void PutFrameLength(size_t size, uint8_t* out) {
  out[0] = static_cast<uint8_t>(size >> 8);
  out[1] = static_cast<uint8_t>(size);
}

}  // namespace breakwater
