// Queries of one worker to a server of zone files: answered in the proxy itself, from the zones of
// the moment. No socket, and no answer before Send() has returned: all of a turn are given to the
// sink at the beginning of the next one. Owned by its worker, on whose loop it lives.
#pragma once

#include <cstdint>
#include <vector>

#include "proxy/backend/udp_exchange.h"
#include "proxy/zone/zone_store.h"

namespace breakwater {

class ZoneExchange : public Exchange {
 public:
  // `backend` has zones.
  ZoneExchange(ExchangeContext context, BackendPtr backend);
  ~ZoneExchange() override;

  // kTruncated: no header; kUnsupported: an answer. Where no zone is held when the time comes, the
  // attempt fails with kBackendDown.
  Result<void> Send(FlightId flight, uint8_t attempt, const OutgoingQuery& query) override;
  void Cancel(FlightId flight, uint8_t attempt) override;
  // Answers are whole; the client's transport decides what is cut.
  bool IsDatagram() const override { return false; }

 private:
  struct Waiting {
    FlightId flight;
    uint8_t attempt;
    bool cancelled;
    uint32_t offset;  // of the query in Batch::bytes
    uint32_t length;
    uint32_t comfortable;
  };
  struct Batch {
    std::vector<Waiting> queries;
    std::vector<uint8_t> bytes;
  };

  void AnswerAll();
  void Answer(const ZoneSet& zones, const Waiting& waiting);

  ExchangeContext context_;
  BackendPtr backend_;
  Batch next_;
  Batch running_;  // empty but in AnswerAll()
  std::vector<uint8_t> room_;
  TimerId timer_ = 0;
};

}  // namespace breakwater
