// One bind of the configuration (an address and a transport) and its counters. Made from the
// configuration, shared by all workers, outlives every query that came in through it.
// `settings` never changes after the bind was opened; the counters are written by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/counter.h"
#include "proxy/net/tls_server.h"
#include "proxy/query/protocol.h"

namespace breakwater {

struct DohFrontend;  // doh_frontend.h
namespace dnscrypt {
class Context;
}

struct FrontendSettings {
  Address address;
  std::vector<Address> additional_addresses;  // of the same bind, with the same counters
  Protocol protocol = Protocol::kDoUdp;
  std::string interface;    // SO_BINDTODEVICE; empty for none
  std::vector<int> cpus;    // workers on these CPUs serve it; empty for all
  bool reuse_port = false;  // the line said reusePort=true: sharing the port is intended
  int tcp_fast_open_queue = 0;
  int tcp_listen_queue = 0;      // 0: SOMAXCONN
  uint32_t max_in_flight = 0;    // queries at a time on one connection; 0 means one
  uint32_t max_connections = 0;  // 0: no limit
  bool proxy_protocol = true;    // who is in the PROXY access list must send a header
  bool proxy_outside_tls = false;
};

struct Frontend {
  FrontendSettings settings;
  TlsServerPtr tls;                  // null: in the clear
  std::shared_ptr<DohFrontend> doh;  // DNS over HTTPS alone
  // DNSCrypt alone; the UDP and the TCP bind of one line have it together.
  std::shared_ptr<dnscrypt::Context> dnscrypt;
  SharedCounter queries;
  SharedCounter responses;
  SharedCounter noncompliant_queries;
  // Streams only.
  SharedCounter tcp_died_reading_query;
  SharedCounter tcp_died_sending_response;
  SharedCounter tcp_gave_up;
  SharedCounter tcp_client_timeouts;
  SharedCounter tcp_downstream_timeouts;
  SharedCounter tcp_current_connections;
  SharedCounter tcp_max_concurrent_connections;
  SharedCounter tcp_connections;             // finished ones, for the averages
  SharedCounter tcp_connection_queries;      // over finished connections
  SharedCounter tcp_connection_duration_ms;  // over finished connections
  SharedCounter tcp_read_ios;
  std::atomic<bool> muted{false};  // ClientState.muted: answers are not sent

  // "UDP", "TCP", "TCP (DNS over TLS)" ...: ClientState:getType()
  std::string TypeText() const;
};

}  // namespace breakwater
