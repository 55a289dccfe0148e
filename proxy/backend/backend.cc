#include "proxy/backend/backend.h"

#include <fmt/format.h>

#include <utility>

#include "proxy/base/uuid.h"
#include "proxy/zone/zone_store.h"

namespace breakwater {
namespace {

BackendSettings WithId(BackendSettings settings) {
  if (settings.id.empty()) settings.id = Uuid::Random().ToString();
  return settings;
}

// Two workers may add at once and one sample be lost: an average of 128 does not notice.
void Smooth(std::atomic<double>& average, double sample) {
  const double old = average.load(std::memory_order_relaxed);
  average.store(old + (sample - old) / 128, std::memory_order_relaxed);
}

}  // namespace

void HealthLatencies::Add(uint64_t us) {
  size_t i = 0;
  while (i < kBounds_ms.size() && us > uint64_t{kBounds_ms[i]} * 1000) ++i;
  counts[i].Add();
  sum_ms.Add(us / 1000);
}

BackendNumber Backend::NextNumber() {
  static std::atomic<BackendNumber> last{0};
  return ++last;
}

Backend::Backend(BackendSettings settings, TlsClientPtr tls, ZoneStorePtr zones)
    : settings_(WithId(std::move(settings))),
      tls_(std::move(tls)),
      zones_(std::move(zones)),
      name_(settings_.name),
      health_(settings_.health),
      order_(settings_.order),
      weight_(settings_.weight),
      qps_limit_(settings_.qps_limit),
      qps_(settings_.qps_limit, settings_.qps_limit) {}

void Backend::set_name(std::string name) {
  name_.With([&](std::string& value) { value = std::move(name); });
}

std::string Backend::AddressText() const {
  return zones_ != nullptr ? "zones:" + zones_->settings().path
                           : settings_.address.ToStringWithPort();
}

std::string Backend::NameWithAddress() const {
  const std::string address = AddressText();
  const std::string own = name();
  return own.empty() ? address : fmt::format("{} ({})", own, address);
}

bool Backend::SetTlsFailure(std::string reason) {
  return tls_failure_.With([&](std::string& last) {
    const bool news = last != reason;
    if (news) last = std::move(reason);
    return news;
  });
}

void Backend::set_health_validator(HealthValidator validator) {
  health_validator_.With([&](HealthValidator& mine) { mine = std::move(validator); });
}

void Backend::set_qps_limit(uint32_t qps) {
  qps_limit_.store(qps, std::memory_order_relaxed);
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
