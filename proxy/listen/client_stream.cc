#include "proxy/listen/client_stream.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "proxy/listen/accepted_stream.h"

namespace breakwater {
namespace {

// One read: enough for many pipelined queries, and what is left over fits a pooled buffer.
constexpr size_t kReadChunk = 4096;
// Memory of answers not yet taken by the kernel: above the first bound no further query is read and
// no transfer goes on, above the second the client is given up.
constexpr size_t kPauseAbove = size_t{128} << 10;
constexpr size_t kMostQueued = size_t{1} << 20;

constexpr MonoTime kRestrictedReadTimeout = MonoTime::FromMs(500);
constexpr MonoTime kRestrictedLifetime = MonoTime::FromMs(5000);
constexpr MonoTime kNever{std::numeric_limits<int64_t>::max()};

MonoTime Seconds(uint32_t seconds) {
  return seconds == 0 ? kNever : MonoTime::FromMs(int64_t{seconds} * 1000);
}

MonoTime After(MonoTime from, MonoTime distance) {
  return distance == kNever ? kNever : from + distance;
}

}  // namespace

ClientStream::ClientStream(ClientStreamHost& host, AcceptedConnection connection,
                           const ReturnPath& path)
    : host_(host),
      path_(path),
      client_(connection.client),
      local_(connection.local),
      key_(connection.key),
      accepted_(connection.accepted),
      restricted_(connection.restricted),
      decoder_(host.context().queries.packets()),
      last_read_(host.context().loop.now()) {
  stream_ = MakeAcceptedStream(host.context().loop, std::move(connection.fd), host.frontend(),
                               {*this, kMostQueued});
}

ClientStream::~ClientStream() {
  if (timer_ != 0) host_.context().loop.timers().Cancel(timer_);
}

void ClientStream::Start() {
  Settle();
}

void ClientStream::StopReading() {
  stopping_ = true;
  Settle();
}

void ClientStream::End(StreamEnd end) {
  if (ended_) return;
  ended_ = true;
  stream_->PauseReading();
  if (end == StreamEnd::kFinished) {
    // Closing with unread bytes makes the kernel reset the connection, and the client may lose the
    // last answers: so the end is told first, and what came meanwhile is read away.
    stream_->ShutDownWriting();
    for (int i = 0; i < 4; ++i) {
      if (stream_->Read(host_.read_room()).status != Stream::ReadStatus::kData) break;
    }
  }
  CountEnd();
  host_.Ended(*this);
  TellRoom();
}

void ClientStream::CountEnd() {
  Frontend& frontend = host_.frontend();
  const MonoTime now = host_.context().loop.now();
  frontend.tcp_current_connections.Sub();
  frontend.tcp_connections.Add();
  frontend.tcp_connection_queries.Add(queries_);
  frontend.tcp_connection_duration_ms.Add(
      static_cast<uint64_t>(std::max<int64_t>(0, (now - accepted_).ms())));
  frontend.tcp_read_ios.Add(read_ios_);
  host_.context().limits.Closed(key_, now);
}

size_t ClientStream::MaxInFlight() const {
  const uint32_t configured = host_.frontend().settings.max_in_flight;
  return configured == 0 || restricted_ ? 1 : configured;
}

bool ClientStream::CanTake() const {
  return !stopping_ && !ended_ && in_flight_ < MaxInFlight() && HasRoom();
}

bool ClientStream::HasRoom() const {
  return stream_->held_bytes() <= kPauseAbove;
}

// A long message is read whole where it can be; else no more than a chunk, which bounds what a
// client can make us hold.
size_t ClientStream::ReadSize() const {
  if (!decoder_.InMessage()) return kReadChunk;
  return std::clamp(decoder_.Missing(), kReadChunk, host_.read_room().size());
}

void ClientStream::OnReadable() {
  if (ended_) return;
  const auto room = host_.read_room().first(ReadSize());
  const Stream::ReadResult result = stream_->Read(room);
  switch (result.status) {
    case Stream::ReadStatus::kNothing:
      return;
    case Stream::ReadStatus::kEnd:
      return OnPeerEnd();
    case Stream::ReadStatus::kBroken:
      host_.frontend().tcp_died_reading_query.Add();
      return End(StreamEnd::kCut);
    case Stream::ReadStatus::kData:
      break;
  }
  ++read_ios_;
  ++message_ios_;
  last_read_ = host_.context().loop.now();
  Consume(room.first(result.bytes));
}

void ClientStream::OnConnected() {
  info_ = NoteHandshake(*stream_, host_.frontend(), host_.context(), key_);
}

// The client may have closed for good or only its sending half; those in flight are answered, and
// a failing write tells which.
void ClientStream::OnPeerEnd() {
  if (decoder_.InMessage() || queries_ == 0) host_.frontend().tcp_died_reading_query.Add();
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
  if (ended_ || OverReadLimit()) return;
  if (!input.empty() && !stopping_) {
    unread_ = host_.context().queries.packets().Get(input.size());
    std::memcpy(unread_.data(), input.data(), input.size());
    unread_size_ = input.size();
  }
  Settle();
}

bool ClientStream::OverReadLimit() {
  const uint32_t most = host_.context().settings.max_read_ios_per_query;
  if (most == 0 || message_ios_ < most || stopping_) return false;
  host_.context().limits.BanForReadIos(key_, host_.context().loop.now());
  End(StreamEnd::kCut);
  return true;
}

void ClientStream::CountNoncompliant() {
  host_.context().counters.Add(Metric::kNoncompliantQueries);
  host_.frontend().noncompliant_queries.Add();
}

// `message` may lie where the next read goes, without room behind it; decided upon is a copy in
// the room all connections share, which is free again when OnQuery returns.
void ClientStream::TakeMessage(std::span<const uint8_t> message) {
  ListenContext& context = host_.context();
  if (message.size() < dns::kHeaderSize) {
    CountNoncompliant();
    stopping_ = true;
    return;
  }
  host_.frontend().queries.Add();
  CountTlsQuery(*stream_, host_.frontend());
  if (dns::ConstHeader(message.data()).Has(dns::kFlagQr)) {
    context.counters.Add(Metric::kQueries);
    CountNoncompliant();
    stopping_ = true;
    return;
  }
  ++queries_;
  ++in_flight_;
  const uint32_t most = context.settings.max_tcp_queries_per_connection;
  if (restricted_ || (most != 0 && queries_ >= most)) stopping_ = true;

  const auto room = host_.message_room();
  std::memcpy(room.data(), message.data(), message.size());
  QueryPtr query = context.queries.Get();
  query->protocol = host_.frontend().settings.protocol;
  query->frontend = &host_.frontend();
  query->target = &host_.target();
  query->path = path_;
  query->client = client_;
  query->local = local_;
  query->connection = info_;
  query->arrived = context.loop.now();
  query->data = room.data();
  query->size = message.size();
  query->capacity = room.size();
  context.sink.OnQuery(std::move(query));
}

void ClientStream::OnAnswer(QueryPtr query) {
  --in_flight_;
  host_.MarkDirty(*this);
  if (host_.frontend().muted.load(std::memory_order_relaxed)) return;
  const size_t size = query->size;
  PacketBuffer bytes;
  if (query->detached() && query->data == query->owned.data()) {
    bytes = std::move(query->owned);
  } else {
    bytes = host_.context().queries.packets().Get(size);
    std::memcpy(bytes.data(), query->data, size);
  }
  if (Queue(std::move(bytes), size)) host_.frontend().responses.Add();
}

bool ClientStream::Queue(PacketBuffer bytes, size_t size) {
  if (stream_->QueueMessage(std::move(bytes), size)) return true;
  // The client asks and does not read; it has had its bound.
  host_.frontend().tcp_died_sending_response.Add();
  End(StreamEnd::kCut);
  return false;
}

ReplyTarget::Room ClientStream::OnPart(const Query& query, FlightId flight) {
  host_.MarkDirty(*this);
  if (host_.frontend().muted.load(std::memory_order_relaxed)) return ReplyTarget::Room::kFree;
  PacketBuffer bytes = host_.context().queries.packets().Get(query.size);
  std::memcpy(bytes.data(), query.data, query.size);
  if (!Queue(std::move(bytes), query.size)) return ReplyTarget::Room::kGone;
  // Several transfers fill the queue within one turn: a client that reads need not wait for its
  // end.
  if (!HasRoom() && !write_blocked_ && !Flush()) return ReplyTarget::Room::kGone;
  return HasRoomFor(flight) ? ReplyTarget::Room::kFree : ReplyTarget::Room::kFull;
}

bool ClientStream::HasRoomFor(FlightId flight) {
  if (ended_ || HasRoom()) return true;
  if (std::find(full_for_.begin(), full_for_.end(), flight) == full_for_.end()) {
    full_for_.push_back(flight);
  }
  return false;
}

// There is room again, or there will never be any. One at a time, each in its turn: the first may
// take all the room.
void ClientStream::TellRoom() {
  QuerySink& sink = host_.context().sink;
  if (ended_) {
    for (const FlightId flight : std::exchange(full_for_, {})) sink.OnRoom(flight);
    return;
  }
  if (full_for_.empty() || !HasRoom()) return;
  const FlightId first = full_for_.front();
  full_for_.erase(full_for_.begin());
  if (!full_for_.empty()) host_.Schedule(*this);
  sink.OnRoom(first);
}

// No answer will come: the client learns it from the end of the connection, after the answers to
// what else it asked.
void ClientStream::OnDrop(DropReason reason) {
  --in_flight_;
  if (reason == DropReason::kTimeout) host_.frontend().tcp_downstream_timeouts.Add();
  if (reason == DropReason::kBackend) host_.frontend().tcp_gave_up.Add();
  stopping_ = true;
  host_.MarkDirty(*this);
}

void ClientStream::OnTurnEnd() {
  if (ended_ || !Flush()) return;
  TellRoom();
  Settle();
}

bool ClientStream::Flush() {
  const size_t before = stream_->queued_bytes();
  const Stream::FlushStatus status = stream_->Flush();
  if (status == Stream::FlushStatus::kBroken) {
    host_.frontend().tcp_died_sending_response.Add();
    End(StreamEnd::kCut);
    return false;
  }
  const bool was_blocked = std::exchange(write_blocked_, status == Stream::FlushStatus::kBlocked);
  if (!was_blocked || stream_->queued_bytes() < before) last_write_ = host_.context().loop.now();
  return true;
}

void ClientStream::OnWriteProgress() {
  if (ended_) return;
  write_blocked_ = stream_->queued_bytes() > 0;
  last_write_ = host_.context().loop.now();
  TellRoom();
  Settle();
}

void ClientStream::OnBroken(int) {
  if (ended_) return;
  host_.frontend().tcp_died_sending_response.Add();
  End(StreamEnd::kCut);
}

void ClientStream::OnSchedule() {
  if (ended_) return;
  TellRoom();
  TakeUnread();
}

void ClientStream::TakeUnread() {
  if (ended_ || unread_size_ == 0) return;
  const PacketBuffer taken = std::move(unread_);
  const size_t size = std::exchange(unread_size_, 0);
  Consume({taken.data(), size});
}

void ClientStream::Settle() {
  if (ended_ || taking_) return;
  if (stopping_ && in_flight_ == 0 && stream_->queued_bytes() == 0) {
    return End(StreamEnd::kFinished);
  }
  if (unread_size_ > 0 && CanTake()) host_.Schedule(*this);
  if (unread_size_ == 0 && CanTake()) {
    stream_->ResumeReading();
  } else {
    stream_->PauseReading();
  }
  ArmTimer();
}

MonoTime ClientStream::ReadTimeout() const {
  const MonoTime configured = Seconds(host_.context().settings.tcp_recv_timeout_s);
  return restricted_ ? std::min(configured, kRestrictedReadTimeout) : configured;
}

MonoTime ClientStream::Lifetime() const {
  const MonoTime configured = Seconds(host_.context().settings.max_tcp_connection_duration_s);
  return restricted_ ? std::min(configured, kRestrictedLifetime) : configured;
}

// While answers are awaited the backends' time-outs count, not the client's.
MonoTime ClientStream::Deadline() const {
  MonoTime deadline = After(accepted_, Lifetime());
  if (stream_->queued_bytes() > 0) {
    const MonoTime timeout = Seconds(host_.context().settings.tcp_send_timeout_s);
    deadline = std::min(deadline, After(last_write_, timeout));
  } else if (in_flight_ == 0) {
    deadline = std::min(deadline, After(std::max(last_read_, last_write_), ReadTimeout()));
  }
  return deadline;
}

// A deadline that moves back leaves the timer where it is, which then looks again: no timer is
// touched for a query.
void ClientStream::ArmTimer() {
  const MonoTime deadline = Deadline();
  if (deadline == kNever || (timer_ != 0 && timer_at_ <= deadline)) return;
  TimerQueue& timers = host_.context().loop.timers();
  if (timer_ != 0) timers.Cancel(timer_);
  timer_at_ = deadline;
  timer_ = timers.Add(deadline, [this] { OnTimer(); });
}

void ClientStream::OnTimer() {
  timer_ = 0;
  if (ended_) return;
  const MonoTime now = host_.context().loop.now();
  if (Deadline() > now) return ArmTimer();
  if (After(accepted_, Lifetime()) > now) host_.frontend().tcp_client_timeouts.Add();
  End(stream_->queued_bytes() > 0 ? StreamEnd::kCut : StreamEnd::kFinished);
}

}  // namespace breakwater
