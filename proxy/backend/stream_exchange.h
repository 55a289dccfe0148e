// Queries of one worker to one backend over TCP: connections are kept and used again, each carries
// one query at a time, or up to maxInFlight; a zone transfer has one to itself. Where the backend
// takes PROXY headers, a connection serves one client, whom its header names. A query whose kept
// connection was closed before the answer came is sent again over a fresh one. Owned by its worker,
// on whose loop it lives.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <memory>
#include <vector>

#include "proxy/backend/backend_connection.h"
#include "proxy/backend/udp_exchange.h"

namespace breakwater {

struct StreamExchangeOptions {
  size_t max_idle_connections = 10;  // setMaxCachedTCPConnectionsPerDownstream
  uint32_t max_idle_ms = 300000;
  bool allow_empty_response = false;  // setAllowEmptyResponse
};

class StreamExchange : public Exchange, private BackendConnection::Host {
 public:
  StreamExchange(ExchangeContext context, BackendPtr backend, const StreamExchangeOptions& options);
  ~StreamExchange() override;

  // kLimit: maxConcurrentTCPConnections is reached and no connection has room, or no descriptor is
  // left; kIo: none could be opened; kNoSpace: over 65,535 bytes, or PROXY values too long; else
  // the message has no sound question.
  Result<void> Send(FlightId flight, uint8_t attempt, const OutgoingQuery& query) override;
  void Cancel(FlightId flight, uint8_t attempt) override;
  void Pause(FlightId flight, uint8_t attempt) override;
  void Resume(FlightId flight, uint8_t attempt) override;
  bool IsDatagram() const override { return false; }

  size_t open_connections() const { return connections_.size(); }

 private:
  struct Failure {
    FlightId flight;
    uint8_t attempt;
    FailureKind kind;
  };
  enum class Use : uint8_t { kAny, kFresh };

  void OnAnswer(BackendConnection& from, StreamRequestPtr request,
                std::span<uint8_t> reply) override;
  void OnPart(const StreamRequest& request, std::span<uint8_t> part) override;
  bool MayRead(const StreamRequest& request) override;
  void OnStray(BackendConnection::Stray stray) override;
  void OnEnd(BackendConnection& connection, BackendConnection::End end) override;

  bool AskAgain(StreamRequestPtr& request);
  void CountSendError();
  Result<void> TryDispatch(StreamRequestPtr& request, Use use);
  Result<void> Dispatch(StreamRequestPtr& request, Use use);
  BackendConnection* FindRoom(const StreamRequest& request);
  BackendConnection* CarrierOf(FlightId flight, uint8_t attempt) const;
  Result<BackendConnection*> OpenConnection(const std::string& header);
  void MakeRoomForClient();
  void CountEnd(const BackendConnection& connection, BackendConnection::End end, bool had_queries);
  void TrimIdle();
  void FailLater(const StreamRequest& request, FailureKind kind);
  void TellFailures();
  void OnTurnEnd();
  static uint64_t KeyOf(FlightId flight, uint8_t attempt) {
    return static_cast<uint64_t>(flight.slot) << 8 | attempt;
  }

  ExchangeContext context_;
  BackendPtr backend_;
  StreamExchangeOptions options_;
  PacketPool packets_;
  std::vector<std::unique_ptr<BackendConnection>> connections_;  // last used last
  std::vector<std::unique_ptr<BackendConnection>> over_;         // destroyed at the end of the turn
  std::vector<BackendConnection*> dirty_;                        // have something to flush
  absl::flat_hash_map<uint64_t, BackendConnection*> carriers_;
  std::vector<Failure> failures_;
  TimerId failure_timer_ = 0;
  uint64_t hook_ = 0;
};

}  // namespace breakwater
