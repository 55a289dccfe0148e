// Certificates for tests, signed by the provider of vectors.h.
#pragma once

#include <algorithm>

#include "proxy/dnscrypt/certificate.h"
#include "tests/proxy/dnscrypt/vectors.h"

namespace breakwater::dnscrypt::test {

inline ProviderSecret Provider() {
  ProviderSecret secret;
  std::copy(kProviderSecret.begin(), kProviderSecret.end(), secret.bytes.begin());
  return secret;
}

// Valid in the whole of this century, if not said otherwise.
inline CertificateAndKey Make(uint32_t serial, Suite suite = Suite::kXSalsa20) {
  return MakeCertificate(
      Provider(),
      {.serial = serial, .valid_from = 946'684'800, .valid_until = 4'102'444'800, .suite = suite});
}

// That of the vectors, with its key.
inline CertificateAndKey Known(const std::vector<uint8_t>& certificate) {
  CertificateAndKey known{*Certificate::Parse(certificate), {}};
  std::copy(kResolverSecret.begin(), kResolverSecret.end(), known.secret.bytes.begin());
  return known;
}

}  // namespace breakwater::dnscrypt::test
