#include "proxy/observe/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "proxy/observe/process_stats.h"

namespace breakwater {
namespace {

constexpr bool kGauge = true;
constexpr bool kCounter = false;

struct LatencyMetric {
  std::string_view name;
  std::string_view help;
  LatencyFamily family;
  LatencyWindow window;
};

constexpr std::string_view kUdpHelp = "Average response latency in microseconds over UDP";
constexpr std::string_view kTcpHelp = "Average response latency in microseconds over TCP";
constexpr std::string_view kDotHelp = "Average response latency in microseconds over DoT";
constexpr std::string_view kDohHelp = "Average response latency in microseconds over DoH";
constexpr std::string_view kDoqHelp = "Average response latency in microseconds over DoQ";

using F = LatencyFamily;
using W = LatencyWindow;
constexpr std::array<LatencyMetric, 20> kLatencies = {{
    {"latency-avg100", kUdpHelp, F::kUdp, W::k100},
    {"latency-avg1000", kUdpHelp, F::kUdp, W::k1000},
    {"latency-avg10000", kUdpHelp, F::kUdp, W::k10000},
    {"latency-avg1000000", kUdpHelp, F::kUdp, W::k1000000},
    {"latency-tcp-avg100", kTcpHelp, F::kTcp, W::k100},
    {"latency-tcp-avg1000", kTcpHelp, F::kTcp, W::k1000},
    {"latency-tcp-avg10000", kTcpHelp, F::kTcp, W::k10000},
    {"latency-tcp-avg1000000", kTcpHelp, F::kTcp, W::k1000000},
    {"latency-dot-avg100", kDotHelp, F::kDot, W::k100},
    {"latency-dot-avg1000", kDotHelp, F::kDot, W::k1000},
    {"latency-dot-avg10000", kDotHelp, F::kDot, W::k10000},
    {"latency-dot-avg1000000", kDotHelp, F::kDot, W::k1000000},
    {"latency-doh-avg100", kDohHelp, F::kDoh, W::k100},
    {"latency-doh-avg1000", kDohHelp, F::kDoh, W::k1000},
    {"latency-doh-avg10000", kDohHelp, F::kDoh, W::k10000},
    {"latency-doh-avg1000000", kDohHelp, F::kDoh, W::k1000000},
    {"latency-doq-avg100", kDoqHelp, F::kDoq, W::k100},
    {"latency-doq-avg1000", kDoqHelp, F::kDoq, W::k1000},
    {"latency-doq-avg10000", kDoqHelp, F::kDoq, W::k10000},
    {"latency-doq-avg1000000", kDoqHelp, F::kDoq, W::k1000000},
}};

void ReadProcess(std::vector<MetricReading>& out) {
  const ProcessStats process = ReadProcessStats();
  out.push_back(
      {"real-memory-usage", "Resident memory in bytes", kGauge, process.real_memory_bytes});
  out.push_back({"fd-usage", "Number of open file descriptors", kGauge, process.fd_usage});
  out.push_back({"cpu-user-msec", "Milliseconds of CPU time spent in the process itself", kCounter,
                 process.cpu_user_ms});
  out.push_back({"cpu-sys-msec", "Milliseconds of CPU time spent in the kernel for the process",
                 kCounter, process.cpu_sys_ms});
  out.push_back({"cpu-iowait", "Time the machine waited for I/O, in clock ticks", kCounter,
                 process.cpu_iowait});
  out.push_back({"cpu-steal", "Time stolen by other virtual machines, in clock ticks", kCounter,
                 process.cpu_steal});
}

void ReadUdp(std::vector<MetricReading>& out, const UdpErrors& v4, const UdpErrors& v6) {
  out.push_back({"udp-in-errors", "InErrors of /proc/net/snmp", kCounter, v4.in_errors});
  out.push_back({"udp-noport-errors", "NoPorts of /proc/net/snmp", kCounter, v4.no_ports});
  out.push_back(
      {"udp-recvbuf-errors", "RcvbufErrors of /proc/net/snmp", kCounter, v4.recvbuf_errors});
  out.push_back(
      {"udp-sndbuf-errors", "SndbufErrors of /proc/net/snmp", kCounter, v4.sndbuf_errors});
  out.push_back({"udp-in-csum-errors", "InCsumErrors of /proc/net/snmp", kCounter, v4.csum_errors});
  out.push_back({"udp6-in-errors", "Udp6InErrors of /proc/net/snmp6", kCounter, v6.in_errors});
  out.push_back(
      {"udp6-recvbuf-errors", "Udp6RcvbufErrors of /proc/net/snmp6", kCounter, v6.recvbuf_errors});
  out.push_back(
      {"udp6-sndbuf-errors", "Udp6SndbufErrors of /proc/net/snmp6", kCounter, v6.sndbuf_errors});
  out.push_back({"udp6-noport-errors", "Udp6NoPorts of /proc/net/snmp6", kCounter, v6.no_ports});
  out.push_back(
      {"udp6-in-csum-errors", "Udp6InCsumErrors of /proc/net/snmp6", kCounter, v6.csum_errors});
}

// Names of the interface for things that do not exist here: queries are not handed between
// threads through pipes, and there is no security polling to report on.
void ReadAbsent(std::vector<MetricReading>& out) {
  constexpr std::string_view kPipe = "Always 0: queries are not handed on through pipes";
  for (const std::string_view name :
       {"doh-query-pipe-full", "doh-response-pipe-full", "outgoing-doh-query-pipe-full",
        "tcp-query-pipe-full", "tcp-cross-protocol-query-pipe-full",
        "tcp-cross-protocol-response-pipe-full"}) {
    out.push_back({name, kPipe, kCounter, uint64_t{0}});
  }
  out.push_back({"security-status", "0 unknown, 1 good, 2 upgrade recommended, 3 upgrade now",
                 kGauge, uint64_t{0}});
}

void ReadCustom(std::vector<MetricReading>& out, const CustomMetrics& custom) {
  for (const CustomMetrics::Reading& metric : custom.Read()) {
    // Sorted by labels: none at all comes first.
    if (metric.series.empty() || !metric.series[0].labels.empty()) continue;
    out.push_back({metric.name, metric.description, metric.is_gauge, metric.series[0].value, true});
  }
}

// "name               \t          value", the value right-aligned as dnsdist does it.
std::string Cell(const MetricReading& reading) {
  const double* average = std::get_if<double>(&reading.value);
  const std::string value =
      average != nullptr ? fmt::format("{:.1f}", *average) : MetricText(reading.value);
  return fmt::format("{:<35}\t{:>{}}", reading.name, value, average != nullptr ? 13 : 11);
}

}  // namespace

std::shared_ptr<WorkerStats> CounterRegistry::AddWorker() {
  auto stats = std::make_shared<WorkerStats>();
  workers_.With([&](auto& workers) { workers.push_back(stats); });
  return stats;
}

uint64_t CounterRegistry::Total(Metric metric) const {
  uint64_t total = 0;
  for (const auto& worker : Workers()) total += worker->counters.Get(metric);
  return total;
}

double CounterRegistry::Latency(LatencyFamily family, LatencyWindow window) const {
  const auto workers = Workers();
  std::vector<const LatencyAverages*> averages;
  averages.reserve(workers.size());
  for (const auto& worker : workers) averages.push_back(&worker->latency);
  return MergedLatency(averages, family, window);
}

void CounterRegistry::ReadLatencies(std::vector<MetricReading>& out) const {
  for (const LatencyMetric& metric : kLatencies) {
    out.push_back({metric.name, metric.help, kGauge, Latency(metric.family, metric.window)});
  }
}

std::vector<MetricReading> CounterRegistry::Read(MonoTime now) const {
  std::vector<MetricReading> out;
  for (size_t i = 0; i < kMetricCount; ++i) {
    const Metric metric = static_cast<Metric>(i);
    const MetricInfo& info = InfoOf(metric);
    out.push_back({info.name, info.help, info.is_gauge, Total(metric)});
  }
  ReadLatencies(out);
  out.push_back({"uptime", "Seconds since the process started", kGauge, UptimeSeconds(now)});
  ReadProcess(out);
  const NetworkStats network = ReadNetworkStats();
  ReadUdp(out, network.udp, network.udp6);
  out.push_back({"tcp-listen-overflows", "ListenOverflows of /proc/net/netstat", kCounter,
                 network.tcp_listen_overflows});
  const DynBlockNumbers dyn_blocks = dyn_blocks_ ? dyn_blocks_() : DynBlockNumbers();
  out.push_back(
      {"dyn-block-nmg-size", "Number of dynamic blocks of networks", kGauge, dyn_blocks.networks});
  out.push_back({"dyn-blocks-refused",
                 "Number of dynamic blocks not made because the table was full", kCounter,
                 dyn_blocks.refused});
  ReadAbsent(out);
  if (custom_ != nullptr) ReadCustom(out, *custom_);
  return out;
}

// As Prometheus reads it, where the number is none.
std::string MetricText(const MetricValue& value) {
  if (const double* number = std::get_if<double>(&value)) {
    if (std::isnan(*number)) return "NaN";
    if (std::isinf(*number)) return *number > 0 ? "+Inf" : "-Inf";
    return fmt::format("{:.6g}", *number);
  }
  return std::to_string(std::get<uint64_t>(value));
}

std::string DumpStatsText(const CounterRegistry& registry, MonoTime now) {
  std::vector<MetricReading> readings = registry.Read(now);
  readings.push_back({"special-memory-usage", "Memory of this process alone, in bytes", kGauge,
                      ReadSpecialMemoryBytes()});
  std::sort(readings.begin(), readings.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  const size_t rows = (readings.size() + 1) / 2;
  std::string text;
  for (size_t i = 0; i < rows; ++i) {
    text += fmt::format("{:<51}", Cell(readings[i]));
    if (i + rows < readings.size()) text += Cell(readings[i + rows]);
    text += '\n';
  }
  return text;
}

}  // namespace breakwater
