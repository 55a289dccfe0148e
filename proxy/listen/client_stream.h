// One client connection: takes messages off its stream, hands them on as queries, queues the
// answers in whatever order they come. Holds memory only for what is half done: an idle
// connection has no buffer.
#pragma once

#include <span>
#include <vector>

#include "proxy/listen/client_connection.h"
#include "proxy/net/dns_framing.h"

namespace breakwater {

class ClientStream : public ClientConnection {
 public:
  ClientStream(ClientHost& host, AcceptedConnection connection, const ReturnPath& path);

  void Start() override;
  void StopReading() override;
  void OnAnswer(QueryPtr query) override;
  void OnDrop(const Query& query, DropReason reason) override;
  ReplyTarget::Room OnPart(const Query& query, FlightId flight) override;
  bool HasRoomFor(FlightId flight) override;
  void OnTurnEnd() override;
  void OnSchedule() override;

 private:
  void OnReadable() override;
  void OnWritten() override;
  void OnEnding() override;
  MonoTime Deadline() const override;

  bool Queue(PacketBuffer bytes, size_t size);
  void TellRoom();
  void TakeUnread();
  size_t MaxInFlight() const;
  bool CanTake() const;
  size_t ReadSize();
  void Consume(std::span<const uint8_t> input);
  void TakeMessage(std::span<const uint8_t> message);
  // Over DNSCrypt: null where it was answered, or is none.
  QueryPtr Unseal(QueryPtr query);
  void OnPeerEnd() override;
  bool OverReadLimit();
  // Brings reading, the deadline and the end in line with the state; every event ends with it.
  void Settle();

  FrameDecoder decoder_;
  PacketBuffer unread_;  // read, not taken: over the in-flight limit
  size_t unread_size_ = 0;
  uint32_t in_flight_ = 0;
  uint32_t message_ios_ = 0;        // reads for the message under way
  bool stopping_ = false;           // no further queries
  bool taking_ = false;             // within Consume(): answers come from within
  std::vector<FlightId> full_for_;  // transfers that wait until the client has read, oldest first
};

}  // namespace breakwater
