#include "proxy/net/tls_server.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <new>
#include <span>

#include "proxy/base/text.h"
#include "proxy/net/tls_certificate.h"

namespace breakwater {

const char* TlsVersionName(TlsVersion version) {
  constexpr const char* kNames[kTlsVersions] = {"tls1.0", "tls1.1", "tls1.2", "tls1.3", "unknown"};
  return kNames[static_cast<size_t>(version)];
}

const char* TlsFailureName(TlsFailure failure) {
  constexpr const char* kNames[kTlsFailures] = {
      "dhKeyTooSmall",     "inappropriateFallBack",  "noSharedCipher",
      "unknownCipherType", "unknownKeyExchangeType", "unknownProtocol",
      "unsupportedEC",     "unsupportedProtocol",    "other"};
  return kNames[static_cast<size_t>(failure)];
}

namespace {

int ProtocolOf(TlsVersion version) {
  constexpr int kProtocols[kTlsVersions] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION,
                                            TLS1_3_VERSION, 0};
  return kProtocols[static_cast<size_t>(version)];
}

bool GivesTickets(const TlsServerSettings& settings) {
  return settings.session_tickets && settings.ticket_keys > 0;
}

uint64_t OptionsOf(const TlsServerSettings& settings) {
  uint64_t options = SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_SINGLE_DH_USE |
                     SSL_OP_SINGLE_ECDH_USE;
  if (!GivesTickets(settings)) options |= SSL_OP_NO_TICKET;
  if (!settings.renegotiation) options |= SSL_OP_NO_RENEGOTIATION;
  if (settings.prefer_server_ciphers) {
    // But a client that puts ChaCha20 first has no fast AES.
    options |= SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;
  }
  if (settings.ktls) options |= SSL_OP_ENABLE_KTLS;
  return options;
}

int TlsServerIndex() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}
int ContextsIndex() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

TextResult<std::vector<uint8_t>> ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  return std::vector<uint8_t>{std::istreambuf_iterator<char>(file), {}};
}

// A chain of one certificate's key type only: RSA beside ECDSA, never one in place of the other.
bool HasKeyType(SSL_CTX* context, const TlsCertificate& certificate) {
  const int wanted = EVP_PKEY_get_base_id(certificate.key.get());
  for (long set = SSL_CTX_set_current_cert(context, SSL_CERT_SET_FIRST); set == 1;
       set = SSL_CTX_set_current_cert(context, SSL_CERT_SET_NEXT)) {
    const EVP_PKEY* key = SSL_CTX_get0_privatekey(context);
    if (key != nullptr && EVP_PKEY_get_base_id(key) == wanted) return true;
  }
  return false;
}

bool Use(SSL_CTX* context, const TlsCertificate& loaded) {
  STACK_OF(X509)* chain = sk_X509_new_null();
  for (const auto& one : loaded.chain) sk_X509_push(chain, one.get());
  const int used = SSL_CTX_use_cert_and_key(context, loaded.certificate.get(), loaded.key.get(),
                                            loaded.chain.empty() ? nullptr : chain, 1);
  sk_X509_free(chain);
  return used == 1;
}

}  // namespace

