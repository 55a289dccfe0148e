// How TLS is spoken on one bind, as read from the configuration. Values, no OpenSSL.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace breakwater {

// A certificate's files: PEM chain and key, or, without a key, PKCS #12 (RFC 7292).
struct TlsCertificateFiles {
  std::string certificate{};
  std::string key{};       // empty: `certificate` is a PKCS #12 file
  std::string password{};  // of that file
};

enum class TlsVersion : uint8_t { kTls10, kTls11, kTls12, kTls13, kUnknown };
inline constexpr size_t kTlsVersions = 5;
// "tls1.2"; "unknown".
const char* TlsVersionName(TlsVersion version);

enum class TlsUse : uint8_t { kDot, kDoh };

struct TlsServerSettings {
  std::vector<TlsCertificateFiles> certificates;
  std::vector<std::string> ocsp_files;  // DER responses, one a certificate, in their order
  TlsUse use = TlsUse::kDot;            // which ALPN names are agreed to
  std::string ciphers;                  // empty: OpenSSL's choice
  std::string ciphers_tls13;
  TlsVersion minimum = TlsVersion::kTls10;
  bool prefer_server_ciphers = true;
  bool session_tickets = true;
  uint32_t ticket_keys = 5;
  std::string ticket_key_file;
  uint32_t ticket_rotation_s = 43200;  // 0: never by itself
  uint32_t session_timeout_s = 0;      // 0: OpenSSL's
  uint32_t stored_sessions = 20480;    // 0: none
  std::string key_log_file;
  bool renegotiation = false;
  bool release_buffers = true;
  bool ktls = false;
  bool read_ahead = true;
};

// Towards a nameserver (newServer's options).
struct TlsClientSettings {
  std::string subject_name;     // the certificate must be for it; sent as SNI
  std::string subject_address;  // an IP address that the certificate must be for, instead
  bool validate = true;
  std::string ca_store;  // a file of CA certificates; empty: the system's
  std::string ciphers;   // empty: OpenSSL's choice
  std::string ciphers_tls13;
  std::string key_log_file;
  bool renegotiation = false;
  bool release_buffers = true;
  bool ktls = false;
};

}  // namespace breakwater
