#include "proxy/net/ocsp_response.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "proxy/net/openssl.h"

namespace breakwater {
namespace {

struct OcspFree {
  void operator()(OCSP_BASICRESP* p) const { OCSP_BASICRESP_free(p); }
  void operator()(OCSP_RESPONSE* p) const { OCSP_RESPONSE_free(p); }
  void operator()(OCSP_CERTID* p) const { OCSP_CERTID_free(p); }
  void operator()(ASN1_TIME* p) const { ASN1_TIME_free(p); }
  void operator()(unsigned char* p) const { OPENSSL_free(p); }
};
template <typename T>
using OcspPtr = std::unique_ptr<T, OcspFree>;

TextResult<OpensslPtr<BIO>> Open(const std::string& path) {
  ERR_clear_error();
  errno = 0;
  OpensslPtr<BIO> file(BIO_new_file(path.c_str(), "rb"));
  if (file) return file;
  ERR_clear_error();
  return Fail(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
}

TextResult<OpensslPtr<X509>> ReadCertificate(const std::string& path) {
  const auto file = Open(path);
  if (!file) return Fail(file.error());
  OpensslPtr<X509> certificate(PEM_read_bio_X509(file->get(), nullptr, nullptr, nullptr));
  if (!certificate) return Fail(path + ": no PEM certificate: " + TakeOpensslError());
  return certificate;
}

TextResult<OpensslPtr<EVP_PKEY>> ReadKey(const std::string& path) {
  const auto file = Open(path);
  if (!file) return Fail(file.error());
  OpensslPtr<EVP_PKEY> key(PEM_read_bio_PrivateKey(
      file->get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr));
  if (!key) return Fail(path + ": no PEM key without a passphrase: " + TakeOpensslError());
  return key;
}

TextResult<void> Write(const std::string& path, OCSP_BASICRESP* basic) {
  const OcspPtr<OCSP_RESPONSE> response(
      OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic));
  unsigned char* raw = nullptr;
  const int size = i2d_OCSP_RESPONSE(response.get(), &raw);
  const OcspPtr<unsigned char> bytes(raw);
  if (size <= 0) return Fail("cannot encode the OCSP response: " + TakeOpensslError());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(raw), size);
  file.close();
  if (!file) return Fail(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  return {};
}

}  // namespace

TextResult<void> WriteOcspResponse(const OcspRequest& request) {
  const auto certificate = ReadCertificate(request.certificate);
  if (!certificate) return Fail(certificate.error());
  const auto authority = ReadCertificate(request.ca_certificate);
  if (!authority) return Fail(authority.error());
  const auto key = ReadKey(request.ca_key);
  if (!key) return Fail(key.error());

  const OcspPtr<OCSP_CERTID> id(
      OCSP_cert_to_id(EVP_sha1(), certificate->get(), authority->get()));  // RFC 5019, 2.1.1
  const OcspPtr<ASN1_TIME> from(X509_gmtime_adj(nullptr, 0));
  const OcspPtr<ASN1_TIME> until(X509_time_adj_ex(nullptr, static_cast<int>(request.valid_days),
                                                  static_cast<long>(request.valid_minutes) * 60,
                                                  nullptr));
  const OcspPtr<OCSP_BASICRESP> basic(OCSP_BASICRESP_new());
  if (!id || !from || !until || !basic ||
      OCSP_basic_add1_status(basic.get(), id.get(), V_OCSP_CERTSTATUS_GOOD, 0, nullptr, from.get(),
                             until.get()) == nullptr) {
    return Fail("cannot make the OCSP response: " + TakeOpensslError());
  }
  if (OCSP_basic_sign(basic.get(), authority->get(), key->get(), EVP_sha256(), nullptr,
                      OCSP_NOCERTS) != 1) {
    ERR_clear_error();
    return Fail(request.ca_key + " is not the key of the certificate in " + request.ca_certificate);
  }
  return Write(request.output, basic.get());
}

}  // namespace breakwater
