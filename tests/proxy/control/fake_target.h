// A running server as the control parts see it, made of parts that a test fills in.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "proxy/control/control_target.h"
#include "proxy/control/flush_commands.h"
#include "tests/proxy/control/fake_prober.h"
#include "tests/support/manual_clock.h"

namespace breakwater::test {

class FakeTarget : public ControlTarget {
 public:
  ConfigPtr CurrentConfig() const override { return config; }
  const CounterRegistry& counters() const override { return registry; }
  const Rings& rings() const override { return rings_; }
  ZoneHealth& zone_health() const override { return zones_; }
  Drills& drills() const override { return drills_; }
  const Clock& clock() const override { return clock_; }
  TcpWorkers tcp_workers() const override { return tcp_workers_; }
  std::string Version() const override { return "9.8.7"; }

  BackendPtr AddBackend(const std::string& name, const std::string& address) {
    BackendSettings settings;
    settings.name = name;
    settings.address = *Address::Parse(address, 53);
    settings.health.mode = HealthCheckMode::kUp;
    config->backends.push_back(std::make_shared<Backend>(settings));
    return config->backends.back();
  }
  void AddPool(const std::string& name, std::shared_ptr<PacketCache> cache) {
    auto pool = std::make_shared<Pool>();
    pool->name = name;
    pool->cache = std::move(cache);
    pool->servers = config->backends;
    config->pools[name] = std::move(pool);
  }

  ListFlushTools Tools() { return {.timers = timers_, .prober = prober_}; }

  TimerQueue timers_;  // of lists of flushes
  FakeProber prober_;
  ManualClock clock_;
  mutable ZoneHealth zones_;  // safe from any thread
  mutable Drills drills_;     // so is this
  TcpWorkers tcp_workers_{.workers = 4, .queued = 3};
  std::shared_ptr<Config> config = std::make_shared<Config>();
  CounterRegistry registry{MonoTime::FromSeconds(990)};
  Rings rings_{RingSettings{.entries = 10, .shards = 1}};
};

}  // namespace breakwater::test
