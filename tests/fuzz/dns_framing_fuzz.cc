// The first byte says in which pieces the rest is fed to the decoder; whatever the pieces, the
// messages are the ones that the whole input holds.
#include "proxy/net/dns_framing.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace {

using breakwater::FrameDecoder;

std::vector<std::vector<uint8_t>> Decode(std::span<const uint8_t> bytes, size_t step) {
  breakwater::PacketPool pool;
  FrameDecoder decoder(pool);
  std::vector<std::vector<uint8_t>> out;
  while (!bytes.empty()) {
    auto piece = bytes.first(std::min(step, bytes.size()));
    bytes = bytes.subspan(piece.size());
    while (const auto message = decoder.Next(piece)) {
      if (message->size() > breakwater::kMaxFrame) std::abort();
      out.emplace_back(message->begin(), message->end());
    }
    if (!piece.empty()) std::abort();
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  if (Decode(bytes, size_t{1} + data[0]) != Decode(bytes, bytes.size() + 1)) std::abort();
  return 0;
}
