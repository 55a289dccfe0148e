#include "proxy/listen/doh_connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/listen/doh_response.h"
#include "proxy/net/doh_message.h"
#include "proxy/net/h2_server.h"
#include "proxy/net/http1_server.h"

namespace breakwater {
namespace {

constexpr size_t kReadChunk = 4096;
constexpr size_t kOutputChunk = 4096;
// Answers that the client's windows do not let us send; above it is given up. A hundred of usual
// size are far below.
constexpr size_t kMostUnread = size_t{2} << 20;
constexpr std::string_view kPreface = "PRI ";  // no method of HTTP/1 begins so

Query* AddHttp(Query& query, HttpRequest& request, const DohTarget& target) {
  auto http = std::make_unique<HttpExchange>();
  http->path = target.path;
  http->query = target.query;
  http->host = std::move(request.host);
  http->scheme = std::move(request.scheme);
  http->headers = std::move(request.headers);
  query.http = std::move(http);
  return &query;
}

uint32_t StreamOf(const ReturnPath& path) {
  return static_cast<uint32_t>(path.a >> 32);
}

}  // namespace

DohConnection::DohConnection(ClientHost& host, AcceptedConnection connection,
                             const ReturnPath& path)
    : ClientConnection(host, std::move(connection), path) {}

void DohConnection::Start() {
  Settle();
}

void DohConnection::StopReading() {
  stopping_ = true;
  if (session_ != nullptr) session_->StopTaking();
  host().MarkDirty(*this);
}

void DohConnection::OnReadable() {
  if (ended()) return;
  const auto input = ReadInput(kReadChunk);
  if (!input.empty()) Take(input);
}

// The client may have closed its sending half only: what it asked is answered.
void DohConnection::OnPeerEnd() {
  if (queries_ == 0 || (session_ != nullptr && session_->unfinished() > 0)) {
    frontend().tcp_died_reading_query.Add();
  }
  peer_ended_ = true;
  Settle();
}

void DohConnection::Take(std::span<const uint8_t> bytes) {
  if (session_ == nullptr && !AgreedOnHttp2()) return RefuseVersion();
  if (session_ == nullptr && !ChooseVersion(&bytes)) return Settle();
  Feed(bytes);
}

// In the clear there is nothing to agree with.
bool DohConnection::AgreedOnHttp2() const {
  const TlsFacts* const facts = stream().tls();
  return facts == nullptr || facts->alpn == "h2";
}

void DohConnection::RefuseVersion() {
  if (broken_) return;
  broken_ = true;
  if (stream().tls()->alpn == "http/1.1") doh().counters.http1_queries.Add();
  CountResponse(doh().counters, HttpVersion::kHttp1, 505);
  const std::string text = VersionRefusal(WallNow());
  PacketBuffer bytes = context().queries.packets().Get(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  (void)stream().QueueBytes(std::move(bytes), text.size());
  host().MarkDirty(*this);
}

// False while it cannot be told yet. What was held back is fed, `bytes` become what is left.
bool DohConnection::ChooseVersion(std::span<const uint8_t>* bytes) {
  while (first_count_ < kPreface.size() && !bytes->empty()) {
    first_bytes_[first_count_++] = bytes->front();
    *bytes = bytes->subspan(1);
  }
  const std::string_view first(reinterpret_cast<const char*>(first_bytes_.data()), first_count_);
  const bool http2 = kPreface.starts_with(first);
  if (http2 && first_count_ < kPreface.size()) return false;
  HttpLimits limits;
  limits.keep_headers = doh().settings.keep_headers;
  if (restricted()) limits.streams = 1;
  if (http2) {
    session_ = std::make_unique<H2Server>(*this, limits);
  } else {
    session_ = std::make_unique<Http1Server>(*this, limits);
  }
  if (stopping_) session_->StopTaking();
  Feed(std::span(first_bytes_).first(first_count_));
  return true;
}

void DohConnection::Feed(std::span<const uint8_t> bytes) {
  if (ended() || broken_) return;
  feeding_ = true;
  if (!session_->Feed(bytes, now())) {
    broken_ = true;
    doh().counters.bad_requests.Add();
  }
  feeding_ = false;
  const MonoTime limit = MonoTime::FromMs(int64_t{doh().settings.idle_timeout_s} * 1000);
  if (session_->unfinished() > 0 && limit.ns > 0) session_->ResetUnfinished(now() - limit);
  host().MarkDirty(*this);
}

// --- a request

bool DohConnection::MayAsk(const Address& client) const {
  const NetmaskGroup* const acl = context().settings.acl;
  return acl != nullptr && acl->Matches(client);
}

bool DohConnection::IsOurPath(std::string_view path) const {
  const DohSettings& settings = doh().settings;
  return std::any_of(settings.paths.begin(), settings.paths.end(), [&](const std::string& ours) {
    return settings.exact_paths ? path == ours : path.starts_with(ours);
  });
}

// The status that refuses the request; nothing where it is to be served.
std::optional<uint16_t> DohConnection::Reason(const HttpRequest& request, Address* client) {
  const DohSettings& settings = doh().settings;
  if (request.error != 0) return request.error;
  if (request.method == HttpMethod::kOther) return 400;
  if (settings.trust_forwarded_for) {
    if (const auto named = LastForwarded(request.forwarded_for)) *client = *named;
  }
  if ((settings.trust_forwarded_for || !settings.early_acl_drop) && !MayAsk(*client)) {
    CountAclDrop(context(), *client);
    return 403;
  }
  if (!IsOurPath(SplitDohTarget(request.target).path)) return 404;
  return std::nullopt;
}

void DohConnection::OnRequest(uint32_t stream, HttpRequest request) {
  ++in_flight_;
  if (ended() || broken_) {
    --in_flight_;
    return session_->Refuse(stream);
  }
  DohCounters& counters = doh().counters;
  (session_->version() == HttpVersion::kHttp2 ? counters.http2_queries : counters.http1_queries)
      .Add();
  if (request.method == HttpMethod::kGet) counters.get_queries.Add();
  if (request.method == HttpMethod::kPost) counters.post_queries.Add();
  ++queries_;
  const uint32_t most = context().settings.max_tcp_queries_per_connection;
  if (restricted() || (most != 0 && queries_ >= most)) StopReading();

  Address from = client();
  if (const auto status = Reason(request, &from)) {
    if (request.error != 0) counters.bad_requests.Add();
    return RespondStatus(stream, *status);
  }
  if (doh().has_responses.load()) {
    const auto map = doh().responses.With([](const auto& held) { return held; });
    auto mapped = MappedResponse(*map, SplitDohTarget(request.target).path, doh().settings);
    if (mapped) return Respond(stream, std::move(*mapped));
  }
  Ask(stream, std::move(request), from);
}

std::optional<size_t> DohConnection::ReadMessage(const HttpRequest& request,
                                                 std::span<uint8_t> room) const {
  if (request.method == HttpMethod::kPost) {
    if (request.body.size() > room.size()) return std::nullopt;
    std::memcpy(room.data(), request.body.data(), request.body.size());
    return request.body.size();
  }
  const auto parameter = FindDnsParameter(SplitDohTarget(request.target).query);
  if (!parameter) return std::nullopt;
  return DecodeBase64Url(*parameter, room);
}

void DohConnection::Ask(uint32_t stream, HttpRequest request, const Address& client) {
  if (request.method == HttpMethod::kPost && !IsDnsContentType(request.content_type)) {
    doh().counters.bad_requests.Add();
    return RespondStatus(stream, 415);
  }
  const auto room = host().message_room();
  const auto size = ReadMessage(request, room.first(kMaxDohMessage));
  if (!size || *size < dns::kHeaderSize) {
    doh().counters.bad_requests.Add();
    if (size) CountNoncompliant();
    return RespondStatus(stream, 400);
  }
  frontend().queries.Add();
  CountTlsQuery();
  if (dns::ConstHeader(room.data()).Has(dns::kFlagQr)) {
    context().counters.Add(Metric::kQueries);
    CountNoncompliant();
    doh().counters.bad_requests.Add();
    return RespondStatus(stream, 400);
  }
  QueryPtr query = NewQuery();
  query->path.a |= uint64_t{stream} << 32;
  query->client = client;
  query->data = room.data();
  query->size = *size;
  query->capacity = room.size();
  AddHttp(*query, request, SplitDohTarget(request.target));
  context().sink.OnQuery(std::move(query));
}

// --- an answer

bool DohConnection::Awaits(const ReturnPath& path) const {
  return session_ != nullptr && session_->Awaits(StreamOf(path));
}

void DohConnection::OnAnswer(QueryPtr query) {
  const uint32_t stream = StreamOf(query->path);
  if (muted()) {
    --in_flight_;
    session_->Refuse(stream);
    return host().MarkDirty(*this);
  }
  frontend().responses.Add();
  Respond(stream, AnswerResponse(*query, doh().settings));
}

void DohConnection::OnDrop(const Query& query, DropReason reason) {
  if (reason == DropReason::kTimeout) frontend().tcp_downstream_timeouts.Add();
  if (reason == DropReason::kBackend) frontend().tcp_gave_up.Add();
  if (reason == DropReason::kInvalid) doh().counters.bad_requests.Add();
  RespondStatus(StreamOf(query.path), DropStatus(reason));
}

void DohConnection::RespondStatus(uint32_t stream, uint16_t status) {
  Respond(stream, StatusResponse(status, doh().settings));
}

void DohConnection::Respond(uint32_t stream, HttpResponse response) {
  --in_flight_;
  CountResponse(doh().counters, session_->version(), response.status);
  session_->Respond(stream, std::move(response));
  host().MarkDirty(*this);
}

// --- the state of it all

// Fills buffers of one size, so that those of many small frames and of few large ones take what
// they hold. True where there may be more: what the kernel does not take is bounded, the rest waits
// in the session.
bool DohConnection::PutOut() {
  if (session_ == nullptr) return false;
  PacketBuffer buffer;
  size_t size = 0;
  bool taken = true;
  const auto queue = [&] {
    if (size > 0) taken &= stream().QueueBytes(std::move(buffer), std::exchange(size, 0));
  };
  bool more = false;
  while (taken && (more = HasRoom())) {
    std::span<const uint8_t> bytes = session_->NextOutput();
    if (bytes.empty()) break;
    while (!bytes.empty()) {
      if (buffer.empty()) buffer = context().queries.packets().Get(kOutputChunk);
      const size_t count = std::min(bytes.size(), buffer.capacity() - size);
      std::memcpy(buffer.data() + size, bytes.data(), count);
      size += count;
      bytes = bytes.subspan(count);
      if (size == buffer.capacity()) queue();
    }
  }
  queue();
  if (!taken) {
    EndUnread();
    return false;
  }
  if (session_->Failed() && !std::exchange(broken_, true)) doh().counters.bad_requests.Add();
  return !more;
}

void DohConnection::OnTurnEnd() {
  if (ended()) return;
  bool more = true;
  while (more) {
    more = PutOut();
    if (ended() || !Flush()) return;
    more = more && !write_blocked_;
  }
  Settle();
}

void DohConnection::OnWritten() {
  OnTurnEnd();
}

void DohConnection::OnSchedule() {
  if (!ended() && session_ != nullptr && session_->HasInput()) Feed({});
}

void DohConnection::OnEnding() {
  if (session_ == nullptr) return;
  doh().counters.refused_requests.Add(session_->TakeRefused() + session_->unfinished());
}

void DohConnection::Settle() {
  if (ended() || feeding_) return;
  if (session_ != nullptr) doh().counters.refused_requests.Add(session_->TakeRefused());
  NoteHeld();
  const bool sent = stream().queued_bytes() == 0;
  if (session_ != nullptr && session_->held_bytes() > kMostUnread) return EndUnread();
  const bool idle = in_flight_ == 0 && sent && (session_ == nullptr || session_->held_bytes() == 0);
  const bool over = broken_ || (peer_ended_ && (session_ == nullptr || !session_->HasInput())) ||
                    (stopping_ && (session_ == nullptr || session_->unfinished() == 0)) ||
                    (session_ != nullptr && session_->Over());
  if (idle && over) return End(StreamEnd::kFinished);
  if (session_ != nullptr && session_->HasInput()) host().Schedule(*this);
  const bool wants = session_ == nullptr || (session_->WantsInput() && !session_->HasInput());
  if (wants && !broken_ && !peer_ended_ && HasRoom()) {
    stream().ResumeReading();
  } else {
    stream().PauseReading();
  }
  ArmTimer();
}

// Since when answers wait in the session without getting fewer.
void DohConnection::NoteHeld() {
  const size_t held = session_ == nullptr ? 0 : session_->held_bytes();
  if (held_ == 0 || held < held_) held_since_ = now();
  held_ = held;
}

// While answers are awaited the backends' time-outs count, not the client's.
MonoTime DohConnection::Deadline() const {
  if (stream().queued_bytes() > 0) return std::min(EndOfLife(), WriteDeadline());
  if (in_flight_ > 0) return EndOfLife();
  // Answers that wait for the client to open its window: frames that ask for nothing do not help.
  if (held_ > 0) {
    return std::min(EndOfLife(), After(held_since_, context().settings.tcp_send_timeout_s));
  }
  return std::min(EndOfLife(), IdleDeadline());
}

MonoTime DohConnection::IdleDeadline() const {
  if (queries_ == 0 || restricted()) return ReadDeadline();
  return After(std::max(last_read_, last_write_), doh().settings.idle_timeout_s);
}

}  // namespace breakwater