// What OpenSSL calls during a handshake, on the worker that carries it.
struct TlsCallbacks {
  static TlsServer& ServerOf(const SSL* session) {
    return *static_cast<TlsServer*>(
        SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), TlsServerIndex()));
  }

  // The context that the session began with holds the others.
  static int OnServerName(SSL* session, int*, void*) {
    const char* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
    const auto* contexts = static_cast<const TlsContexts*>(
        SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), ContextsIndex()));
    const auto found = contexts->by_name.find(ToLowerAscii(name));
    if (found != contexts->by_name.end() && found->second != SSL_get_SSL_CTX(session)) {
      SSL_set_SSL_CTX(session, found->second);
    }
    return SSL_TLSEXT_ERR_OK;
  }

  // RFC 7301. A client that names only protocols we do not speak goes on without one.
  static int OnAlpn(SSL* session, const unsigned char** out, unsigned char* size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
    static constexpr std::string_view kDot[] = {"dot"};
    static constexpr std::string_view kDoh[] = {"h2", "http/1.1"};
    const bool doh = ServerOf(session).settings().use == TlsUse::kDoh;
    for (const std::string_view wanted :
         doh ? std::span(kDoh) : std::span<const std::string_view>(kDot)) {
      for (unsigned int at = 0; at < offered_size && at + 1u + offered[at] <= offered_size;
           at += 1u + offered[at]) {
        const std::string_view name(reinterpret_cast<const char*>(offered) + at + 1, offered[at]);
        if (name != wanted) continue;
        *out = offered + at + 1;
        *size = offered[at];
        return SSL_TLSEXT_ERR_OK;
      }
    }
    return SSL_TLSEXT_ERR_NOACK;
  }

  static int OnOcsp(SSL* session, void*) {
    const auto* contexts = static_cast<const TlsContexts*>(
        SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), ContextsIndex()));
    const auto found = contexts->ocsp.find(SSL_get_certificate(session));
    if (found == contexts->ocsp.end()) return SSL_TLSEXT_ERR_NOACK;
    const auto size = static_cast<int>(found->second.size());
    auto* copy = static_cast<uint8_t*>(OPENSSL_memdup(found->second.data(), found->second.size()));
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(session, copy, size);
    return SSL_TLSEXT_ERR_OK;
  }

  static bool UseTicketKey(const TlsTicketKey& key, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
                           EVP_MAC_CTX* mac, int seal) {
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<uint8_t*>(key.mac.data()),
                                          key.mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    // EVP_aes_256_cbc() would be looked up for each ticket.
    static EVP_CIPHER* const aes = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
    return EVP_CipherInit_ex2(cipher, aes, key.cipher.data(), iv, seal, nullptr) == 1 &&
           EVP_MAC_CTX_set_params(mac, parameters) == 1;
  }

  // 0: do a full handshake. 1: good. 2: good, and give a fresh ticket.
  static int OnTicket(SSL* session, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                      EVP_MAC_CTX* mac, int seal) {
    TlsServer& server = ServerOf(session);
    if (seal == 1) {
      const TlsTicketKeyPtr key = server.tickets().Active();
      std::copy(key->name.begin(), key->name.end(), name);
      if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
      return UseTicketKey(*key, iv, cipher, mac, seal) ? 1 : -1;
    }
    const auto found = server.tickets().Find({name, TlsTicketKey::kNameSize});
    if (found.key == nullptr) {
      server.counters().unknown_ticket_keys.Add();
      return 0;
    }
    if (!UseTicketKey(*found.key, iv, cipher, mac, seal)) return -1;
    // A TLS 1.3 client gets fresh tickets in any case, and each is to be used once.
    if (found.active) return SSL_version(session) >= TLS1_3_VERSION ? 2 : 1;
    server.counters().inactive_ticket_keys.Add();
    return 2;
  }

  static void OnKeyLog(const SSL* session, const char* line) {
    TlsServer& server = ServerOf(session);
    MutexLock lock(server.key_log_mutex_);
    if (server.key_log_ == nullptr) return;
    BIO_printf(server.key_log_.get(), "%s\n", line);
    (void)BIO_flush(server.key_log_.get());
  }
};

TlsServer::TlsServer(TlsServerSettings settings, MonoTime now)
    : settings_(std::move(settings)),
      certificates_(settings_.certificates),
      tickets_(settings_.ticket_keys, settings_.ticket_rotation_s, now) {}

TlsServer::~TlsServer() = default;

