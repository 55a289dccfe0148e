// OpenSSL's objects with an owner, and its errors as text. For the tls_*.cc files alone.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace breakwater {

struct OpensslFree {
  void operator()(SSL* p) const { SSL_free(p); }
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(SSL_SESSION* p) const { SSL_SESSION_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(BIO* p) const { BIO_free_all(p); }
};
template <typename T>
using OpensslPtr = std::unique_ptr<T, OpensslFree>;

// The reason of the oldest error of this thread's queue, which is emptied: "no shared cipher".
std::string TakeOpensslError();

}  // namespace breakwater
