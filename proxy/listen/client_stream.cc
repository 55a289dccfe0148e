#include "proxy/listen/client_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace breakwater {
namespace {

// One read: enough for many pipelined queries, and what is left over fits a pooled buffer.
constexpr size_t kReadChunk = 4096;
}  // namespace

ClientStream::ClientStream(ClientHost& host, AcceptedConnection connection, const ReturnPath& path)
    : ClientConnection(host, std::move(connection), path),
      decoder_(host.context().queries.packets()) {}

void ClientStream::Start() {
  Settle();
}

void ClientStream::StopReading() {
  stopping_ = true;
  Settle();
}

size_t ClientStream::MaxInFlight() const {
  const uint32_t configured = frontend().settings.max_in_flight;
  return configured == 0 || restricted() ? 1 : configured;
}

bool ClientStream::CanTake() const {
  return !stopping_ && !ended() && in_flight_ < MaxInFlight() && HasRoom();
}

// A long message is read whole where it can be; else no more than a chunk, which bounds what a
// client can make us hold.
size_t ClientStream::ReadSize() {
  if (!decoder_.InMessage()) return kReadChunk;
  return std::clamp(decoder_.Missing(), kReadChunk, host().read_room().size());
}

void ClientStream::OnReadable() {
  if (ended()) return;
  const auto input = ReadInput(ReadSize());
  if (input.empty()) return;
  ++message_ios_;
  Consume(input);
}

// The client may have closed for good or only its sending half; those in flight are answered, and
// a failing write tells which.
void ClientStream::OnPeerEnd() {
  if (decoder_.InMessage() || queries_ == 0) frontend().tcp_died_reading_query.Add();
  StopReading();
}

void ClientStream::Consume(std::span<const uint8_t> input) {
  taking_ = true;
  while (!input.empty() && CanTake()) {
    const auto message = decoder_.Next(input);
    if (!message) break;
    message_ios_ = input.empty() ? 0 : 1;
    TakeMessage(*message);
  }
  taking_ = false;
  if (ended() || OverReadLimit()) return;
  if (!input.empty() && !stopping_) {
    unread_ = context().queries.packets().Get(input.size());
    std::memcpy(unread_.data(), input.data(), input.size());
    unread_size_ = input.size();
  }
  Settle();
}

bool ClientStream::OverReadLimit() {
  const uint32_t most = context().settings.max_read_ios_per_query;
  if (most == 0 || message_ios_ < most || stopping_) return false;
  BanForReadIos();
  return true;
}

// `message` may lie where the next read goes, without room behind it; decided upon is a copy in
// the room all connections share, which is free again when OnQuery returns.
void ClientStream::TakeMessage(std::span<const uint8_t> message) {
  if (message.size() < dns::kHeaderSize) {
    CountNoncompliant();
    stopping_ = true;
    return;
  }
  frontend().queries.Add();
  CountTlsQuery();
  // What is sealed begins otherwise.
  if (host().sealed() == nullptr && dns::ConstHeader(message.data()).Has(dns::kFlagQr)) {
    context().counters.Add(Metric::kQueries);
    CountNoncompliant();
    stopping_ = true;
    return;
  }
  ++queries_;
  ++in_flight_;
  const uint32_t most = context().settings.max_tcp_queries_per_connection;
  if (restricted() || (most != 0 && queries_ >= most)) stopping_ = true;

  const auto room = host().message_room();
  std::memcpy(room.data(), message.data(), message.size());
  QueryPtr query = NewQuery();
  query->data = room.data();
  query->size = message.size();
  query->capacity = room.size();
  if (host().sealed() != nullptr) query = Unseal(std::move(query));
  if (query != nullptr) context().sink.OnQuery(std::move(query));
}

QueryPtr ClientStream::Unseal(QueryPtr query) {
  switch (host().sealed()->Open(*query)) {
    case SealedQueries::Outcome::kQuery:
      return query;
    case SealedQueries::Outcome::kCertificates:
      OnAnswer(std::move(query));
      return nullptr;
    case SealedQueries::Outcome::kInvalid:
      break;
  }
  --in_flight_;
  stopping_ = true;
  return nullptr;
}

