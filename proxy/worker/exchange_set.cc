#include "proxy/worker/exchange_set.h"

#include <algorithm>

#include "proxy/backend/backend_socket.h"
#include "proxy/backend/stream_exchange.h"
#include "proxy/backend/zone_exchange.h"
#include "proxy/net/descriptors.h"

namespace breakwater {

void ExchangeSet::UseConfig(const ConfigPtr& config) {
  config_ = config;
  for (auto& [key, pair] : pairs_) {
    const auto& backends = config_->backends;
    pair.gone = std::find(backends.begin(), backends.end(), pair.backend) == backends.end();
  }
}

Exchange* ExchangeSet::For(const BackendPtr& backend, BackendTransport transport) {
  Pair& pair = pairs_[backend.get()];
  if (pair.backend == nullptr) pair.backend = backend;
  if (backend->zones() != nullptr) {
    if (pair.zones == nullptr) pair.zones = std::make_unique<ZoneExchange>(Context(), backend);
    return pair.zones.get();
  }
  if (transport == BackendTransport::kStream) {
    if (pair.stream == nullptr) pair.stream = MakeStream(backend);
    return pair.stream.get();
  }
  if (pair.datagram == nullptr) pair.datagram = MakeDatagram(backend);
  return pair.datagram.get();
}

std::unique_ptr<Exchange> ExchangeSet::MakeStream(const BackendPtr& backend) {
  const Settings& settings = config_->settings;
  if (backend->tls() != nullptr) {
    backend->tls()->SetLimits(
        {settings.tls_sessions_per_backend, settings.tls_sessions_validity_s});
  }
  const bool https = !backend->settings().doh_path.empty();
  return std::make_unique<StreamExchange>(
      Context(), backend,
      StreamExchangeOptions{.max_idle_connections = https ? settings.doh_idle_connections
                                                          : settings.max_cached_tcp_connections,
                            .max_idle_ms = https ? settings.doh_downstream_max_idle_ms
                                                 : settings.tcp_downstream_max_idle_ms,
                            .allow_empty_response = settings.allow_empty_response});
}

std::unique_ptr<UdpExchange> ExchangeSet::MakeDatagram(const BackendPtr& backend) {
  const size_t sockets =
      SocketsPerBackend(backend->settings().sockets, {.workers = workers_,
                                                      .backends = config_->backends.size(),
                                                      .descriptor_limit = DescriptorLimit()});
  UdpExchangeOptions options;
  options.sockets = sockets;
  options.allow_empty_response = config_->settings.allow_empty_response;
  return std::make_unique<UdpExchange>(Context(), backend, options);
}

void ExchangeSet::RenewSockets(const BackendPtr& backend) {
  const auto found = pairs_.find(backend.get());
  if (found != pairs_.end() && found->second.datagram) found->second.datagram->RenewAll();
}

void ExchangeSet::Prune() {
  absl::erase_if(pairs_, [](const auto& entry) {
    return entry.second.gone && entry.second.backend->outstanding() == 0;
  });
}

}  // namespace breakwater
