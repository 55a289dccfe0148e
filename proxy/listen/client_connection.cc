#include "proxy/listen/client_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/listen/accepted_stream.h"
#include "proxy/net/proxy_signature.h"

namespace breakwater {
namespace {

// Memory of answers not yet taken by the kernel: above this no further query is read and no
// transfer goes on.
constexpr size_t kPauseAbove = size_t{128} << 10;

constexpr MonoTime kRestrictedReadTimeout = MonoTime::FromMs(500);
constexpr MonoTime kRestrictedLifetime = MonoTime::FromMs(5000);

}  // namespace

ClientConnection::ClientConnection(ClientHost& host, AcceptedConnection connection,
                                   const ReturnPath& path)
    : last_read_(host.context().loop.now()),
      host_(host),
      path_(path),
      client_(connection.client),
      local_(connection.local),
      key_(connection.key),
      accepted_(connection.accepted),
      restricted_(connection.restricted) {
  const FrontendSettings& bind = host.frontend().settings;
  const NetmaskGroup* proxies = ProxiesOf(host.context().settings, bind);
  AcceptedStreamOptions options{.handler = *this, .max_held_bytes = kMostHeld};
  if (proxies != nullptr && proxies->Matches(client_)) {
    proxy_header_ = std::make_unique<ProxyHeaderReader>();
    if (bind.proxy_outside_tls) {
      options.preface = [this](int fd) { return ReadClearProxyHeader(fd); };
    }
  }
  if (options.preface == nullptr && host.frontend().tls != nullptr) {
    options.preface = [this](int fd) { return LookForClearProxyHeader(fd); };
  }
  stream_ = MakeAcceptedStream(host.context().loop, std::move(connection.fd), host.frontend(),
                               std::move(options));
}

ClientConnection::~ClientConnection() {
  if (timer_ != 0) context().loop.timers().Cancel(timer_);
}

void ClientConnection::End(StreamEnd end) {
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
  OnEnding();
}

void ClientConnection::CountEnd() {
  Frontend& bind = frontend();
  bind.tcp_current_connections.Sub();
  bind.tcp_connections.Add();
  bind.tcp_connection_queries.Add(queries_);
  bind.tcp_connection_duration_ms.Add(
      static_cast<uint64_t>(std::max<int64_t>(0, (now() - accepted_).ms())));
  bind.tcp_read_ios.Add(read_ios_);
  context().limits.Closed(key_, now());
}

ReplyTarget::Room ClientConnection::OnPart(const Query&, FlightId) {
  return ReplyTarget::Room::kGone;
}

bool ClientConnection::HasRoomFor(FlightId) {
  return true;
}

bool ClientConnection::Awaits(const ReturnPath&) const {
  return true;
}

void ClientConnection::OnConnected() {
  last_read_ = now();
  auto info = NoteHandshake(*stream_, frontend(), context(), key_);
  if (info != nullptr && info_ != nullptr) info->proxy_values = info_->proxy_values;
  if (info != nullptr) info_ = std::move(info);
  OnOpen();
}

std::span<const uint8_t> ClientConnection::ReadInput(size_t most) {
  const auto room = host_.read_room().first(most);
  const Stream::ReadResult result = Read(room);
  switch (result.status) {
    case Stream::ReadStatus::kNothing:
      return {};
    case Stream::ReadStatus::kEnd:
      OnPeerEnd();
      return {};
    case Stream::ReadStatus::kBroken:
      frontend().tcp_died_reading_query.Add();
      End(StreamEnd::kCut);
      return {};
    case Stream::ReadStatus::kData:
      break;
  }
  CountReadIo();
  return room.first(result.bytes);
}

Stream::ReadResult ClientConnection::Read(std::span<uint8_t> room) {
  if (proxy_header_ == nullptr) return ReadUnlisted(room);
  Stream::ReadResult result = stream_->Read(room);
  if (result.status != Stream::ReadStatus::kData) return result;
  std::span<const uint8_t> rest = room.first(result.bytes);
  if (!TakeProxyHeader(&rest) || rest.empty()) return {};
  std::memmove(room.data(), rest.data(), rest.size());
  result.bytes = rest.size();
  return result;
}

// True where the header is over and the connection goes on.
bool ClientConnection::TakeProxyHeader(std::span<const uint8_t>* input) {
  const ListenSettings& settings = context().settings;
  switch (proxy_header_->Take(input, settings.max_proxy_header)) {
    case ProxyHeaderReader::Status::kMore:
      CountReadIo();
      if (settings.max_read_ios_per_query != 0 &&
          proxy_header_->pieces() >= settings.max_read_ios_per_query) {
        BanForReadIos();
      }
      return false;
    case ProxyHeaderReader::Status::kBad:
      CountBadProxyHeader(context(), client_);
      End(StreamEnd::kCut);
      return false;
    case ProxyHeaderReader::Status::kWhole:
      break;
  }
  if (input->empty()) CountReadIo();  // else who takes the rest counts it
  TakeProxied(std::move(proxy_header_->header()));
  proxy_header_.reset();
  start_known_ = true;
  return !ended_;
}

void ClientConnection::TakeProxied(ProxyHeader header) {
  if (!MayAskThroughProxy(context(), header)) return End(StreamEnd::kCut);
  if (header.local) return;
  named_by_proxy_ = true;
  client_ = header.source;
  local_ = header.destination;
  if (header.values.empty()) return;
  auto info = std::make_shared<ConnectionInfo>();
  if (info_ != nullptr) *info = *info_;
  info->proxy_values = std::move(header.values);
  info_ = std::move(info);
}

// Not a byte more than the header has: what follows is OpenSSL's to read.
TlsPreface ClientConnection::ReadClearProxyHeader(int fd) {
  while (true) {
    const auto room = host_.read_room().first(proxy_header_->missing());
    const ssize_t got = recv(fd, room.data(), room.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return TlsPreface::kMore;
    if (got <= 0) {
      frontend().tcp_died_reading_query.Add();
      End(StreamEnd::kCut);
      return TlsPreface::kOver;
    }
    std::span<const uint8_t> piece = room.first(static_cast<size_t>(got));
    if (TakeProxyHeader(&piece)) return TlsPreface::kDone;
    if (ended_) return TlsPreface::kOver;
  }
}

// What begins as a header does is kept back until it is whole or something else: it may be the
// length of a message (3,338 octets). It needs no memory, for its bytes are known.
Stream::ReadResult ClientConnection::ReadUnlisted(std::span<uint8_t> room) {
  Stream::ReadResult result = stream_->Read(room.subspan(held_back_));
  if (start_known_ || result.status != Stream::ReadStatus::kData) return result;
  result.bytes += held_back_;
  std::copy_n(kProxySignature.begin(), held_back_, room.begin());
  switch (FindProxySignature(room.first(result.bytes))) {
    case ProxySignature::kWhole:
      EndUnlisted();
      return {};
    case ProxySignature::kPart:
      CountReadIo();
      held_back_ = static_cast<uint8_t>(result.bytes);
      return {};
    case ProxySignature::kNone:
      break;
  }
  held_back_ = 0;
  start_known_ = true;
  return result;
}

// TLS begins otherwise and stays where it is, OpenSSL reads it. Part of a header is taken away, or
// the loop would be told of it again and again.
TlsPreface ClientConnection::LookForClearProxyHeader(int fd) {
  std::array<uint8_t, kProxySignature.size()> start = kProxySignature;
  const auto room = std::span(start).subspan(held_back_);
  const ssize_t got = recv(fd, room.data(), room.size(), MSG_DONTWAIT | MSG_PEEK);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return TlsPreface::kMore;
  const auto found =
      got <= 0 ? ProxySignature::kNone
               : FindProxySignature(std::span(start).first(held_back_ + static_cast<size_t>(got)));
  if (found == ProxySignature::kNone && held_back_ == 0) return TlsPreface::kDone;
  if (found == ProxySignature::kPart) {
    (void)recv(fd, room.data(), static_cast<size_t>(got), MSG_DONTWAIT);
    held_back_ = static_cast<uint8_t>(held_back_ + got);
    return TlsPreface::kMore;
  }
  if (found == ProxySignature::kWhole) {
    EndUnlisted();
  } else {
    frontend().tcp_died_reading_query.Add();
    End(StreamEnd::kCut);
  }
  return TlsPreface::kOver;
}

void ClientConnection::EndUnlisted() {
  CountUnlistedProxyHeader(context(), client_);
  End(StreamEnd::kCut);
}

QueryPtr ClientConnection::NewQuery() {
  QueryPtr query = context().queries.Get();
  query->protocol = frontend().settings.protocol;
  query->frontend = &frontend();
  query->target = &host_.target();
  query->path = path_;
  query->client = client_;
  query->local = local_;
  query->connection = info_;
  query->arrived = now();
  return query;
}

bool ClientConnection::HasRoom() const {
  return stream_->held_bytes() <= kPauseAbove;
}

bool ClientConnection::Flush() {
  const size_t before = stream_->queued_bytes();
  const Stream::FlushStatus status = stream_->Flush();
  if (status == Stream::FlushStatus::kBroken) {
    EndUnread();
    return false;
  }
  const bool was_blocked = std::exchange(write_blocked_, status == Stream::FlushStatus::kBlocked);
  if (!was_blocked || stream_->queued_bytes() < before) last_write_ = now();
  return true;
}

void ClientConnection::OnWriteProgress() {
  if (ended_) return;
  write_blocked_ = stream_->queued_bytes() > 0;
  last_write_ = now();
  OnWritten();
}

void ClientConnection::OnBroken(int) {
  if (ended_) return;
  // A handshake that fails is no client that does not read.
  if (frontend().tls == nullptr || stream_->tls() != nullptr) return EndUnread();
  frontend().tcp_died_reading_query.Add();
  End(StreamEnd::kCut);
}

void ClientConnection::EndUnread() {
  frontend().tcp_died_sending_response.Add();
  End(StreamEnd::kCut);
}

void ClientConnection::CountReadIo() {
  ++read_ios_;
  last_read_ = now();
}

// Not where a PROXY header named the client: the ban would be the proxy's, and hit all its clients.
void ClientConnection::BanForReadIos() {
  context().counters.Add(Metric::kTcpTooManyReads);
  if (!named_by_proxy_) context().limits.BanForReadIos(key_, now());
  End(StreamEnd::kCut);
}

void ClientConnection::CountNoncompliant() {
  context().counters.Add(Metric::kNoncompliantQueries);
  frontend().noncompliant_queries.Add();
}

void ClientConnection::CountTlsQuery() {
  if (const TlsFacts* facts = stream_->tls()) {
    frontend().tls->counters().queries[static_cast<size_t>(facts->version)].Add();
  }
}

MonoTime ClientConnection::After(MonoTime from, uint32_t seconds) {
  return seconds == 0 ? kNever : from + MonoTime::FromMs(int64_t{seconds} * 1000);
}

MonoTime ClientConnection::ReadDeadline() const {
  const MonoTime since = std::max(last_read_, last_write_);
  const MonoTime configured = After(since, context().settings.tcp_recv_timeout_s);
  return restricted_ ? std::min(configured, since + kRestrictedReadTimeout) : configured;
}

// Before the turn's end the kernel has not been asked to take what was queued in it.
MonoTime ClientConnection::WriteDeadline() const {
  return After(write_blocked_ ? last_write_ : now(), context().settings.tcp_send_timeout_s);
}

MonoTime ClientConnection::EndOfLife() const {
  const MonoTime configured = After(accepted_, context().settings.max_tcp_connection_duration_s);
  return restricted_ ? std::min(configured, accepted_ + kRestrictedLifetime) : configured;
}

// A deadline that moves back leaves the timer where it is, which then looks again: no timer is
// touched for a query.
void ClientConnection::ArmTimer() {
  const MonoTime deadline = Deadline();
  if (deadline == kNever || (timer_ != 0 && timer_at_ <= deadline)) return;
  TimerQueue& timers = context().loop.timers();
  if (timer_ != 0) timers.Cancel(timer_);
  timer_at_ = deadline;
  timer_ = timers.Add(deadline, [this] { OnTimer(); });
}

void ClientConnection::OnTimer() {
  timer_ = 0;
  if (ended_) return;
  if (Deadline() > now()) return ArmTimer();
  if (EndOfLife() > now()) frontend().tcp_client_timeouts.Add();
  End(stream_->queued_bytes() > 0 ? StreamEnd::kCut : StreamEnd::kFinished);
}

}  // namespace breakwater
