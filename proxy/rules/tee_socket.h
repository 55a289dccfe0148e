// The socket over which a TeeAction sends copies of queries, and the thread that counts what
// comes back. Shared by the action and by SideTaskKeeper, the last to let go.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <string_view>
#include <thread>

#include "proxy/base/address.h"
#include "proxy/base/counter.h"
#include "proxy/base/result.h"
#include "proxy/base/side_task.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {

class TeeSocket final : public SideTask {
 public:
  // Binds to `source`, of the same family unless it is unset, with a port of the kernel's choice,
  // and connects: only answers of `server` are read.
  static TextResult<std::shared_ptr<TeeSocket>> Open(const Address& server, const Address& source);
  TeeSocket(const Address& server, UniqueFd socket, UniqueFd stop);
  ~TeeSocket() override;  // waits for the thread

  // --- the action's; any thread
  // One datagram: `header` and `message`. Never waits: what the socket does not take is dropped.
  void Send(std::string_view header, std::span<const uint8_t> message);
  void CountQuery() { queries_.Add(); }
  void CountStream() { stream_drops_.Add(); }  // a query that did not come as a datagram
  void CountUnfit() { send_errors_.Add(); }    // what had to be added does not fit

  void Start() override;
  void AskToStop() override;
  bool Ended() const override { return ended_; }
  void Count(Counters& counters) override;

  struct Counts {
    uint64_t queries, responses, receive_errors, send_errors, stream_drops;
    std::array<uint64_t, 16> by_rcode;
  };
  Counts counts() const;
  const Address& server() const { return server_; }

 private:
  void Run();
  void ReadAnswers();

  const Address server_;
  UniqueFd socket_, stop_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ended_{true};
  SharedCounter queries_, sent_, send_errors_, stream_drops_, receive_errors_;
  std::array<SharedCounter, 16> by_rcode_;
  struct {
    uint64_t sent = 0, dropped = 0, responses = 0;
  } told_;
  std::thread thread_;
};

}  // namespace breakwater
