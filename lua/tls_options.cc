#include "lua/tls_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace breakwater::lua {
namespace {

using Certificate = std::shared_ptr<TlsCertificateFiles>;
using Item = std::variant<std::string, Certificate>;

TlsCertificateFiles FilesOf(const Item& item) {
  if (const auto* path = std::get_if<std::string>(&item)) return {.certificate = *path};
  return *std::get<Certificate>(item);
}

void ReadVersion(Options& options, TlsServerSettings* tls) {
  std::string text;
  if (!options.Read("minTLSVersion", &text)) return;
  for (const TlsVersion version :
       {TlsVersion::kTls10, TlsVersion::kTls11, TlsVersion::kTls12, TlsVersion::kTls13}) {
    if (text != TlsVersionName(version)) continue;
    tls->minimum = version;
    return;
  }
  options.Reject(
      fmt::format("option 'minTLSVersion': '{}' is none of tls1.0, tls1.1, tls1.2, tls1.3", text));
}

}  // namespace

bool Reader<CertificatesArg>::Accepts(lua_State* state, int index) {
  return Reader<Item>::Accepts(state, index) || IsTable(state, index);
}

TextResult<CertificatesArg> Reader<CertificatesArg>::Read(Call& call, int index) {
  CertificatesArg read;
  if (Reader<Item>::Accepts(call.state(), index)) {
    auto item = Reader<Item>::Read(call, index);
    if (!item) return Fail(std::move(item.error()));
    read.files.push_back(FilesOf(*item));
    return read;
  }
  if (!IsTable(call.state(), index)) return Fail(TypeError(call, index, kExpected));
  auto items = Reader<std::vector<Item>>::Read(call, index);
  if (!items) return Fail(std::move(items.error()));
  for (const Item& item : *items) read.files.push_back(FilesOf(item));
  return read;
}

TextResult<std::vector<TlsCertificateFiles>> PairKeys(CertificatesArg certificates,
                                                      const StringOrList& keys) {
  std::vector<std::string> paths = keys.items;
  std::erase(paths, "");  // none
  // A TLSCertificate has its key already, and PKCS #12 files need none.
  std::vector<TlsCertificateFiles*> lacking;
  for (TlsCertificateFiles& files : certificates.files) {
    if (files.key.empty()) lacking.push_back(&files);
  }
  if (paths.empty() || lacking.empty()) return std::move(certificates.files);
  // One key each, or one each for those that lack it.
  const bool for_all = paths.size() == certificates.files.size();
  if (!for_all && paths.size() != lacking.size()) {
    return Fail(fmt::format("{} certificates without a key and {} keys: each needs its key",
                            lacking.size(), paths.size()));
  }
  for (size_t i = 0; i < certificates.files.size(); ++i) {
    if (for_all && certificates.files[i].key.empty()) certificates.files[i].key = paths[i];
  }
  for (size_t i = 0; !for_all && i < paths.size(); ++i) lacking[i]->key = paths[i];
  return std::move(certificates.files);
}

TlsOptions ReadTlsOptions(Options& options) {
  TlsOptions read;
  TlsServerSettings& tls = read.tls;
  StringOrList ocsp;
  std::string provider;
  options.Read("ciphers", &tls.ciphers);
  options.Read("ciphersTLS13", &tls.ciphers_tls13);
  options.Read("ciphers13", &tls.ciphers_tls13);
  options.Read("numberOfTicketsKeys", &tls.ticket_keys);
  options.Read("ticketKeyFile", &tls.ticket_key_file);
  options.Read("ticketsKeysRotationDelay", &tls.ticket_rotation_s);
  options.Read("sessionTimeout", &tls.session_timeout_s);
  options.Read("sessionTickets", &tls.session_tickets);
  options.Read("numberOfStoredSessions", &tls.stored_sessions);
  if (options.Read("ocspResponses", &ocsp)) tls.ocsp_files = std::move(ocsp.items);
  ReadVersion(options, &tls);
  options.Read("preferServerCiphers", &tls.prefer_server_ciphers);
  options.Read("keyLogFile", &tls.key_log_file);
  options.Read("releaseBuffers", &tls.release_buffers);
  options.Read("enableRenegotiation", &tls.renegotiation);
  options.Read("ktls", &tls.ktls);
  options.Read("readAhead", &tls.read_ahead);
  options.Read("ignoreTLSConfigurationErrors", &read.ignore_errors);
  if (options.Read("provider", &provider) && provider != "openssl") {
    options.Problem(fmt::format("option 'provider': {} is not there, OpenSSL is used", provider));
  }
  options.Accept({"tlsAsyncMode"});  // speed alone, and only with an engine
  return read;
}

void ReadProxyOption(Options& options, FrontendSettings* settings) {
  std::variant<bool, std::string> enable;
  if (!options.Read("enableProxyProtocol", &enable)) return;
  if (const bool* flag = std::get_if<bool>(&enable)) {
    settings->proxy_protocol = *flag;
    return;
  }
  const std::string& text = std::get<std::string>(enable);
  if (text == "true" || text == "false") {
    settings->proxy_protocol = text == "true";
  } else {
    options.Problem(
        fmt::format("option 'enableProxyProtocol': '{}' is neither true nor false", text));
  }
}

TextResult<void> ReadStreamOptions(Options& options, uint16_t default_port,
                                   FrontendSettings* settings) {
  options.Read("reusePort", &settings->reuse_port);
  options.Read("tcpFastOpenQueueSize", &settings->tcp_fast_open_queue);
  options.Read("interface", &settings->interface);
  options.Read("cpus", &settings->cpus);
  options.Read("tcpListenQueueSize", &settings->tcp_listen_queue);
  options.Read("maxConcurrentTCPConnections", &settings->max_connections);
  ReadProxyOption(options, settings);
  options.Read("proxyProtocolOutsideTLS", &settings->proxy_outside_tls);
  StringOrList additional;
  options.Read("additionalAddresses", &additional);
  for (const std::string& text : additional.items) {
    auto address = Address::Parse(text, default_port);
    if (!address) return Fail("option 'additionalAddresses': " + address.error());
    settings->additional_addresses.push_back(*address);
  }
  return {};
}

TextResult<void> AddTlsFrontend(Call& call, std::shared_ptr<Frontend> frontend,
                                TlsOptions options) {
  const std::string key_file = options.tls.ticket_key_file;
  const MonoTime now = call.runtime().clock().Now();
  frontend->tls = std::make_shared<TlsServer>(std::move(options.tls), now);
  // The console client reads the file as a user who may not see the keys.
  const bool client = call.runtime().options().client;
  auto loaded = client ? TextResult<void>() : frontend->tls->Load();
  if (loaded && !client && !key_file.empty())
    loaded = frontend->tls->tickets().LoadFile(key_file, now);
  if (!loaded && options.ignore_errors) {
    call.Warn(fmt::format("{}; nothing listens on {}", loaded.error(),
                          frontend->settings.address.ToStringWithPort()));
    return {};
  }
  if (!loaded) return loaded;
  call.builder().Edit().frontends.push_back(std::move(frontend));
  return {};
}

}  // namespace breakwater::lua
