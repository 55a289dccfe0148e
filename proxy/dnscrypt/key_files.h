// The files of DNSCrypt: raw octets, as dnsdist writes them, so that both read each other's. A
// provider's public key has 32, its secret 64, a resolver's secret 32, a certificate 124. Secrets
// are written so that the owner alone reads them. Errors name the file.
#pragma once

#include <string>

#include "proxy/dnscrypt/certificate.h"

namespace breakwater::dnscrypt {

struct ProviderKeyFiles {
  std::string public_key;
  std::string secret;
};
struct CertificateFiles {
  std::string certificate;
  std::string secret;  // the resolver's
};

// Makes a pair of keys; the result is the public one.
TextResult<PublicKey> WriteProviderKeys(const ProviderKeyFiles& files);
TextResult<PublicKey> ReadProviderKey(const std::string& path);
TextResult<ProviderSecret> ReadProviderSecret(const std::string& path);

TextResult<void> WriteCertificate(const CertificateAndKey& made, const CertificateFiles& files);
// The secret must be the certificate's.
TextResult<CertificateAndKey> ReadCertificate(const CertificateFiles& files);

}  // namespace breakwater::dnscrypt
