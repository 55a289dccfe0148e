// The files of DNSCrypt: raw octets, as dnsdist writes them, so that both read each other's. A
// provider's public key has 32, its secret 64, a resolver's secret 32, a certificate 124. Secrets
// are written so that the owner alone reads them. Errors name the file.
#pragma once

#include <map>
#include <string>
#include <vector>

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

// What a check of the configuration would write, which it must find where it reads that again. Its
// owner's thread alone.
class KeptFiles {
 public:
  void Put(const std::string& path, std::span<const uint8_t> bytes);
  // Null: nothing was to be written there.
  const std::vector<uint8_t>* Find(const std::string& path) const;

 private:
  std::map<std::string, std::vector<uint8_t>> files_;
};

// In all of them: with `kept` nothing is written but there, and what is there is read before what
// is on disk.

// Makes a pair of keys; the result is the public one.
TextResult<PublicKey> WriteProviderKeys(const ProviderKeyFiles& files, KeptFiles* kept = nullptr);
TextResult<PublicKey> ReadProviderKey(const std::string& path, const KeptFiles* kept = nullptr);
TextResult<ProviderSecret> ReadProviderSecret(const std::string& path,
                                              const KeptFiles* kept = nullptr);

TextResult<void> WriteCertificate(const CertificateAndKey& made, const CertificateFiles& files,
                                  KeptFiles* kept = nullptr);
// The secret must be the certificate's.
TextResult<CertificateAndKey> ReadCertificate(const CertificateFiles& files,
                                              const KeptFiles* kept = nullptr);

}  // namespace breakwater::dnscrypt
