// One server asked for its encrypted transports, and those tried one after another until a TLS
// connection is made. Owned by Discovery, on the control thread's loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/backend/backend.h"
#include "proxy/backend/discovery_message.h"
#include "proxy/base/random.h"
#include "proxy/net/dns_framing.h"
#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

namespace breakwater {

class DiscoveryAttempt : private StreamHandler {
 public:
  // The upgraded server, or why there is none. Called once, from the loop; may destroy the attempt.
  using Done = std::function<void(TextResult<BackendPtr> result)>;

  // The settings of `backend` say `discovery`.
  DiscoveryAttempt(Loop& loop, BackendPtr backend, Done done);
  ~DiscoveryAttempt() override;
  // Once. The server's own time-outs bound the question, and each transport that is tried.
  void Start(uint16_t id);

  const BackendPtr& backend() const { return backend_; }

 private:
  enum class Phase : uint8_t { kAsking, kTrying, kOver };
  void OnConnected() override;
  void OnReadable() override;
  void OnWriteProgress() override {}
  void OnBroken(int error) override;

  void SendQuery();
  void OnReply(std::span<const uint8_t> reply);
  void TryNext();
  // What is under way did not work: the next transport's turn, or the end.
  void Failed(const std::string& why);
  void End(TextResult<BackendPtr> result);
  void Arm(uint32_t ms);

  Loop& loop_;
  const BackendPtr backend_;
  Done done_;
  Phase phase_ = Phase::kAsking;
  std::vector<uint8_t> query_;
  std::vector<DiscoveredTransport> transports_;
  size_t next_ = 0;       // of those
  BackendPtr candidate_;  // being tried
  std::string failures_;  // of those tried before
  PacketPool packets_;
  FrameDecoder decoder_{packets_};
  TimerId timer_ = 0;
  std::unique_ptr<Stream> stream_;  // last: its handler is this object
};

// A copy of the server as it would be over `transport`: same id, options, name, order and weight.
TextResult<BackendPtr> MakeUpgraded(const Backend& server, const DiscoveredTransport& transport);

}  // namespace breakwater
