// What addTLSLocal and addDOHLocal have in common: certificates, TLS options, sockets.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lua/lua_classes.h"
#include "lua/options.h"
#include "proxy/net/tls_settings.h"
#include "proxy/query/frontend.h"

namespace breakwater::lua {

template <>
struct LuaClass<TlsCertificateFiles> {
  static constexpr const char* kName = "TLSCertificate";
};

// A path, a TLSCertificate, or a list of these; and the keys of the paths.
struct CertificatesArg {
  std::vector<TlsCertificateFiles> files;
};
template <>
struct Reader<CertificatesArg> {
  static constexpr const char* kExpected = "path, TLSCertificate or list of these";
  static bool Accepts(lua_State* state, int index);
  static TextResult<CertificatesArg> Read(Call& call, int index);
};

// Fails where paths and keys do not pair. Keys belong to certificates that are given as paths.
TextResult<std::vector<TlsCertificateFiles>> PairKeys(CertificatesArg certificates,
                                                      const StringOrList& keys);

struct TlsOptions {
  TlsServerSettings tls;
  bool ignore_errors = false;  // ignoreTLSConfigurationErrors
};
// Reads all options of TLS; whether they fit together is seen when the certificates are loaded.
TlsOptions ReadTlsOptions(Options& options);

// enableProxyProtocol, of all listeners.
void ReadProxyOption(Options& options, FrontendSettings* settings);

// The options of a listening stream socket. Fails for an additional address that is none.
TextResult<void> ReadStreamOptions(Options& options, uint16_t default_port,
                                   FrontendSettings* settings);

// Loads the certificates and adds the bind, or says what is wrong. With `ignore_errors` that is a
// warning, and there is no bind.
TextResult<void> AddTlsFrontend(Call& call, std::shared_ptr<Frontend> frontend, TlsOptions options);

}  // namespace breakwater::lua
