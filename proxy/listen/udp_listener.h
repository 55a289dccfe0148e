// Receives the queries of one UDP bind on one worker, and sends their answers. A query is decided
// in place, in the receive slot it came in; answers of a turn leave in one sendmmsg at its end,
// and only then are slots used again. Nothing is allocated for a query.
//
// Owned by its worker, on whose thread everything happens. Must outlive the queries it made, so a
// worker keeps a closed listener until they have ended.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "proxy/listen/listen_context.h"
#include "proxy/listen/sealed_queries.h"
#include "proxy/net/socket_options.h"
#include "proxy/net/udp_batch.h"
#include "proxy/query/client_reply.h"

namespace breakwater {

class UdpListener : public ReplyTarget {
 public:
  // Where datagrams come from and go to; the kernel's batches over `fd` where none are given.
  struct Source {
    UniqueFd fd;
    std::unique_ptr<ReceiveBatch> in{};
    std::unique_ptr<SendBatch> out{};
  };

  // Opens a socket of its own for the bind, a group of one.
  static TextResult<std::unique_ptr<UdpListener>> Open(ListenContext& context,
                                                       std::shared_ptr<Frontend> frontend,
                                                       const SocketOptions& options);
  // Serves a socket opened before (OpenFrontendSockets).
  UdpListener(ListenContext& context, std::shared_ptr<Frontend> frontend, Source source);
  ~UdpListener() override;

  const Address& address() const { return address_; }  // as bound, with the real port
  // No further queries; answers still leave.
  void StopAccepting();
  // Nothing more leaves either. The socket is closed.
  void Close();
  // For a bind that nobody asks to be rid of them in time.
  void DropRemovedKeys() {
    if (sealed_ != nullptr) sealed_->DropRemovedKeys();
  }

  void Send(QueryPtr query) override;
  void Drop(QueryPtr query, DropReason reason) override;
  bool Alive(const Query& query) const override;

 private:
  void OnReadable();
  size_t TakeBatch();  // how many datagrams came
  bool MayAsk(const Address& peer);
  bool IsCompliant(const Datagram& datagram);
  bool IsUnlistedHeader(const Datagram& datagram);
  QueryPtr MakeQuery(const Datagram& datagram, MonoTime now);
  // Null where it is not to be asked.
  QueryPtr MakeProxied(Datagram datagram, MonoTime now);
  // Over DNSCrypt: null where it was answered, or is none.
  QueryPtr Unseal(QueryPtr query);
  void SendQueued();
  void Release();

  ListenContext& context_;
  const std::shared_ptr<Frontend> frontend_;
  Address address_;
  bool wildcard_ = false;
  std::unique_ptr<SealedQueries> sealed_;  // over DNSCrypt alone
  std::unique_ptr<Poller> poller_;
  std::unique_ptr<ReceiveBatch> in_;
  std::unique_ptr<SendBatch> out_;
  std::array<QueryPtr, ReceiveBatch::kMost> taken_;  // of the batch under way, for the sink
  std::vector<QueryPtr> queued_;                     // own the memory of the messages in out_
  bool kept_ = false;      // what is queued was kept when the socket was full
  bool kept_now_ = false;  // in this turn
  bool accepting_ = true;
  uint64_t asked_ = 0;  // queries of the batch under way
  uint64_t hook_ = 0;
};

}  // namespace breakwater
