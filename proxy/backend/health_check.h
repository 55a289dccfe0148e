// One health check under way: a question to one backend, over a socket of its own, UDP or TCP, and
// its time-out. Owned by the HealthProbe, on the control thread's loop.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "proxy/backend/backend.h"
#include "proxy/backend/health_message.h"
#include "proxy/net/loop.h"

namespace breakwater {

class HealthCheck {
 public:
  // Called once, from the loop; may destroy the check.
  using Done = std::function<void(HealthVerdict verdict, MonoTime took)>;

  HealthCheck(Loop& loop, BackendPtr backend, Done done);
  ~HealthCheck();
  // At most once. The time-out runs from here on. A socket error is told from the loop, like all
  // else.
  void Send(std::vector<uint8_t> query);

  const BackendPtr& backend() const { return backend_; }
  // What the verdict kGood is about.
  const std::vector<uint8_t>& reply() const { return reply_; }

 private:
  bool Tcp() const { return backend_->settings().tcp_only || backend_->settings().health.over_tcp; }
  // kGood: it is on its way.
  HealthVerdict Begin();
  void OnUdpReadable();
  void OnTcp(bool readable, bool writable);
  bool WriteTcp();
  void ReadTcp();
  void Judge(std::span<const uint8_t> reply);
  void Finish(HealthVerdict verdict);

  Loop& loop_;
  BackendPtr backend_;
  Done done_;
  MonoTime sent_;
  TimerId timer_ = 0;
  std::vector<uint8_t> query_;
  std::vector<uint8_t> outgoing_;  // PROXY header, over TCP length, query; less what has left
  std::vector<uint8_t> incoming_;  // TCP: length and reply so far
  std::vector<uint8_t> reply_;
  std::unique_ptr<Poller> poller_;
};

}  // namespace breakwater
