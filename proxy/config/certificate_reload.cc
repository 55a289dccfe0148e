#include "proxy/config/certificate_reload.h"

#include <utility>

#include "proxy/base/log.h"

namespace breakwater {

CertificateReload ReloadCertificates(const Config& config) {
  CertificateReload done;
  for (const auto& frontend : config.frontends) {
    if (frontend->tls == nullptr) continue;
    auto loaded = frontend->tls->Load();
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
