// A HealthProbe, the nameserver it asks, and Lua that runs when the test says so.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/backend/health_probe.h"
#include "tests/proxy/backend/exchange_fixture.h"

namespace breakwater::test {

class HealthProbeTest : public ExchangeFixture {
 protected:
  HealthProbeTest() {
    MakeProbe(MonoTime::FromSeconds(10));
    settings_.address = server_.address();
    settings_.name = "one";
  }
  void MakeProbe(MonoTime patience) {
    HealthProbeOptions options;
    options.script_patience = patience;
    options.counters = &counters_;
    options.backends = [this] { return backends_; };
    options.on_change = [this](const BackendPtr& backend, bool up) {
      changes_.push_back(backend->name() + (up ? " up" : " down"));
    };
    options.run_script = [this](std::function<void()> work) { script_.push_back(std::move(work)); };
    probe_ = std::make_unique<HealthProbe>(loop_, std::move(options));
  }
  Backend& Add() {
    backends_.push_back(std::make_shared<Backend>(settings_));
    return *backends_.back();
  }
  void CheckAtStart() {
    probe_->CheckAllAtStart(backends_, [this] { started_ = true; });
  }
  // A start-up check answered with `reply` made of the query.
  template <typename MakeReply>
  HealthCheckCounters& CheckOnce(MakeReply make_reply) {
    Backend& backend = Add();
    CheckAtStart();
    const auto query = server_.Receive();
    server_.Send(query.from, make_reply(query.message));
    RunUntil([&] { return started_; });
    return backend.health_counters();
  }
  static Bytes WithRcode(Bytes reply, uint8_t rcode) {
    reply[3] = static_cast<uint8_t>((reply[3] & 0xf0) | rcode);
    return reply;
  }

  FakeUdpServer server_;
  BackendSettings settings_;
  std::vector<BackendPtr> backends_;
  std::vector<std::string> changes_;
  std::vector<std::function<void()>> script_;
  bool started_ = false;
  std::unique_ptr<HealthProbe> probe_;
};

}  // namespace breakwater::test
