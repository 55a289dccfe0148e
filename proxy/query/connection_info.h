// What is known of a client's connection beside its addresses; shared by the connection's queries,
// which may outlive it, and never changed once a query has it.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/net/proxy_protocol.h"
#include "proxy/net/tls_settings.h"

namespace breakwater {

struct ConnectionInfo {
  std::string server_name;  // that the client named in its TLS handshake (SNI); empty for none
  TlsVersion tls_version = TlsVersion::kUnknown;
  // Type and value of what its PROXY header said beside the addresses.
  ProxyValues proxy_values;
};

}  // namespace breakwater
