// Queries of one worker to one backend over UDP (MECHANISMS.md, 7). Several connected sockets,
// opened at first use; each turn draws one at random and its queries leave in one sendmmsg at the
// turn's end. Random IDs; a reply must come over the socket it was asked on, from the backend's
// address and port, with the ID and the whole question. Owned by its worker, on whose loop it
// lives.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/backend/exchange.h"
#include "proxy/backend/reply_table.h"
#include "proxy/base/counter.h"
#include "proxy/base/random.h"
#include "proxy/net/loop.h"

namespace breakwater {

// Room in which one worker receives the datagrams of all its backends.
struct ReplySlots {
  static constexpr size_t kCount = 32;
  static constexpr size_t kSize = 4096 + 512;  // a longer reply becomes one with TC
  std::array<std::array<uint8_t, kSize>, kCount> bytes;
};

// What exchanges use of their worker; must outlive them.
struct ExchangeContext {
  Loop& loop;
  QuerySink& sink;
  Counters& counters;
  Random& random;
  ReplySlots& slots;
};

struct UdpExchangeOptions {
  size_t sockets = 8;                 // see SocketsPerBackend()
  bool allow_empty_response = false;  // setAllowEmptyResponse: replies without a question match
  uint32_t renew_ms = 60000;          // after so long one of the sockets is replaced by a fresh one
};

class UdpExchange : public Exchange {
 public:
  // The longest query that goes as a datagram.
  static constexpr size_t kMaxQuery = 4096 + 512;

  UdpExchange(ExchangeContext context, BackendPtr backend, const UdpExchangeOptions& options);
  ~UdpExchange() override;

  // kNoSpace: longer than kMaxQuery, or PROXY values too long; kIo: no socket could be opened;
  // kLimit: too much in flight, or no descriptor is left; else the message has no sound question.
  Result<void> Send(FlightId flight, uint8_t attempt, const OutgoingQuery& query) override;
  void Cancel(FlightId flight, uint8_t attempt) override;
  bool IsDatagram() const override { return true; }

  // Replaces every socket by a fresh one at its next use (reconnectOnUp). What is in flight still
  // gets its reply over the old ones.
  void RenewAll();
  size_t open_sockets() const;

 private:
  Result<void> Queue(FlightId flight, uint8_t attempt, const OutgoingQuery& query);
  void CountSendError();
  struct Socket;
  struct Message {
    uint32_t entry;  // kNone: cancelled
    size_t offset;
    size_t length;
  };
  // What one turn sends over one socket.
  struct Batch {
    uint16_t socket = 0;
    std::vector<Message> messages;
    std::vector<uint8_t> bytes;
    void Clear();
  };
  enum class Length : uint8_t { kWhole, kCut };
  struct Failure {
    FlightId flight;
    uint8_t attempt;
    FailureKind kind;
  };

  Result<uint16_t> DrawSocket();
  Result<uint16_t> OpenSocket(size_t lane);
  void OnTurnEnd();
  void SendWaiting();
  void Flush(Batch& batch);
  int SendSome(Batch& batch, size_t* sent);
  void GiveUp(Batch& batch);
  void OnReadable(uint16_t socket);
  bool ReceiveSome(uint16_t socket, bool* refused);
  void OnDatagram(uint16_t socket, std::span<uint8_t> reply, Length length);
  void FailAll(uint16_t socket, FailureKind kind);
  void FailEntry(uint32_t number, FailureKind kind);
  void TellFailures();
  void Retire(size_t lane);
  void RenewOne();
  void CloseDrained();

  ExchangeContext context_;
  BackendPtr backend_;
  UdpExchangeOptions options_;
  ReplyTable table_;
  std::vector<std::unique_ptr<Socket>> sockets_;  // null: a free number
  std::vector<uint32_t> lanes_;                   // number of each lane's socket; kNone: none yet
  size_t next_renewal_ = 0;
  size_t draining_ = 0;
  Batch pending_;
  Batch kept_;  // what the kernel did not take in the last turn
  std::vector<Failure> failures_;
  std::vector<uint32_t> scratch_;
  TimerId failure_timer_ = 0;
  TimerId renew_timer_ = 0;
  uint64_t hook_ = 0;
};

}  // namespace breakwater
