#include "proxy/net/tls_client.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>

#include <new>
#include <utility>

namespace breakwater {
namespace {

int TlsClientIndex() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

TextResult<void> LoadAuthorities(SSL_CTX* context, const std::string& path) {
  if (path.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    return {};
  }
  struct stat about {};
  const bool folder = stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
  const int loaded = folder ? SSL_CTX_load_verify_dir(context, path.c_str())
                            : SSL_CTX_load_verify_file(context, path.c_str());
  if (loaded == 1) return {};
  return Fail(fmt::format("no CA certificates can be read from {}: {}", path, TakeOpensslError()));
}

TextResult<void> SetCiphers(SSL_CTX* context, const TlsClientSettings& settings) {
  if (!settings.ciphers.empty() &&
      SSL_CTX_set_cipher_list(context, settings.ciphers.c_str()) != 1) {
    ERR_clear_error();
    return Fail("no cipher of '" + settings.ciphers + "' is known");
  }
  if (!settings.ciphers_tls13.empty() &&
      SSL_CTX_set_ciphersuites(context, settings.ciphers_tls13.c_str()) != 1) {
    ERR_clear_error();
    return Fail("no TLS 1.3 cipher of '" + settings.ciphers_tls13 + "' is known");
  }
  return {};
}

TextResult<void> SetSubject(SSL_CTX* context, const TlsClientSettings& settings) {
  if (!settings.validate) return {};
  X509_VERIFY_PARAM* const wanted = SSL_CTX_get0_param(context);
  if (!settings.subject_address.empty()) {
    if (X509_VERIFY_PARAM_set1_ip_asc(wanted, settings.subject_address.c_str()) != 1) {
      return Fail("'" + settings.subject_address + "' is no IP address");
    }
  } else if (X509_VERIFY_PARAM_set1_host(wanted, settings.subject_name.c_str(), 0) != 1) {
    return Fail("'" + settings.subject_name + "' cannot be the name of a certificate");
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return LoadAuthorities(context, settings.ca_store);
}

}  // namespace

TlsClient::TlsClient(TlsClientSettings settings, OpensslPtr<SSL_CTX> context)
    : settings_(std::move(settings)), context_(std::move(context)) {}

TlsClient::~TlsClient() = default;

TextResult<std::shared_ptr<TlsClient>> TlsClient::Make(TlsClientSettings settings,
                                                       std::string_view alpn) {
  if (settings.validate && settings.subject_name.empty() && settings.subject_address.empty()) {
    return Fail(
        std::string("the certificate cannot be validated without a subjectName or "
                    "subjectAddr; give one, or set validateCertificates=false"));
  }
  ERR_clear_error();
  OpensslPtr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const raw = context.get();
  if (raw == nullptr) return Fail("cannot set TLS up: " + TakeOpensslError());
  SSL_CTX_set_options(raw, SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                               (settings.renegotiation ? 0 : SSL_OP_NO_RENEGOTIATION) |
                               (settings.ktls ? SSL_OP_ENABLE_KTLS : 0));
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            (settings.release_buffers ? SSL_MODE_RELEASE_BUFFERS : 0));
  SSL_CTX_clear_mode(raw, SSL_MODE_AUTO_RETRY);  // as for clients, see TlsServer
  if (auto set = SetCiphers(raw, settings); !set) return Fail(std::move(set.error()));
  if (auto set = SetSubject(raw, settings); !set) return Fail(std::move(set.error()));
  const std::string offered = static_cast<char>(alpn.size()) + std::string(alpn);
  SSL_CTX_set_alpn_protos(raw, reinterpret_cast<const unsigned char*>(offered.data()),
                          static_cast<unsigned>(offered.size()));
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(raw, &TlsClient::OnNewSession);
  std::shared_ptr<TlsClient> made(new TlsClient(std::move(settings), std::move(context)));
  SSL_CTX_set_ex_data(raw, TlsClientIndex(), made.get());
  if (!made->settings_.key_log_file.empty()) {
    made->key_log_.reset(BIO_new_file(made->settings_.key_log_file.c_str(), "a"));
    if (made->key_log_ == nullptr) {
      return Fail(
          fmt::format("cannot write {}: {}", made->settings_.key_log_file, TakeOpensslError()));
    }
    SSL_CTX_set_keylog_callback(raw, &TlsClient::OnKeyLog);
  }
  return made;
}

TlsSession TlsClient::NewSession() {
  OpensslPtr<SSL> ssl(SSL_new(context_.get()));
  if (ssl == nullptr) throw std::bad_alloc();
  if (!settings_.subject_name.empty()) {
    SSL_set_tlsext_host_name(ssl.get(), settings_.subject_name.c_str());
  }
  if (const auto session = TakeSession()) SSL_set_session(ssl.get(), session.get());
  return {nullptr, std::move(ssl)};
}

// 1: the session is ours now.
int TlsClient::OnNewSession(SSL* ssl, SSL_SESSION* session) {
  auto* const client =
      static_cast<TlsClient*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), TlsClientIndex()));
  client->Keep(OpensslPtr<SSL_SESSION>(session));
  return 1;
}

void TlsClient::OnKeyLog(const SSL* ssl, const char* line) {
  auto* const client =
      static_cast<TlsClient*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), TlsClientIndex()));
  MutexLock lock(client->key_log_mutex_);
  BIO_printf(client->key_log_.get(), "%s\n", line);
  (void)BIO_flush(client->key_log_.get());
}

void TlsClient::SetLimits(const SessionLimits& limits) {
  most_.store(limits.most, std::memory_order_relaxed);
  validity_s_.store(limits.validity_s, std::memory_order_relaxed);
}

bool TlsClient::Expired(const Stored& stored) const {
  const double validity_s = validity_s_.load(std::memory_order_relaxed);
  return clock_.Now() >= stored.since + MonoTime::FromSeconds(validity_s);
}

void TlsClient::Keep(OpensslPtr<SSL_SESSION> session) {
  const size_t most = most_.load(std::memory_order_relaxed);
  sessions_.With([&](std::deque<Stored>& sessions) {
    sessions.push_back({std::move(session), clock_.Now()});
    while (sessions.size() > most) sessions.pop_front();
  });
}

OpensslPtr<SSL_SESSION> TlsClient::TakeSession() {
  return sessions_.With([&](std::deque<Stored>& sessions) -> OpensslPtr<SSL_SESSION> {
    if (sessions.empty()) return nullptr;
    Stored newest = std::move(sessions.back());
    sessions.pop_back();
    if (Expired(newest)) {
      sessions.clear();  // the others are older
      return nullptr;
    }
    return std::move(newest.session);
  });
}

void TlsClient::ExpireSessions() {
  sessions_.With([&](std::deque<Stored>& sessions) {
    while (!sessions.empty() && Expired(sessions.front())) sessions.pop_front();
  });
}

size_t TlsClient::sessions() const {
  return sessions_.With([](const std::deque<Stored>& sessions) { return sessions.size(); });
}

}  // namespace breakwater
