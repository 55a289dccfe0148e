// One client connection: takes messages off its stream, hands them on as queries, queues the
// answers in whatever order they come. Holds memory only for what is half done: an idle
// connection has no buffer. Owned by the StreamListener, which destroys it at a turn's end.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "proxy/listen/listen_context.h"
#include "proxy/net/dns_framing.h"
#include "proxy/net/stream.h"
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

class ClientStream;

// What a connection needs of its listener.
class ClientStreamHost {
 public:
  virtual ~ClientStreamHost() = default;
  virtual ListenContext& context() = 0;
  virtual Frontend& frontend() = 0;
  virtual ReplyTarget& target() = 0;
  // Rooms shared by all connections: what read() fills, and where the message under decision lies.
  virtual std::span<uint8_t> read_room() = 0;
  virtual std::span<uint8_t> message_room() = 0;
  // `stream`'s OnTurnEnd() is called when this turn ends.
  virtual void MarkDirty(ClientStream& stream) = 0;
  // `stream`'s OnSchedule() is called soon, from the loop itself and not from within an answer.
  virtual void Schedule(ClientStream& stream) = 0;
  // `stream` has ended; it stays in memory until the end of the turn.
  virtual void Ended(ClientStream& stream) = 0;
};

class ClientStream : public StreamHandler {
 public:
  ClientStream(ClientStreamHost& host, AcceptedConnection connection, const ReturnPath& path);
  ~ClientStream() override;

  // Starts reading.
  void Start();
  // No further queries; ends when those in flight are answered.
  void StopReading();
  // Ends now. Answers still to come find no connection.
  void End(StreamEnd end);

  void OnAnswer(QueryPtr query);
  ReplyTarget::Room OnPart(const Query& query, FlightId flight);
  // False where the client does not keep up: the flight is told when it does.
  bool HasRoomFor(FlightId flight);
  void OnDrop(DropReason reason);
  void OnTurnEnd();
  void OnSchedule();

  const ReturnPath& path() const { return path_; }
  bool ended() const { return ended_; }
  bool dirty = false;  // in the host's list of this turn
  bool scheduled = false;

 private:
  void OnConnected() override;
  void OnReadable() override;
  void OnWriteProgress() override;
  void OnBroken(int error) override;

  bool Queue(PacketBuffer bytes, size_t size);
  bool HasRoom() const;
  // False where the connection broke, and has ended with it.
  bool Flush();
  void TellRoom();
  void TakeUnread();
  size_t MaxInFlight() const;
  bool CanTake() const;
  size_t ReadSize() const;
  void Consume(std::span<const uint8_t> input);
  void TakeMessage(std::span<const uint8_t> message);
  void OnPeerEnd();
  bool OverReadLimit();
  void CountNoncompliant();
  // Brings reading, the deadline and the end in line with the state; every event ends with it.
  void Settle();
  MonoTime Deadline() const;
  MonoTime ReadTimeout() const;
  MonoTime Lifetime() const;
  void ArmTimer();
  void OnTimer();
  void CountEnd();

  ClientStreamHost& host_;
  const ReturnPath path_;
  const Address client_;
  const Address local_;
  const ClientLimits::Key key_;
  const MonoTime accepted_;
  const bool restricted_;
  FrameDecoder decoder_;
  std::shared_ptr<const ConnectionInfo> info_;
  PacketBuffer unread_;  // read, not taken: over the in-flight limit
  size_t unread_size_ = 0;
  uint32_t in_flight_ = 0;
  uint32_t queries_ = 0;
  uint32_t read_ios_ = 0;
  uint32_t message_ios_ = 0;  // reads for the message under way
  bool stopping_ = false;     // no further queries
  bool taking_ = false;       // within Consume(): answers come from within
  bool write_blocked_ = false;
  bool ended_ = false;
  std::vector<FlightId> full_for_;  // transfers that wait until the client has read, oldest first
  MonoTime last_read_;
  MonoTime last_write_;  // when the kernel last took something, or was first asked to
  TimerId timer_ = 0;
  MonoTime timer_at_;
  std::unique_ptr<Stream> stream_;  // last: its handler is this object
};

}  // namespace breakwater
