// One client connection, whatever is spoken on it: its stream, its times, its place in the limits
// and counters. What is spoken is in ClientStream (two bytes of length, RFC 7766) and DohConnection
// (RFC 8484). Owned by the StreamListener, which destroys it at a turn's end.
#pragma once

#include <limits>
#include <memory>
#include <span>

#include "proxy/listen/listen_context.h"
#include "proxy/listen/proxied_client.h"
#include "proxy/listen/sealed_queries.h"
#include "proxy/net/stream.h"
#include "proxy/net/tls_stream.h"
#include "proxy/query/client_reply.h"

namespace breakwater {

// A connection past accept and its limits; counted in its frontend and by client.
struct AcceptedConnection {
  UniqueFd fd;
  Address client;
  Address local;
  ClientLimits::Key key;
  MonoTime accepted;
  bool restricted = false;  // one query, short time-outs
};

// How a connection ends.
enum class StreamEnd : uint8_t {
  kFinished,  // all that was asked is answered: what was sent must arrive
  kCut,       // broken, timed out, or over a limit
};

class ClientConnection;

// What a connection needs of its listener.
class ClientHost {
 public:
  virtual ~ClientHost() = default;
  virtual ListenContext& context() = 0;
  virtual Frontend& frontend() = 0;
  virtual ReplyTarget& target() = 0;
  virtual SealedQueries* sealed() = 0;  // null but over DNSCrypt
  // Rooms shared by all connections: what read() fills, and where the message under decision lies.
  virtual std::span<uint8_t> read_room() = 0;
  virtual std::span<uint8_t> message_room() = 0;
  // `connection`'s OnTurnEnd() is called when this turn ends.
  virtual void MarkDirty(ClientConnection& connection) = 0;
  // `connection`'s OnSchedule() is called soon, from the loop itself and not from within an answer.
  virtual void Schedule(ClientConnection& connection) = 0;
  // `connection` has ended; it stays in memory until the end of the turn.
  virtual void Ended(ClientConnection& connection) = 0;
};

class ClientConnection : public StreamHandler {
 public:
  ClientConnection(ClientHost& host, AcceptedConnection connection, const ReturnPath& path);
  ~ClientConnection() override;

  // Starts reading.
  virtual void Start() = 0;
  // No further queries; ends when those in flight are answered.
  virtual void StopReading() = 0;
  // Ends now. Answers still to come find no connection.
  void End(StreamEnd end);

  // `path` is the query's: its `a` may carry more than the connection's slot.
  virtual void OnAnswer(QueryPtr query) = 0;
  virtual void OnDrop(const Query& query, DropReason reason) = 0;
  // Zone transfers; where they cannot be had, there is no room for them.
  virtual ReplyTarget::Room OnPart(const Query& query, FlightId flight);
  // False where the client does not keep up: the flight is told when it does.
  virtual bool HasRoomFor(FlightId flight);
  virtual bool Awaits(const ReturnPath& path) const;
  virtual void OnTurnEnd() = 0;
  virtual void OnSchedule() = 0;

  const ReturnPath& path() const { return path_; }
  bool ended() const { return ended_; }
  bool dirty = false;  // in the host's list of this turn
  bool scheduled = false;

 protected:
  // Memory of answers the client does not take: above this it is given up.
  static constexpr size_t kMostHeld = size_t{1} << 20;
  static constexpr MonoTime kNever{std::numeric_limits<int64_t>::max()};
  // 0 is no limit.
  static MonoTime After(MonoTime from, uint32_t seconds);

  ClientHost& host() { return host_; }
  ListenContext& context() { return host_.context(); }
  const ListenContext& context() const { return host_.context(); }
  Frontend& frontend() { return host_.frontend(); }
  const Frontend& frontend() const { return host_.frontend(); }
  Stream& stream() { return *stream_; }
  const Stream& stream() const { return *stream_; }
  // What the client says, at most so many bytes, without the PROXY header in front; it lies in the
  // host's read room. Empty where there is nothing, or the connection ended, or the client did.
  std::span<const uint8_t> ReadInput(size_t most);
  MonoTime now() const { return context().loop.now(); }
  MonoTime accepted() const { return accepted_; }
  const Address& client() const { return client_; }
  bool restricted() const { return restricted_; }

  // A query of this connection, without a message.
  QueryPtr NewQuery();
  bool muted() const { return frontend().muted.load(std::memory_order_relaxed); }
  // Memory of answers that the kernel has not taken: above this no further query is read.
  bool HasRoom() const;
  // False where the connection broke, and has ended with it.
  bool Flush();
  void BanForReadIos();
  // The client asks and does not read; it has had its bound.
  void EndUnread();
  void CountNoncompliant();
  void CountTlsQuery();

  // When the connection ends unless something happens.
  virtual MonoTime Deadline() const = 0;
  // When the client's silence ends it, or its not reading.
  MonoTime ReadDeadline() const;
  MonoTime WriteDeadline() const;
  MonoTime EndOfLife() const;
  void ArmTimer();

  virtual void OnOpen() {}       // a TLS handshake is over
  virtual void OnPeerEnd() = 0;  // the client will send no more; it may still read
  // The connection is over, its stream not yet closed.
  virtual void OnEnding() {}
  virtual void OnWritten() = 0;

  uint32_t queries_ = 0;  // asked so far
  MonoTime last_read_;
  MonoTime last_write_;  // when the kernel last took something, or was first asked to
  bool write_blocked_ = false;

 private:
  // While the PROXY header is not complete there is kNothing; a bad one ends the connection.
  Stream::ReadResult Read(std::span<uint8_t> room);
  void CountReadIo();
  void OnConnected() final;
  void OnWriteProgress() final;
  void OnBroken(int error) final;
  void OnTimer();
  void CountEnd();
  bool TakeProxyHeader(std::span<const uint8_t>* input);
  void TakeProxied(ProxyHeader header);
  TlsPreface ReadClearProxyHeader(int fd);
  // Of one from whom none is expected: it ends the connection at once.
  Stream::ReadResult ReadUnlisted(std::span<uint8_t> room);
  TlsPreface LookForClearProxyHeader(int fd);
  void EndUnlisted();

  ClientHost& host_;
  const ReturnPath path_;
  Address client_;  // whom a PROXY header names, once it is there
  Address local_;
  const ClientLimits::Key key_;
  const MonoTime accepted_;
  const bool restricted_;
  std::shared_ptr<const ConnectionInfo> info_;
  std::unique_ptr<ProxyHeaderReader> proxy_header_;  // until it is there; null: none is expected
  uint32_t read_ios_ = 0;
  // So many bytes came that are the first of a PROXY header's signature and were not handed on.
  uint8_t held_back_ = 0;
  bool start_known_ = false;  // a header was there, or what came first is none
  bool ended_ = false;
  bool named_by_proxy_ = false;
  TimerId timer_ = 0;
  MonoTime timer_at_;
  std::unique_ptr<Stream> stream_;  // last: its handler is this object
};

}  // namespace breakwater
