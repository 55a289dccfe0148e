// Certificates made for a test, in files of a directory that goes with it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/tls_settings.h"

namespace breakwater::test {

class CertificateFolder {
 public:
  CertificateFolder();
  ~CertificateFolder();

  enum class KeyType { kEcdsa, kRsa };
  struct Wish {
    std::vector<std::string> names{};  // the first is the CN too
    KeyType key = KeyType::kEcdsa;
    long valid_s = 3600;  // from now; negative: expired
  };
  // Self-signed, PEM.
  TlsCertificateFiles Make(const Wish& wish);
  // The same in one PKCS #12 file, with a password.
  TlsCertificateFiles MakePkcs12(const Wish& wish, const std::string& password);
  std::string Write(std::string_view name, std::string_view content);
  const std::string& path() const { return path_; }

 private:
  std::string Next(std::string_view suffix);

  std::string path_;
  int count_ = 0;
};

}  // namespace breakwater::test
