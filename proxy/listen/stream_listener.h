// Accepts the connections of one stream bind (TCP, TLS, HTTPS) on one worker and owns them. Owned
// by its worker, on whose thread everything happens; must outlive the queries it made, so a worker
// keeps a closed listener until they have ended.
#pragma once

#include <memory>
#include <vector>

#include "proxy/base/log.h"
#include "proxy/listen/client_connection.h"
#include "proxy/net/acceptor.h"
#include "proxy/net/dns_framing.h"
#include "proxy/net/socket_options.h"

namespace breakwater {

class StreamListener : public ReplyTarget, private ClientHost {
 public:
  // Opens a socket of its own for the bind, a group of one.
  static TextResult<std::unique_ptr<StreamListener>> Open(ListenContext& context,
                                                          std::shared_ptr<Frontend> frontend,
                                                          const SocketOptions& options);
  // Serves a socket opened before (OpenFrontendSockets).
  StreamListener(ListenContext& context, std::shared_ptr<Frontend> frontend, UniqueFd fd);
  ~StreamListener() override;

  const Address& address() const { return address_; }  // as bound, with the real port
  Frontend& frontend() override { return *frontend_; }
  const Frontend& frontend() const { return *frontend_; }
  size_t connections() const { return open_; }

  // Takes a connection that another worker's listener of the same bind accepted and handed over.
  void Adopt(AcceptedConnection connection);
  // No further connections or queries. Connections end when what they asked is answered.
  void StopAccepting();
  // Ends every connection.
  void Close();
  // For a bind that nobody asks to be rid of them in time.
  void DropRemovedKeys() {
    if (sealed_ != nullptr) sealed_->DropRemovedKeys();
  }

  void Send(QueryPtr query) override;
  Room SendPart(const Query& query, FlightId flight) override;
  bool HasRoom(const Query& query, FlightId flight) override;
  void Drop(QueryPtr query, DropReason reason) override;
  bool Alive(const Query& query) const override;

 private:
  // A connection's place; ReturnPath is {slot, generation}, so that an answer to a connection that
  // is gone does not reach the one that has its place now. Above the slot's 32 bits the connection
  // may keep what it likes.
  struct Slot {
    std::unique_ptr<ClientConnection> stream;
    uint64_t generation = 1;
  };

  void Admit(UniqueFd fd, const Address& client);
  bool CountConnection(AcceptedConnection& connection);
  void Refuse(const Address& client, std::string_view reason);
  void RefuseForDescriptors(const Address& client);
  void TellFamine(int error);
  void Serve(AcceptedConnection connection);
  ClientConnection* Find(const ReturnPath& path) const;
  void OnTurnEnd();
  void RunScheduled();

  ListenContext& context() override { return context_; }
  ReplyTarget& target() override { return *this; }
  SealedQueries* sealed() override { return sealed_.get(); }
  std::span<uint8_t> read_room() override { return {rooms_.get(), kReadRoom}; }
  std::span<uint8_t> message_room() override { return {rooms_.get() + kReadRoom, kMessageRoom}; }
  void MarkDirty(ClientConnection& stream) override;
  void Schedule(ClientConnection& stream) override;
  void Ended(ClientConnection& stream) override;

  static constexpr size_t kReadRoom = kMaxFrame;
  static constexpr size_t kMessageRoom = kMaxFrame + 512;

  ListenContext& context_;
  const std::shared_ptr<Frontend> frontend_;
  Address address_;
  std::unique_ptr<SealedQueries> sealed_;  // over DNSCrypt alone
  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<uint8_t[]> rooms_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  size_t open_ = 0;
  bool accepting_ = true;
  std::vector<ClientConnection*> dirty_;
  std::vector<ClientConnection*> scheduled_;
  std::vector<std::unique_ptr<ClientConnection>> ended_;  // destroyed when the turn ends
  TimerId schedule_timer_ = 0;
  uint64_t hook_ = 0;
  LogLimiter log_limiter_;
};

}  // namespace breakwater
