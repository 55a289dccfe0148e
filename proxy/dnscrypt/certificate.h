// DNSCrypt certificates, version 2 of the protocol: 124 octets that tell clients a resolver's
// short-lived public key, signed by the provider's long-lived one (Ed25519). A certificate is
// served as the text of a TXT record. Plain values; any thread; sodium_init() was called.
//
//   "DNSC" | es-version (2) | minor version (2) | signature (64) | resolver key (32) |
//   client magic (8) | serial (4) | valid from (4) | valid until (4)
//
// The signature is over everything behind it. Numbers in network order, times in seconds since
// 1970.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "proxy/base/result.h"
#include "proxy/dnscrypt/session.h"
#include "proxy/dnscrypt/wipe.h"

namespace breakwater::dnscrypt {

inline constexpr size_t kCertificateSize = 124;
inline constexpr size_t kMagicSize = 8;
inline constexpr size_t kSignatureSize = 64;
inline constexpr size_t kProviderSecretSize = 64;

using PublicKey = std::array<uint8_t, kKeySize>;

// A secret that is overwritten when it goes.
template <size_t Size>
struct Secret {
  std::array<uint8_t, Size> bytes{};
  Secret() = default;
  Secret(const Secret& other) = default;
  Secret& operator=(const Secret& other) = default;
  ~Secret() { WipeBytes(bytes); }
};
using ResolverSecret = Secret<kKeySize>;             // X25519
using ProviderSecret = Secret<kProviderSecretSize>;  // Ed25519, the public key in its second half

class Certificate {
 public:
  // Another size, magic or es-version is an error. The signature is not looked at: whose it should
  // be is not known here.
  static TextResult<Certificate> Parse(std::span<const uint8_t> bytes);

  std::span<const uint8_t, kCertificateSize> bytes() const { return bytes_; }
  std::span<const uint8_t> magic() const { return Part(0, 4); }
  std::span<const uint8_t> es_version() const { return Part(4, 2); }
  std::span<const uint8_t> minor_version() const { return Part(6, 2); }
  std::span<const uint8_t> signature() const { return Part(8, kSignatureSize); }
  std::span<const uint8_t> signed_part() const { return Part(72, kCertificateSize - 72); }
  std::span<const uint8_t> resolver_key() const { return Part(72, kKeySize); }
  std::span<const uint8_t> client_magic() const { return Part(104, kMagicSize); }
  Suite suite() const { return static_cast<Suite>(bytes_[4] << 8 | bytes_[5]); }
  uint32_t serial() const { return serial_; }
  uint32_t valid_from() const { return valid_from_; }
  uint32_t valid_until() const { return valid_until_; }
  bool IsValidAt(int64_t wall_seconds) const {
    return wall_seconds >= valid_from_ && wall_seconds <= valid_until_;
  }
  bool IsSignedBy(const PublicKey& provider) const;

 private:
  std::span<const uint8_t> Part(size_t at, size_t size) const {
    return std::span(bytes_).subspan(at, size);
  }
  std::array<uint8_t, kCertificateSize> bytes_{};
  uint32_t serial_ = 0;
  uint32_t valid_from_ = 0;
  uint32_t valid_until_ = 0;
};

struct CertificateOrder {
  uint32_t serial = 0;
  uint32_t valid_from = 0;
  uint32_t valid_until = 0;
  Suite suite = Suite::kXSalsa20;
};
struct CertificateAndKey {
  Certificate certificate;
  ResolverSecret secret;
};
// A new resolver key and its certificate. The client magic is the beginning of the public key.
CertificateAndKey MakeCertificate(const ProviderSecret& provider, const CertificateOrder& order);
// "1" or "2", as Lua says it.
TextResult<Suite> SuiteOfVersion(int64_t version);

PublicKey PublicKeyOf(const ResolverSecret& secret);
PublicKey PublicKeyOf(const ProviderSecret& secret);
void MakeProviderKeys(PublicKey* public_key, ProviderSecret* secret);

// "1234:ABCD:...", sixteen groups, by which a provider's key is told to people.
std::string Fingerprint(std::span<const uint8_t> provider_key);

}  // namespace breakwater::dnscrypt
