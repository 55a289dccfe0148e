#include "proxy/control/tcp_stats_text.h"

#include <fmt/format.h>

namespace breakwater {
namespace {

double Average(const SharedCounter& sum, const SharedCounter& count) {
  const uint64_t n = count.Get();
  return n == 0 ? 0 : static_cast<double>(sum.Get()) / static_cast<double>(n);
}

std::string FrontendsText(const Config& config) {
  constexpr auto kHead =
      "{:<3} {:<20} {:<20} {:<20} {:<20} {:<25} {:<20} {:<20} {:<20} {:<20} {:<20} {:<20} {:<20} "
      "{:<25} {:<25} {:<15} {:<15} {:<15} {:<15} {:<15}\n";
  constexpr auto kLine =
      "{:<3} {:<20} {:<20} {:<20} {:<20} {:<25} {:<20} {:<20} {:<20} {:<20.6f} {:<20.6f} {:<20} "
      "{:<20} {:<25} {:<25} {:<15} {:<15} {:<15} {:<15} {:<15}\n";
  std::string text =
      fmt::format(kHead, "#", "Address", "Connections", "Max concurrent conn", "Died reading query",
                  "Died sending response", "Gave up", "Client timeouts", "Downstream timeouts",
                  "Avg queries/conn", "Avg duration", "TLS new sessions", "TLS Resumptions",
                  "TLS unknown ticket keys", "TLS inactive ticket keys", "TLS 1.0", "TLS 1.1",
                  "TLS 1.2", "TLS 1.3", "TLS other");
  size_t row = 0;
  for (const auto& frontend : config.frontends) {
    const Frontend& f = *frontend;
    // 0 for transports without TLS.
    static const TlsCounters kNone;
    const TlsCounters& tls = f.tls ? f.tls->counters() : kNone;
    text += fmt::format(
        kLine, row++, f.settings.address.ToStringWithPort(), f.tcp_current_connections.Get(),
        f.tcp_max_concurrent_connections.Get(), f.tcp_died_reading_query.Get(),
        f.tcp_died_sending_response.Get(), f.tcp_gave_up.Get(), f.tcp_client_timeouts.Get(),
        f.tcp_downstream_timeouts.Get(), Average(f.tcp_connection_queries, f.tcp_connections),
        Average(f.tcp_connection_duration_ms, f.tcp_connections), tls.new_sessions.Get(),
        tls.resumed_sessions.Get(), tls.unknown_ticket_keys.Get(), tls.inactive_ticket_keys.Get(),
        tls.queries[0].Get(), tls.queries[1].Get(), tls.queries[2].Get(), tls.queries[3].Get(),
        tls.queries[4].Get());
  }
  return text;
}

std::string BackendsText(const Config& config) {
  constexpr auto kHead =
      "{:<3} {:<20} {:<20} {:<20} {:<20} {:<25} {:<25} {:<20} {:<20} {:<20} {:<20} {:<20} {:<20} "
      "{:<20} {:<20} {:<20}\n";
  constexpr auto kLine =
      "{:<3} {:<20} {:<20} {:<20} {:<20} {:<25} {:<25} {:<20} {:<20} {:<20} {:<20} {:<20} {:<20} "
      "{:<20} {:<20.6f} {:<20.6f}\n";
  std::string text =
      fmt::format(kHead, "#", "Name", "Address", "Connections", "Max concurrent conn",
                  "Died sending query", "Died reading response", "Gave up", "Read timeouts",
                  "Write timeouts", "Connect timeouts", "Total connections", "Reused connections",
                  "TLS resumptions", "Avg queries/conn", "Avg duration");
  size_t row = 0;
  for (const BackendPtr& backend : config.backends) {
    const std::string address = backend->AddressText();
    const std::string name = backend->name();
    const BackendCounters& c = backend->counters();
    text += fmt::format(kLine, row++, name.empty() ? address : name, address,
                        c.tcp_current_connections.Get(), c.tcp_max_concurrent_connections.Get(),
                        c.tcp_died_sending_query.Get(), c.tcp_died_reading_response.Get(),
                        c.tcp_gave_up.Get(), c.tcp_read_timeouts.Get(), c.tcp_write_timeouts.Get(),
                        c.tcp_connect_timeouts.Get(), c.tcp_new_connections.Get(),
                        c.tcp_reused_connections.Get(), c.tls_resumptions.Get(),
                        Average(c.tcp_connection_queries, c.tcp_connections_closed),
                        Average(c.tcp_connection_duration_ms, c.tcp_connections_closed));
  }
  return text;
}

}  // namespace

std::string TcpStatsText(const Config& config, const ControlTarget::TcpWorkers& threads) {
  constexpr auto kLine = "{:<12} {:<12} {:<12} {:<12}\n";
  return fmt::format(kLine, "Workers", "Max Workers", "Queued", "Max Queued") +
         fmt::format(kLine, threads.workers, threads.workers, threads.queued,
                     config.settings.max_tcp_queued_connections) +
         "\nFrontends:\n" + FrontendsText(config) + "\nBackends:\n" + BackendsText(config);
}

}  // namespace breakwater
