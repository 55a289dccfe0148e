#include "proxy/config/certificate_reload.h"

#include <utility>

#include "proxy/base/log.h"
#include "proxy/dnscrypt/context.h"

namespace breakwater {

CertificateReload ReloadCertificates(const Config& config) {
  CertificateReload done;
  for (const auto& frontend : config.frontends) {
    // The TCP bind of DNSCrypt has the certificates of the UDP one.
    const bool dnscrypt = frontend->settings.protocol == Protocol::kDnscryptUdp;
    if (frontend->tls == nullptr && !dnscrypt) continue;
    auto loaded = dnscrypt ? frontend->dnscrypt->Reload() : frontend->tls->Load();
    if (loaded) {
      ++done.loaded;
      continue;
    }
    std::string where = frontend->settings.address.ToStringWithPort();
    LogError("tls", "{}: certificates were not loaded again, the old ones stay: {}", where,
             loaded.error());
    done.failures.push_back({std::move(where), std::move(loaded.error())});
  }
  return done;
}

}  // namespace breakwater
