// A certificate with its key and chain, read from files and checked. Values; any thread.
#pragma once

#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/net/openssl.h"
#include "proxy/net/tls_settings.h"

namespace breakwater {

struct TlsCertificate {
  OpensslPtr<X509> certificate;
  OpensslPtr<EVP_PKEY> key;
  std::vector<OpensslPtr<X509>> chain;  // above it, the nearest first
  std::vector<std::string> names;       // DNS names of its SAN, and its CN; lower case
};

// The error names the file: unreadable, not what it should be, expired, or a key of another
// certificate.
TextResult<TlsCertificate> LoadTlsCertificate(const TlsCertificateFiles& files);

}  // namespace breakwater
