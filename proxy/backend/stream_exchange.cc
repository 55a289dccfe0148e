#include "proxy/backend/stream_exchange.h"

#include <algorithm>

#include "proxy/backend/proxy_header.h"
#include "proxy/dns/question.h"

namespace breakwater {

using End = BackendConnection::End;

namespace {

MessageOrigin OriginOf(const Query& query) {
  switch (query.protocol) {
    case Protocol::kDoUdp:
    case Protocol::kDnscryptUdp:
      return {query.client, "dns-over-udp"};
    case Protocol::kDoTcp:
    case Protocol::kDnscryptTcp:
      return {query.client, "dns-over-tcp"};
    case Protocol::kDot:
      return {query.client, "dns-over-tls"};
    case Protocol::kDoh:
      return {query.client, query.frontend->tls ? "dns-over-https" : "dns-over-http"};
  }
  return {};
}

}  // namespace

StreamExchange::StreamExchange(ExchangeContext context, BackendPtr backend,
                               const StreamExchangeOptions& options)
    : context_(context),
      backend_(std::move(backend)),
      options_(options),
      hook_(context.loop.AtTurnEnd([this] { OnTurnEnd(); })) {}

StreamExchange::~StreamExchange() {
  context_.loop.RemoveHook(hook_);
  context_.loop.timers().Cancel(failure_timer_);
  backend_->counters().tcp_current_connections.Sub(connections_.size());
}

Result<void> StreamExchange::Send(FlightId flight, uint8_t attempt, const OutgoingQuery& query) {
  const std::span<const uint8_t> message = query.message;
  const auto question = dns::ParseQuestion(message);
  auto header = ProxyHeaderFor(backend_->settings(), query.query);
  if (message.size() > kMaxFrame || !question || !header) {
    CountSendError();
    return Fail(question ? Error::kNoSpace : question.error());
  }
  auto request = std::make_unique<StreamRequest>();
  request->flight = flight;
  request->attempt = attempt;
  request->retries_left = backend_->settings().retries;
  request->name_length = question->name_length;
  request->message.assign(message.begin(), message.end());
  request->header = std::move(*header);
  if (backend_->settings().add_x_forwarded_headers && query.query != nullptr) {
    request->origin = OriginOf(*query.query);
  }
  request->transfer = dns::TransferProgress::Of(message, *question);
  return Dispatch(request, Use::kAny);
}

void StreamExchange::CountSendError() {
  backend_->counters().send_errors.Add();
  context_.counters.Add(Metric::kDownstreamSendErrors);
}

Result<void> StreamExchange::Dispatch(StreamRequestPtr& request, Use use) {
  const auto queued = TryDispatch(request, use);
  if (!queued) CountSendError();
  return queued;
}

Result<void> StreamExchange::TryDispatch(StreamRequestPtr& request, Use use) {
  BackendCounters& counters = backend_->counters();
  BackendConnection* connection = use == Use::kAny ? FindRoom(*request) : nullptr;
  const bool reused = connection != nullptr;
  if (!reused) {
    const auto opened = OpenConnection(request->header);
    if (!opened) return Fail(opened.error());
    connection = *opened;
  }
  const uint64_t key = KeyOf(request->flight, request->attempt);
  if (!connection->Send(request)) return Fail(Error::kLimit);
  if (reused) counters.tcp_reused_connections.Add();
  carriers_[key] = connection;
  dirty_.push_back(connection);
  return Ok();
}

// The most recently used one that has room: the others may then grow old and close.
BackendConnection* StreamExchange::FindRoom(const StreamRequest& request) {
  const auto found =
      std::find_if(connections_.rbegin(), connections_.rend(),
                   [&](const auto& connection) { return connection->CanTake(request); });
  if (found == connections_.rend()) return nullptr;
  std::rotate(found.base() - 1, found.base(), connections_.end());
  return connections_.back().get();
}

// At its most connections: the oldest that idles for another client goes.
void StreamExchange::MakeRoomForClient() {
  const auto idle = std::find_if(connections_.begin(), connections_.end(),
                                 [](const auto& connection) { return connection->idle(); });
  if (idle != connections_.end()) (*idle)->Close();
}

Result<BackendConnection*> StreamExchange::OpenConnection(const std::string& header) {
  BackendCounters& counters = backend_->counters();
  const uint32_t most = backend_->settings().max_concurrent_tcp_connections;
  if (most > 0 && !header.empty() && counters.tcp_current_connections.Get() >= most) {
    MakeRoomForClient();
  }
  if (most > 0 && counters.tcp_current_connections.Get() >= most) {
    counters.tcp_too_many_connections.Add();
    return Fail(Error::kLimit);
  }
  auto opened = BackendConnection::Open({.loop = context_.loop,
                                         .random = context_.random,
                                         .packets = packets_,
                                         .host = *this,
                                         .allow_empty_response = options_.allow_empty_response},
                                        backend_, options_.max_idle_ms, header);
  if (!opened) return Fail(opened.error());
  counters.tcp_new_connections.Add();
  counters.tcp_current_connections.Add();
  const uint64_t now = counters.tcp_current_connections.Get();
  if (now > counters.tcp_max_concurrent_connections.Get()) {
    counters.tcp_max_concurrent_connections.Set(now);
  }
  connections_.push_back(std::move(*opened));
  return connections_.back().get();
}

void StreamExchange::Cancel(FlightId flight, uint8_t attempt) {
  std::erase_if(failures_, [&](const Failure& failure) {
    return failure.flight == flight && failure.attempt == attempt;
  });
  BackendConnection* connection = CarrierOf(flight, attempt);
  if (connection == nullptr) return;
  carriers_.erase(KeyOf(flight, attempt));
  connection->Cancel(flight, attempt);
}

BackendConnection* StreamExchange::CarrierOf(FlightId flight, uint8_t attempt) const {
  const auto found = carriers_.find(KeyOf(flight, attempt));
  if (found == carriers_.end() || !found->second->Carries(flight, attempt)) return nullptr;
  return found->second;
}

void StreamExchange::Pause(FlightId flight, uint8_t attempt) {
  if (BackendConnection* connection = CarrierOf(flight, attempt)) connection->Pause();
}

void StreamExchange::Resume(FlightId flight, uint8_t attempt) {
  if (BackendConnection* connection = CarrierOf(flight, attempt)) connection->Resume();
}

void StreamExchange::OnPart(const StreamRequest& request, std::span<uint8_t> part) {
  context_.sink.OnPart(request.flight, request.attempt, part);
}

bool StreamExchange::MayRead(const StreamRequest& request) {
  return context_.sink.MayRead(request.flight, request.attempt);
}

void StreamExchange::OnAnswer(BackendConnection&, StreamRequestPtr request,
                              std::span<uint8_t> reply) {
  carriers_.erase(KeyOf(request->flight, request->attempt));
  TrimIdle();
  context_.sink.OnReply(request->flight, request->attempt, reply);
}

void StreamExchange::OnStray(BackendConnection::Stray stray) {
  context_.counters.Add(Metric::kUnmatchedReplies);
  if (stray != BackendConnection::Stray::kNoncompliant) return;
  backend_->counters().noncompliant_responses.Add();
  context_.counters.Add(Metric::kNoncompliantResponses);
}

void StreamExchange::OnEnd(BackendConnection& connection, End end) {
  std::vector<StreamRequestPtr> requests = connection.TakeRequests();
  CountEnd(connection, end, !requests.empty());
  const auto own = std::find_if(connections_.begin(), connections_.end(),
                                [&](const auto& one) { return one.get() == &connection; });
  over_.push_back(std::move(*own));
  connections_.erase(own);
  std::erase(dirty_, &connection);

  // Peers close kept connections when they like; that says nothing about the query.
  const bool was_kept = connection.answered() > 0 && (end == End::kClosed || end == End::kBroken);
  for (StreamRequestPtr& request : requests) {
    carriers_.erase(KeyOf(request->flight, request->attempt));
    const bool again = was_kept && !request->begun;
    if (again && request->retries_left > 0) {
      --request->retries_left;
      if (AskAgain(request)) continue;
    } else if (again) {
      backend_->counters().tcp_gave_up.Add();
    }
    FailLater(*request, end == End::kRefused       ? FailureKind::kRefusedPort
                        : end == End::kReadTimeout ? FailureKind::kTimeout
                                                   : FailureKind::kConnection);
  }
}

bool StreamExchange::AskAgain(StreamRequestPtr& request) {
  // Its answer begins anew, whatever a message that was not handed on has moved.
  if (request->transfer) {
    request->transfer =
        dns::TransferProgress::Of(request->message, *dns::ParseQuestion(request->message));
  }
  return Dispatch(request, Use::kFresh).has_value();
}

void StreamExchange::CountEnd(const BackendConnection& connection, End end, bool had_queries) {
  BackendCounters& counters = backend_->counters();
  counters.tcp_current_connections.Sub();
  counters.tcp_connections_closed.Add();
  counters.tcp_connection_queries.Add(connection.answered());
  counters.tcp_connection_duration_ms.Add(
      static_cast<uint64_t>((context_.loop.now() - connection.opened()).ms()));
  switch (end) {
    case End::kClosed:
    case End::kBroken:
      if (!had_queries) break;
      (connection.has_unsent() ? counters.tcp_died_sending_query
                               : counters.tcp_died_reading_response)
          .Add();
      break;
    case End::kRefused:
      counters.tcp_died_sending_query.Add();
      break;
    case End::kConnectTimeout:
      counters.tcp_connect_timeouts.Add();
      break;
    case End::kWriteTimeout:
      counters.tcp_write_timeouts.Add();
      break;
    case End::kReadTimeout:
      counters.tcp_read_timeouts.Add();
      break;
    case End::kIdle:
      break;
  }
}

void StreamExchange::TrimIdle() {
  const auto idle = [](const auto& connection) { return connection->idle(); };
  const auto count =
      static_cast<size_t>(std::count_if(connections_.begin(), connections_.end(), idle));
  if (count <= options_.max_idle_connections) return;
  (*std::find_if(connections_.begin(), connections_.end(), idle))->Close();
}

// Not at once: this may be the end of the turn, after which the loop may wait for long.
void StreamExchange::FailLater(const StreamRequest& request, FailureKind kind) {
  failures_.push_back({request.flight, request.attempt, kind});
  if (failure_timer_ != 0) return;
  failure_timer_ = context_.loop.timers().Add(context_.loop.now(), [this] {
    failure_timer_ = 0;
    TellFailures();
  });
}

void StreamExchange::TellFailures() {
  // One at a time: the sink may cancel others of them meanwhile.
  while (!failures_.empty()) {
    const Failure failure = failures_.back();
    failures_.pop_back();
    context_.sink.OnFailure(failure.flight, failure.attempt, failure.kind);
  }
}

void StreamExchange::OnTurnEnd() {
  // One that breaks takes itself out, and may add another.
  while (!dirty_.empty()) {
    BackendConnection* connection = dirty_.back();
    dirty_.pop_back();
    connection->Flush();
  }
  over_.clear();
}

}  // namespace breakwater
