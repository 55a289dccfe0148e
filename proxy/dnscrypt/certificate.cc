#include "proxy/dnscrypt/certificate.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>

#include "proxy/base/byte_writer.h"

namespace breakwater::dnscrypt {
namespace {

constexpr std::array<uint8_t, 4> kMagic = {'D', 'N', 'S', 'C'};

static_assert(crypto_box_PUBLICKEYBYTES == kKeySize);
static_assert(crypto_box_BEFORENMBYTES == kKeySize);
static_assert(crypto_sign_BYTES == kSignatureSize);
static_assert(crypto_sign_SECRETKEYBYTES == kProviderSecretSize);

bool IsSuite(unsigned number) {
  return number == static_cast<unsigned>(Suite::kXSalsa20) ||
         number == static_cast<unsigned>(Suite::kXChaCha20);
}

// The protocol leaves these to QUIC, whose packets may come to the same port.
bool MayBeMagic(const PublicKey& key) {
  return std::any_of(key.begin(), key.begin() + 7, [](uint8_t octet) { return octet != 0; });
}

}  // namespace

TextResult<Certificate> Certificate::Parse(std::span<const uint8_t> bytes) {
  if (bytes.size() != kCertificateSize) {
    return Fail(fmt::format("a DNSCrypt certificate has {} octets, this has {}", kCertificateSize,
                            bytes.size()));
  }
  Certificate certificate;
  std::copy(bytes.begin(), bytes.end(), certificate.bytes_.begin());
  if (!std::ranges::equal(certificate.magic(), kMagic)) {
    return Fail("this is no DNSCrypt certificate: it does not begin with DNSC");
  }
  if (const unsigned number = LoadU16(&bytes[4]); !IsSuite(number)) {
    return Fail(
        fmt::format("the certificate is for version {} of the encryption; known are 1 "
                    "(XSalsa20) and 2 (XChaCha20)",
                    number));
  }
  certificate.serial_ = LoadU32(&bytes[112]);
  certificate.valid_from_ = LoadU32(&bytes[116]);
  certificate.valid_until_ = LoadU32(&bytes[120]);
  return certificate;
}

bool Certificate::IsSignedBy(const PublicKey& provider) const {
  const auto content = signed_part();
  return crypto_sign_verify_detached(signature().data(), content.data(), content.size(),
                                     provider.data()) == 0;
}

CertificateAndKey MakeCertificate(const ProviderSecret& provider, const CertificateOrder& order) {
  ResolverSecret secret;
  PublicKey key;
  do {
    crypto_box_keypair(key.data(), secret.bytes.data());
  } while (!MayBeMagic(key));
  std::array<uint8_t, kCertificateSize> bytes{};
  ByteWriter out(bytes);
  out.Bytes(kMagic);
  out.U16(static_cast<uint16_t>(order.suite));
  out.U16(0);
  ByteWriter content(bytes, out.offset() + kSignatureSize);
  content.Bytes(key);
  content.Bytes(std::span(key).first(kMagicSize));
  content.U32(order.serial);
  content.U32(order.valid_from);
  content.U32(order.valid_until);
  const auto to_sign = std::span(bytes).subspan(out.offset() + kSignatureSize);
  crypto_sign_detached(&bytes[out.offset()], nullptr, to_sign.data(), to_sign.size(),
                       provider.bytes.data());
  return {*Certificate::Parse(bytes), secret};
}

TextResult<Suite> SuiteOfVersion(int64_t version) {
  if (version == 1) return Suite::kXSalsa20;
  if (version == 2) return Suite::kXChaCha20;
  return Fail(
      fmt::format("there is no version {} of the encryption: give "
                  "DNSCryptExchangeVersion.VERSION1 or .VERSION2",
                  version));
}

PublicKey PublicKeyOf(const ResolverSecret& secret) {
  PublicKey key;
  crypto_scalarmult_base(key.data(), secret.bytes.data());
  return key;
}

PublicKey PublicKeyOf(const ProviderSecret& secret) {
  PublicKey key;
  crypto_sign_ed25519_sk_to_pk(key.data(), secret.bytes.data());
  return key;
}

void MakeProviderKeys(PublicKey* public_key, ProviderSecret* secret) {
  crypto_sign_keypair(public_key->data(), secret->bytes.data());
}

std::string Fingerprint(std::span<const uint8_t> provider_key) {
  std::string text;
  for (size_t i = 0; i < provider_key.size(); ++i) {
    if (i > 0 && i % 2 == 0) text += ':';
    text += fmt::format("{:02X}", provider_key[i]);
  }
  return text;
}

}  // namespace breakwater::dnscrypt
