#include "proxy/net/tls_certificate.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "proxy/base/text.h"

namespace breakwater {

std::string TakeOpensslError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : fmt::format("error {:x}", code);
}

namespace {

TextResult<OpensslPtr<BIO>> Open(const std::string& path) {
  ERR_clear_error();
  errno = 0;
  OpensslPtr<BIO> file(BIO_new_file(path.c_str(), "rb"));
  if (file) return file;
  const int error = errno;
  ERR_clear_error();
  return Fail(fmt::format("cannot read {}: {}", path, std::strerror(error)));
}

TextResult<TlsCertificate> LoadPem(const TlsCertificateFiles& files) {
  TlsCertificate loaded;
  auto file = Open(files.certificate);
  if (!file) return Fail(std::move(file.error()));
  loaded.certificate.reset(PEM_read_bio_X509_AUX(file->get(), nullptr, nullptr, nullptr));
  if (!loaded.certificate) {
    return Fail(fmt::format("{}: no PEM certificate: {}", files.certificate, TakeOpensslError()));
  }
  while (X509* above = PEM_read_bio_X509(file->get(), nullptr, nullptr, nullptr)) {
    loaded.chain.emplace_back(above);
  }
  ERR_clear_error();  // the end of the file is one
  auto key = Open(files.key);
  if (!key) return Fail(std::move(key.error()));
  loaded.key.reset(PEM_read_bio_PrivateKey(
      key->get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr));
  if (!loaded.key) {
    return Fail(
        fmt::format("{}: no PEM key without a passphrase: {}", files.key, TakeOpensslError()));
  }
  return loaded;
}

// Files of old programs are sealed with ciphers that OpenSSL 3 has put aside: there while this
// lives, beside the others.
class LegacyCiphers {
 public:
  LegacyCiphers() : provider_(OSSL_PROVIDER_try_load(nullptr, "legacy", 1)) {}
  ~LegacyCiphers() {
    if (provider_ != nullptr) OSSL_PROVIDER_unload(provider_);
  }
  LegacyCiphers(const LegacyCiphers&) = delete;
  LegacyCiphers& operator=(const LegacyCiphers&) = delete;

 private:
  OSSL_PROVIDER* const provider_;
};

TextResult<TlsCertificate> LoadPkcs12(const TlsCertificateFiles& files) {
  const auto file = Open(files.certificate);
  if (!file) return Fail(file.error());
  PKCS12* const bundle = d2i_PKCS12_bio(file->get(), nullptr);
  if (bundle == nullptr) {
    return Fail(fmt::format("{}: no PKCS #12 file, and no key was given for it: {}",
                            files.certificate, TakeOpensslError()));
  }
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  STACK_OF(X509)* above = nullptr;
  const auto parse = [&] {
    return PKCS12_parse(bundle, files.password.c_str(), &key, &certificate, &above) == 1;
  };
  bool parsed = parse();
  if (!parsed) {
    const LegacyCiphers legacy;
    ERR_clear_error();
    parsed = parse();
  }
  PKCS12_free(bundle);
  TlsCertificate loaded;
  loaded.key.reset(key);
  loaded.certificate.reset(certificate);
  while (X509* one = above != nullptr ? sk_X509_shift(above) : nullptr) {
    loaded.chain.emplace_back(one);
  }
  sk_X509_free(above);
  if (!parsed) {
    return Fail(fmt::format("{}: cannot open the PKCS #12 file: {}", files.certificate,
                            TakeOpensslError()));
  }
  if (!loaded.certificate || !loaded.key) {
    return Fail(
        fmt::format("{}: the PKCS #12 file lacks a certificate or its key", files.certificate));
  }
  return loaded;
}

void AddName(const ASN1_STRING* text, std::vector<std::string>* names) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, text);
  if (size <= 0) return;
  std::string name =
      ToLowerAscii(std::string_view(reinterpret_cast<char*>(utf8), static_cast<size_t>(size)));
  OPENSSL_free(utf8);
  if (std::find(names->begin(), names->end(), name) == names->end()) {
    names->push_back(std::move(name));
  }
}

std::vector<std::string> NamesOf(X509* certificate) {
  std::vector<std::string> names;
  auto* const alternatives = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* one = sk_GENERAL_NAME_value(alternatives, i);
    if (one->type == GEN_DNS) AddName(one->d.dNSName, &names);
  }
  GENERAL_NAMES_free(alternatives);
  X509_NAME* const subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) {
    AddName(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), &names);
  }
  return names;
}

}  // namespace

TextResult<TlsCertificate> LoadTlsCertificate(const TlsCertificateFiles& files) {
  auto loaded = files.key.empty() ? LoadPkcs12(files) : LoadPem(files);
  if (!loaded) return loaded;
  X509* const certificate = loaded->certificate.get();
  if (X509_check_private_key(certificate, loaded->key.get()) != 1) {
    ERR_clear_error();
    return Fail(fmt::format("{} is not the key of the certificate in {}",
                            files.key.empty() ? "the key" : files.key, files.certificate));
  }
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0) {
    return Fail(fmt::format("{}: the certificate has expired", files.certificate));
  }
  loaded->names = NamesOf(certificate);
  return loaded;
}

}  // namespace breakwater
