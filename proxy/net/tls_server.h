// TLS of one bind: its certificates, ticket keys and counters. Made from the configuration, shared
// by all workers, outlives every connection of the bind. Any thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/guarded.h"
#include "proxy/base/result.h"
#include "proxy/net/openssl.h"
#include "proxy/net/tls_counters.h"
#include "proxy/net/tls_settings.h"
#include "proxy/net/tls_tickets.h"

namespace breakwater {

// One OpenSSL context for each set of names, the default one first: it serves those who name no
// host, or one that no certificate is for.
struct TlsContexts {
  std::vector<OpensslPtr<SSL_CTX>> contexts;
  std::map<std::string, SSL_CTX*, std::less<>> by_name;  // lower case, no wildcards
  std::map<const X509*, std::vector<uint8_t>> ocsp;      // DER responses
};

// Of one connection, with what it needs for as long as it lives.
struct TlsSession {
  std::shared_ptr<const void> contexts;
  OpensslPtr<SSL> ssl;
};

class TlsServer {
 public:
  // `now`: when the ticket keys begin to grow old.
  TlsServer(TlsServerSettings settings, MonoTime now);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  // Reads all files (anew). On failure, whose text names the file, what was loaded before stays in
  // use. Connections that are open keep what they began with.
  TextResult<void> Load();
  // The same with other certificates, kept for later loads if they are good.
  TextResult<void> LoadCertificates(std::vector<TlsCertificateFiles> certificates);

  // For a connection just accepted; after a successful Load(). `ssl` is never null.
  TlsSession NewSession();

  const TlsServerSettings& settings() const { return settings_; }
  TlsTicketKeys& tickets() { return tickets_; }
  TlsCounters& counters() { return counters_; }
  const TlsCounters& counters() const { return counters_; }

 private:
  friend struct TlsCallbacks;
  TextResult<void> Replace(std::vector<TlsCertificateFiles> certificates);
  TextResult<std::shared_ptr<TlsContexts>> Build(
      const std::vector<TlsCertificateFiles>& certificates);
  TextResult<OpensslPtr<SSL_CTX>> NewContext();

  const TlsServerSettings settings_;
  Mutex load_mutex_;  // one load at a time
  Guarded<std::vector<TlsCertificateFiles>> certificates_;
  TlsTicketKeys tickets_;
  TlsCounters counters_;
  OpensslPtr<BIO> key_log_;
  Mutex key_log_mutex_;
  Guarded<std::shared_ptr<TlsContexts>> current_;
};
using TlsServerPtr = std::shared_ptr<TlsServer>;

}  // namespace breakwater
