#include "proxy/dnscrypt/seal.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace breakwater::dnscrypt {
namespace {

constexpr std::array<uint8_t, 8> kResolverMagic = {0x72, 0x36, 0x66, 0x6e, 0x76, 0x57, 0x6a, 0x38};

constexpr size_t kOurNonceSize = kNonceSize - kClientNonceSize;
static_assert(crypto_box_NONCEBYTES == kNonceSize);
static_assert(crypto_box_curve25519xchacha20poly1305_NONCEBYTES == kNonceSize);
static_assert(crypto_box_MACBYTES == kMacSize);
static_assert(crypto_box_curve25519xchacha20poly1305_MACBYTES == kMacSize);

// 96 bits that begin at random on each thread and count on from there: none comes twice, and
// there is no system call for each.
void WriteOurNonce(std::span<uint8_t> out) {
  static thread_local std::array<uint8_t, kOurNonceSize> next = [] {
    std::array<uint8_t, kOurNonceSize> start;
    randombytes_buf(start.data(), start.size());
    return start;
  }();
  std::copy(next.begin(), next.end(), out.begin());
  sodium_increment(next.data(), next.size());
}

}  // namespace

void Seal(const Session& session, std::span<const uint8_t> message, std::span<uint8_t> out) {
  const auto content = out.subspan(kAnswerOverhead);
  if (!message.empty()) std::memmove(content.data(), message.data(), message.size());
  content[message.size()] = 0x80;
  std::fill(content.begin() + static_cast<ptrdiff_t>(message.size()) + 1, content.end(),
            uint8_t{0});
  std::copy(kResolverMagic.begin(), kResolverMagic.end(), out.begin());
  const auto nonce = out.subspan(kResolverMagic.size(), kNonceSize);
  std::copy(session.client_nonce.begin(), session.client_nonce.end(), nonce.begin());
  WriteOurNonce(nonce.subspan(kClientNonceSize));
  uint8_t* mac = out.data() + kResolverMagic.size() + kNonceSize;
  const auto box = session.suite == Suite::kXSalsa20
                       ? crypto_box_detached_afternm
                       : crypto_box_curve25519xchacha20poly1305_detached_afternm;
  (void)box(content.data(), mac, content.data(), content.size(), nonce.data(),
            session.shared_key.data());
}

}  // namespace breakwater::dnscrypt
