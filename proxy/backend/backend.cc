#include "proxy/backend/backend.h"

#include <fmt/format.h>

#include <array>

#include "proxy/base/random.h"

namespace breakwater {
namespace {

// A version 4 UUID (RFC 4122, 4.4).
std::string MakeUuid() {
  std::array<uint8_t, 16> b{};
  FillRandom(b);
  b[6] = static_cast<uint8_t>((b[6] & 0x0f) | 0x40);
  b[8] = static_cast<uint8_t>((b[8] & 0x3f) | 0x80);
  std::string text;
  for (size_t i = 0; i < b.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    fmt::format_to(std::back_inserter(text), "{:02x}", b[i]);
  }
  return text;
}

BackendSettings WithId(BackendSettings settings) {
  if (settings.id.empty()) settings.id = MakeUuid();
  return settings;
}

// Two workers may add at once and one sample be lost: an average of 128 does not notice.
void Smooth(std::atomic<double>& average, double sample) {
  const double old = average.load(std::memory_order_relaxed);
  average.store(old + (sample - old) / 128, std::memory_order_relaxed);
}

}  // namespace

Backend::Backend(BackendSettings settings)
    : settings_(WithId(std::move(settings))),
      name_(settings_.name),
      health_(settings_.health),
      order_(settings_.order),
      weight_(settings_.weight),
      qps_(settings_.qps_limit, settings_.qps_limit) {}

void Backend::set_name(std::string name) {
  name_.With([&](std::string& value) { value = std::move(name); });
}

std::string Backend::NameWithAddress() const {
  const std::string address = settings_.address.ToStringWithPort();
  const std::string own = name();
  return own.empty() ? address : fmt::format("{} ({})", own, address);
}

void Backend::set_qps_limit(uint32_t qps) {
  qps_.Set(qps, qps);
}

void Backend::AddUdpLatency(double us) {
  Smooth(udp_latency_us_, us);
}
void Backend::AddTcpLatency(double us) {
  Smooth(tcp_latency_us_, us);
}

void Backend::ResetLatency() {
  udp_latency_us_.store(0, std::memory_order_relaxed);
  tcp_latency_us_.store(0, std::memory_order_relaxed);
}

double Backend::PolicyLatency() const {
  return settings_.tcp_only ? tcp_latency_us() : udp_latency_us();
}

void Backend::ForceDown() {
  health_.ForceDown();
  ResetLatency();
}

}  // namespace breakwater
