// By what the answer to one DNSCrypt query is sealed: a plain value, part of the query.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace breakwater::dnscrypt {

// The es-version of a certificate.
enum class Suite : uint16_t { kXSalsa20 = 1, kXChaCha20 = 2 };

inline constexpr size_t kKeySize = 32;
inline constexpr size_t kClientNonceSize = 12;

struct Session {
  std::array<uint8_t, kKeySize> shared_key;  // of the client's key and the certificate's
  std::array<uint8_t, kClientNonceSize> client_nonce;
  Suite suite = Suite::kXSalsa20;
  uint16_t max_answer = 0;  // octets of DNS that fit: over UDP no answer is larger than its query
};

// Overwrites the keys, in a way that no compiler leaves out.
void Wipe(Session& session);

}  // namespace breakwater::dnscrypt
