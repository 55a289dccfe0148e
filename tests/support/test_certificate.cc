#include "tests/support/test_certificate.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "proxy/net/openssl.h"

namespace breakwater::test {
namespace {

struct Made {
  OpensslPtr<X509> certificate{X509_new()};
  OpensslPtr<EVP_PKEY> key;
};

Made MakeCertificate(const CertificateFolder::Wish& wish) {
  Made made;
  made.key.reset(wish.key == CertificateFolder::KeyType::kRsa ? EVP_RSA_gen(2048)
                                                              : EVP_EC_gen("P-256"));
  X509* const raw = made.certificate.get();
  X509_set_version(raw, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(raw), 1);
  X509_gmtime_adj(X509_getm_notBefore(raw), wish.valid_s < 0 ? 2 * wish.valid_s : -60);
  X509_gmtime_adj(X509_getm_notAfter(raw), wish.valid_s);
  X509_set_pubkey(raw, made.key.get());
  X509_NAME* const name = X509_get_subject_name(raw);
  const auto* cn = reinterpret_cast<const unsigned char*>(wish.names.front().c_str());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, cn, -1, -1, 0);
  X509_set_issuer_name(raw, name);
  std::string alternatives;
  for (const std::string& one : wish.names) {
    alternatives += (alternatives.empty() ? "DNS:" : ",DNS:") + one;
  }
  X509_EXTENSION* const extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternatives.c_str());
  X509_add_ext(raw, extension, -1);
  X509_EXTENSION_free(extension);
  X509_sign(raw, made.key.get(), EVP_sha256());
  return made;
}

}  // namespace

CertificateFolder::CertificateFolder() {
  char pattern[] = "/tmp/breakwater_certificates_XXXXXX";
  path_ = mkdtemp(pattern);
}

CertificateFolder::~CertificateFolder() {
  std::filesystem::remove_all(path_);
}

std::string CertificateFolder::Next(std::string_view suffix) {
  return path_ + "/" + std::to_string(++count_) + std::string(suffix);
}

TlsCertificateFiles CertificateFolder::Make(const Wish& wish) {
  const Made made = MakeCertificate(wish);
  TlsCertificateFiles files{.certificate = Next(".pem"), .key = Next(".key")};
  FILE* file = fopen(files.certificate.c_str(), "w");
  PEM_write_X509(file, made.certificate.get());
  fclose(file);
  file = fopen(files.key.c_str(), "w");
  PEM_write_PrivateKey(file, made.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  fclose(file);
  return files;
}

TlsCertificateFiles CertificateFolder::MakePkcs12(const Wish& wish, const std::string& password) {
  const Made made = MakeCertificate(wish);
  PKCS12* const bundle = PKCS12_create(password.c_str(), "test", made.key.get(),
                                       made.certificate.get(), nullptr, 0, 0, 0, 0, 0);
  TlsCertificateFiles files{.certificate = Next(".p12"), .password = password};
  FILE* file = fopen(files.certificate.c_str(), "w");
  i2d_PKCS12_fp(file, bundle);
  fclose(file);
  PKCS12_free(bundle);
  return files;
}

std::string CertificateFolder::Write(std::string_view name, std::string_view content) {
  const std::string path = path_ + "/" + std::string(name);
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

}  // namespace breakwater::test
