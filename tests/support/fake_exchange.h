// A backend that answers when a test says so.
#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "proxy/backend/exchange.h"

namespace breakwater::test {

class FakeExchange : public Exchange {
 public:
  struct Sent {
    FlightId flight;
    uint8_t attempt = 0;
    bool cancelled = false;
    bool paused = false;
    bool for_nobody = false;  // a question of the proxy's own
    std::vector<uint8_t> message;
  };

  FakeExchange(BackendPtr to, bool datagram) : backend(std::move(to)), datagram_(datagram) {}

  Result<void> Send(FlightId flight, uint8_t attempt, const OutgoingQuery& query) override {
    if (refuse) return Fail(Error::kIo);
    sent.push_back({.flight = flight,
                    .attempt = attempt,
                    .for_nobody = query.query == nullptr,
                    .message = {query.message.begin(), query.message.end()}});
    return Ok();
  }
  void Cancel(FlightId flight, uint8_t attempt) override {
    for (Sent& one : sent) {
      if (one.flight == flight && one.attempt == attempt) one.cancelled = true;
    }
  }
  void Pause(FlightId flight, uint8_t attempt) override { SetPaused(flight, attempt, true); }
  void Resume(FlightId flight, uint8_t attempt) override { SetPaused(flight, attempt, false); }
  bool IsDatagram() const override { return datagram_; }

  BackendPtr backend;
  std::deque<Sent> sent;
  bool refuse = false;

 private:
  void SetPaused(FlightId flight, uint8_t attempt, bool paused) {
    for (Sent& one : sent) {
      if (one.flight == flight && one.attempt == attempt) one.paused = paused;
    }
  }

  bool datagram_;
};

}  // namespace breakwater::test
