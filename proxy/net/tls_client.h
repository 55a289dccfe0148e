// TLS towards one nameserver: how its certificate is checked, and sessions to come back with. Made
// when the configuration names the server, shared by all workers and the health checks. Any thread.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/base/guarded.h"
#include "proxy/base/result.h"
#include "proxy/net/openssl.h"
#include "proxy/net/tls_server.h"
#include "proxy/net/tls_settings.h"

namespace breakwater {

class TlsClient {
 public:
  // `alpn`: the one protocol that is offered, "dot" or "h2". The error says which file or cipher
  // cannot be used.
  static TextResult<std::shared_ptr<TlsClient>> Make(TlsClientSettings settings,
                                                     std::string_view alpn);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // For a new connection; with a session of an earlier one where there is one, which is used once
  // (RFC 8446, C.4).
  TlsSession NewSession();

  struct SessionLimits {
    size_t most = 20;
    uint32_t validity_s = 600;
  };
  void SetLimits(const SessionLimits& limits);
  void ExpireSessions();
  size_t sessions() const;

 private:
  struct Stored {
    OpensslPtr<SSL_SESSION> session;
    MonoTime since;
  };
  TlsClient(TlsClientSettings settings, OpensslPtr<SSL_CTX> context);
  static int OnNewSession(SSL* ssl, SSL_SESSION* session);
  static void OnKeyLog(const SSL* ssl, const char* line);
  void Keep(OpensslPtr<SSL_SESSION> session);
  OpensslPtr<SSL_SESSION> TakeSession();
  bool Expired(const Stored& stored) const;

  const TlsClientSettings settings_;
  const SystemClock clock_;
  OpensslPtr<SSL_CTX> context_;
  OpensslPtr<BIO> key_log_;
  Mutex key_log_mutex_;
  std::atomic<size_t> most_{20};
  std::atomic<uint32_t> validity_s_{600};
  Guarded<std::deque<Stored>> sessions_;  // the newest last
};
using TlsClientPtr = std::shared_ptr<TlsClient>;

}  // namespace breakwater