void ClientStream::OnAnswer(QueryPtr query) {
  --in_flight_;
  host().MarkDirty(*this);
  if (muted()) return;
  size_t size = query->size;
  PacketBuffer bytes;
  if (query->sealed) {
    auto sealed = host().sealed()->Seal(*query);
    bytes = std::move(sealed.bytes);
    size = sealed.size;
  } else if (query->detached() && query->data == query->owned.data()) {
    bytes = std::move(query->owned);
  } else {
    bytes = context().queries.packets().Get(size);
    std::memcpy(bytes.data(), query->data, size);
  }
  if (Queue(std::move(bytes), size)) frontend().responses.Add();
}

bool ClientStream::Queue(PacketBuffer bytes, size_t size) {
  if (stream().QueueMessage(std::move(bytes), size)) return true;
  EndUnread();
  return false;
}

ReplyTarget::Room ClientStream::OnPart(const Query& query, FlightId flight) {
  host().MarkDirty(*this);
  if (muted()) return ReplyTarget::Room::kFree;
  SealedQueries::Sealed part{{}, query.size};
  if (query.sealed) {
    part = host().sealed()->SealPart(query);
  } else {
    part.bytes = context().queries.packets().Get(query.size);
    std::memcpy(part.bytes.data(), query.data, query.size);
  }
  if (part.bytes.empty()) EndUnread();  // nothing may be left out of a transfer
  if (ended() || !Queue(std::move(part.bytes), part.size)) return ReplyTarget::Room::kGone;
  // Several transfers fill the queue within one turn: a client that reads need not wait for its
  // end.
  if (!HasRoom() && !write_blocked_ && !Flush()) return ReplyTarget::Room::kGone;
  return HasRoomFor(flight) ? ReplyTarget::Room::kFree : ReplyTarget::Room::kFull;
}

bool ClientStream::HasRoomFor(FlightId flight) {
  if (ended() || HasRoom()) return true;
  if (std::find(full_for_.begin(), full_for_.end(), flight) == full_for_.end()) {
    full_for_.push_back(flight);
  }
  return false;
}

// There is room again, or there will never be any. One at a time, each in its turn: the first may
// take all the room.
void ClientStream::TellRoom() {
  QuerySink& sink = context().sink;
  if (ended()) {
    for (const FlightId flight : std::exchange(full_for_, {})) sink.OnRoom(flight);
    return;
  }
  if (full_for_.empty() || !HasRoom()) return;
  const FlightId first = full_for_.front();
  full_for_.erase(full_for_.begin());
  if (!full_for_.empty()) host().Schedule(*this);
  sink.OnRoom(first);
}

// No answer will come: the client learns it from the end of the connection, after the answers to
// what else it asked.
void ClientStream::OnDrop(const Query&, DropReason reason) {
  --in_flight_;
  if (reason == DropReason::kTimeout) frontend().tcp_downstream_timeouts.Add();
  if (reason == DropReason::kBackend) frontend().tcp_gave_up.Add();
  stopping_ = true;
  host().MarkDirty(*this);
}

void ClientStream::OnTurnEnd() {
  if (ended() || !Flush()) return;
  TellRoom();
  Settle();
}

void ClientStream::OnWritten() {
  TellRoom();
  Settle();
}

void ClientStream::OnEnding() {
  TellRoom();
}

void ClientStream::OnSchedule() {
  if (ended()) return;
  TellRoom();
  TakeUnread();
}

void ClientStream::TakeUnread() {
  if (ended() || unread_size_ == 0) return;
  const PacketBuffer taken = std::move(unread_);
  const size_t size = std::exchange(unread_size_, 0);
  Consume({taken.data(), size});
}

void ClientStream::Settle() {
  if (ended() || taking_) return;
  if (stopping_ && in_flight_ == 0 && stream().queued_bytes() == 0) {
    return End(StreamEnd::kFinished);
  }
  if (unread_size_ > 0 && CanTake()) host().Schedule(*this);
  if (unread_size_ == 0 && CanTake()) {
    stream().ResumeReading();
  } else {
    stream().PauseReading();
  }
  ArmTimer();
}

// While answers are awaited the backends' time-outs count, not the client's.
MonoTime ClientStream::Deadline() const {
  if (stream().queued_bytes() > 0) return std::min(EndOfLife(), WriteDeadline());
  if (in_flight_ == 0) return std::min(EndOfLife(), ReadDeadline());
  return EndOfLife();
}

}  // namespace breakwater
