// One health check under way: a question to one backend, over a socket of its own, UDP,
// TCP or TLS, and its time-out. Owned by the HealthProbe, on the control thread's loop.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "proxy/backend/backend.h"
#include "proxy/backend/health_message.h"
#include "proxy/net/dns_framing.h"
#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

namespace breakwater {

class HealthCheck : private StreamHandler {
 public:
  // Called once, from the loop; may destroy the check.
  using Done = std::function<void(HealthVerdict verdict, MonoTime took)>;

  HealthCheck(Loop& loop, BackendPtr backend, Done done);
  ~HealthCheck() override;
  // At most once. The time-out runs from here on. A socket error is told from the loop, like all
  // else.
  void Send(std::vector<uint8_t> query);

  const BackendPtr& backend() const { return backend_; }
  // What the verdict is about; empty where no answer came.
  const std::vector<uint8_t>& reply() const { return reply_; }

 private:
  bool Tcp() const { return backend_->settings().tcp_only || backend_->settings().health.over_tcp; }
  // kGood: it is on its way.
  HealthVerdict Begin();
  void OnUdpReadable();
  std::string Header() const;
  void OnConnected() override;
  void OnReadable() override;
  void OnWriteProgress() override {}
  void OnBroken(int error) override;
  void Judge(std::span<const uint8_t> reply);
  void Finish(HealthVerdict verdict);

  Loop& loop_;
  BackendPtr backend_;
  Done done_;
  MonoTime sent_;
  TimerId timer_ = 0;
  std::vector<uint8_t> query_;
  PacketPool packets_;
  FrameDecoder decoder_{packets_};
  std::vector<uint8_t> reply_;
  std::unique_ptr<Poller> poller_;  // UDP
  std::unique_ptr<Stream> stream_;
};

}  // namespace breakwater
