#include "proxy/net/dns_framing.h"

#include <algorithm>
#include <cstring>

namespace breakwater {

std::optional<std::span<const uint8_t>> FrameDecoder::Next(std::span<const uint8_t>& input) {
  if (have_ == 0) {
    buffer_.Reset();
    // Nearly always the whole message is there: no copy.
    if (input.size() >= kFrameLengthSize) {
      const size_t size = static_cast<size_t>(input[0]) << 8 | input[1];
      if (input.size() >= kFrameLengthSize + size) {
        const auto message = input.subspan(kFrameLengthSize, size);
        input = input.subspan(kFrameLengthSize + size);
        return message;
      }
    }
  }
  while (have_ < kFrameLengthSize && !input.empty()) {
    prefix_[have_++] = input.front();
    input = input.subspan(1);
  }
  if (have_ < kFrameLengthSize) return std::nullopt;
  const auto piece = input.first(std::min(input.size(), Missing()));
  Append(piece);
  input = input.subspan(piece.size());
  if (Missing() > 0) return std::nullopt;
  have_ = 0;
  return std::span<const uint8_t>(buffer_.data(), length());
}

size_t FrameDecoder::Missing() const {
  if (have_ < kFrameLengthSize) return kFrameLengthSize - have_;
  return kFrameLengthSize + length() - have_;
}

void FrameDecoder::Append(std::span<const uint8_t> piece) {
  const size_t body = have_ - kFrameLengthSize;
  if (buffer_.capacity() < body + piece.size()) {
    PacketBuffer bigger = pool_->Get(body + piece.size());
    if (body > 0) std::memcpy(bigger.data(), buffer_.data(), body);
    buffer_ = std::move(bigger);
  }
  if (!piece.empty()) std::memcpy(buffer_.data() + body, piece.data(), piece.size());
  have_ += piece.size();
}

}  // namespace breakwater
