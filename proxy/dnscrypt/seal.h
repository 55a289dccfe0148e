// Sealing the answer to a DNSCrypt query: resolver magic (8), nonce (24: the client's half, then
// ours), and the box with the answer and its padding. No state but the counter that makes our
// halves of nonces, one a thread; nothing is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proxy/dnscrypt/session.h"

namespace breakwater::dnscrypt {

inline constexpr size_t kMacSize = 16;
inline constexpr size_t kNonceSize = 24;
inline constexpr size_t kPaddingBlock = 64;
inline constexpr size_t kAnswerOverhead = 8 + kNonceSize + kMacSize;

// One octet of padding at least, and then to a multiple of 64 (ISO/IEC 7816-4).
constexpr size_t SealedSize(size_t message) {
  return kAnswerOverhead + (message / kPaddingBlock + 1) * kPaddingBlock;
}
// The largest message that can be sealed in so many octets; 0 where none can.
constexpr size_t LargestMessage(size_t sealed) {
  if (sealed < kAnswerOverhead + kPaddingBlock) return 0;
  return (sealed - kAnswerOverhead) / kPaddingBlock * kPaddingBlock - 1;
}

// `out` has SealedSize(message.size()) octets, and may overlap the message.
void Seal(const Session& session, std::span<const uint8_t> message, std::span<uint8_t> out);

}  // namespace breakwater::dnscrypt
