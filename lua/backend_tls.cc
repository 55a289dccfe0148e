#include "lua/backend_tls.h"

#include <fmt/format.h>

namespace breakwater::lua {

uint16_t DefaultPort(Options& options) {
  if (!options.Has("tls")) return 53;
  return options.Has("dohPath") ? 443 : 853;
}

namespace {

void ReadDiscovery(Options& options, const TlsClientSettings& tls, BackendSettings* settings) {
  DiscoverySettings discovery;
  bool wanted = false;
  options.Read("autoUpgrade", &wanted);
  options.Read("autoUpgradeInterval", &discovery.interval_s);
  options.Read("autoUpgradeKeep", &discovery.keep);
  options.Read("autoUpgradePool", &discovery.pool);
  options.Read("autoUpgradeDoHKey", &discovery.doh_key);
  options.Read("lazyHealthCheckWhenUpgraded", &discovery.lazy_auto);
  if (!wanted) return;
  if (options.Has("tls")) {
    return options.Problem("option 'autoUpgrade': the server is asked over TLS already");
  }
  discovery.tls = tls;
  settings->discovery = std::move(discovery);
}

}  // namespace

void ReadBackendTls(Options& options, BackendSettings* settings) {
  TlsClientSettings tls;
  std::string provider;
  const bool wanted = options.Read("tls", &provider);
  options.Read("caStore", &tls.ca_store);
  options.Read("ciphers", &tls.ciphers);
  options.Read("ciphersTLS13", &tls.ciphers_tls13);
  options.Read("ciphers13", &tls.ciphers_tls13);
  options.Read("subjectName", &tls.subject_name);
  std::string path;
  options.Read("dohPath", &path);
  options.Read("addXForwardedHeaders", &settings->add_x_forwarded_headers);
  options.Read("subjectAddr", &tls.subject_address);
  options.Read("validateCertificates", &tls.validate);
  options.Read("releaseBuffers", &tls.release_buffers);
  options.Read("enableRenegotiation", &tls.renegotiation);
  options.Read("ktls", &tls.ktls);
  options.Read("keyLogFile", &tls.key_log_file);
  ReadDiscovery(options, tls, settings);
  if (!wanted) return;
  if (provider != "openssl" && !provider.empty()) {
    options.Problem(fmt::format("option 'tls': {} is not there, OpenSSL is used", provider));
  }
  settings->tls = std::move(tls);
  settings->doh_path = std::move(path);
  // HTTP/2 carries many requests at a time by nature.
  if (!settings->doh_path.empty() && settings->max_in_flight == 0) settings->max_in_flight = 100;
  settings->tcp_only = true;
}

TextResult<TlsClientPtr> MakeBackendTls(const BackendSettings& settings) {
  if (settings.tls) {
    return TlsClient::Make(*settings.tls, settings.doh_path.empty() ? "dot" : "h2");
  }
  if (!settings.discovery) return nullptr;
  // Files and ciphers that cannot be used are found now, and not when the server is upgraded.
  TlsClientSettings later = settings.discovery->tls;
  later.subject_name = "to.be.found";
  later.subject_address.clear();
  if (auto made = TlsClient::Make(std::move(later), "dot"); !made) {
    return Fail(std::move(made.error()));
  }
  return nullptr;
}

}  // namespace breakwater::lua