TextResult<OpensslPtr<SSL_CTX>> TlsServer::NewContext() {
  ERR_clear_error();
  OpensslPtr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const raw = context.get();
  if (raw == nullptr) return Fail("cannot set TLS up: " + TakeOpensslError());
  SSL_CTX_set_options(raw, OptionsOf(settings_));
  // In their place TLS 1.3 would give tickets that point into our memory.
  if (!GivesTickets(settings_)) SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_min_proto_version(raw, ProtocolOf(settings_.minimum));
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            (settings_.release_buffers ? SSL_MODE_RELEASE_BUFFERS : 0));
  // One record at a time: a flood of key updates must not hold the loop within one read.
  SSL_CTX_clear_mode(raw, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_read_ahead(raw, settings_.read_ahead ? 1 : 0);
  if (!settings_.ciphers.empty() && SSL_CTX_set_cipher_list(raw, settings_.ciphers.c_str()) != 1) {
    ERR_clear_error();
    return Fail("no cipher of '" + settings_.ciphers + "' is known");
  }
  if (!settings_.ciphers_tls13.empty() &&
      SSL_CTX_set_ciphersuites(raw, settings_.ciphers_tls13.c_str()) != 1) {
    ERR_clear_error();
    return Fail("no TLS 1.3 cipher of '" + settings_.ciphers_tls13 + "' is known");
  }
  static constexpr unsigned char kSessionContext[] = "breakwater";
  SSL_CTX_set_session_id_context(raw, kSessionContext, sizeof(kSessionContext) - 1);
  if (settings_.stored_sessions == 0) {
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  } else {
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_SERVER);
    SSL_CTX_sess_set_cache_size(raw, static_cast<long>(settings_.stored_sessions));
  }
  if (settings_.session_timeout_s > 0) {
    SSL_CTX_set_timeout(raw, static_cast<long>(settings_.session_timeout_s));
  }
  SSL_CTX_set_ex_data(raw, TlsServerIndex(), this);
  SSL_CTX_set_tlsext_servername_callback(raw, &TlsCallbacks::OnServerName);
  SSL_CTX_set_alpn_select_cb(raw, &TlsCallbacks::OnAlpn, nullptr);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(raw, &TlsCallbacks::OnTicket);
  SSL_CTX_set_tlsext_status_cb(raw, &TlsCallbacks::OnOcsp);
  if (!settings_.key_log_file.empty()) SSL_CTX_set_keylog_callback(raw, &TlsCallbacks::OnKeyLog);
  return context;
}

TextResult<std::shared_ptr<TlsContexts>> TlsServer::Build(
    const std::vector<TlsCertificateFiles>& certificates) {
  auto built = std::make_shared<TlsContexts>();
  if (settings_.ocsp_files.size() > certificates.size()) {
    return Fail("there are more OCSP responses than certificates");
  }
  for (size_t i = 0; i < certificates.size(); ++i) {
    const auto loaded = LoadTlsCertificate(certificates[i]);
    if (!loaded) return Fail(loaded.error());
    // A known name: beside the certificate that has it.
    SSL_CTX* context = nullptr;
    for (const std::string& name : loaded->names) {
      const auto known = built->by_name.find(name);
      if (known == built->by_name.end() || HasKeyType(known->second, *loaded)) continue;
      context = known->second;
      break;
    }
    if (context == nullptr) {
      auto made = NewContext();
      if (!made) return Fail(std::move(made.error()));
      context = made->get();
      SSL_CTX_set_ex_data(context, ContextsIndex(), built.get());
      built->contexts.push_back(std::move(*made));
    }
    if (!Use(context, *loaded)) {
      return Fail(
          fmt::format("{}: cannot be used: {}", certificates[i].certificate, TakeOpensslError()));
    }
    for (const std::string& name : loaded->names) built->by_name.emplace(name, context);
    if (i < settings_.ocsp_files.size()) {
      auto response = ReadBytes(settings_.ocsp_files[i]);
      if (!response) return Fail(std::move(response.error()));
      built->ocsp.emplace(loaded->certificate.get(), std::move(*response));
    }
  }
  if (built->contexts.empty()) return Fail("no certificate is given");
  return built;
}

TextResult<void> TlsServer::Load() {
  MutexLock loading(load_mutex_);
  return Replace(certificates_.Copy());
}

TextResult<void> TlsServer::LoadCertificates(std::vector<TlsCertificateFiles> certificates) {
  MutexLock loading(load_mutex_);
  return Replace(std::move(certificates));
}

TextResult<void> TlsServer::Replace(std::vector<TlsCertificateFiles> certificates) {
  if (!settings_.key_log_file.empty()) {
    OpensslPtr<BIO> file(BIO_new_file(settings_.key_log_file.c_str(), "a"));
    if (!file) return Fail("cannot write " + settings_.key_log_file + ": " + TakeOpensslError());
    MutexLock lock(key_log_mutex_);
    key_log_ = std::move(file);
  }
  auto built = Build(certificates);
  if (!built) return Fail(std::move(built.error()));
  certificates_.With([&](auto& list) { list = std::move(certificates); });
  current_.With([&](auto& current) { current.swap(*built); });
  return {};
}

TlsSession TlsServer::NewSession() {
  std::shared_ptr<TlsContexts> contexts = current_.Copy();
  OpensslPtr<SSL> ssl(SSL_new(contexts->contexts.front().get()));
  if (ssl == nullptr) throw std::bad_alloc();
  return {std::move(contexts), std::move(ssl)};
}

}  // namespace breakwater
