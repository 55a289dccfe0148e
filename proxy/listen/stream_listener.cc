#include "proxy/listen/stream_listener.h"

#include <cstring>
#include <utility>

#include "proxy/base/left_out.h"
#include "proxy/listen/client_stream.h"
#include "proxy/listen/doh_connection.h"
#include "proxy/listen/frontend_sockets.h"
#include "proxy/net/descriptors.h"

namespace breakwater {
namespace {

// Behind a reverse proxy the access list is for the clients it names, so each request is checked.
bool ChecksAclAtAccept(const Frontend& frontend) {
  if (frontend.doh == nullptr) return true;
  const DohSettings& settings = frontend.doh->settings;
  return settings.early_acl_drop && !settings.trust_forwarded_for;
}

}  // namespace

TextResult<std::unique_ptr<StreamListener>> StreamListener::Open(ListenContext& context,
                                                                 std::shared_ptr<Frontend> frontend,
                                                                 const SocketOptions& options) {
  auto fds = OpenFrontendSockets(frontend->settings, 1, options);
  if (!fds) return Fail(fds.error());
  return std::make_unique<StreamListener>(context, std::move(frontend), std::move(fds->front()));
}

StreamListener::StreamListener(ListenContext& context, std::shared_ptr<Frontend> frontend,
                               UniqueFd fd)
    : context_(context),
      frontend_(std::move(frontend)),
      address_(LocalAddressOf(fd.get())),
      rooms_(std::make_unique_for_overwrite<uint8_t[]>(kReadRoom + kMessageRoom)) {
  if (frontend_->dnscrypt != nullptr) {
    sealed_ = std::make_unique<SealedQueries>(context_, *frontend_);
  }
  Acceptor::Handlers handlers{
      .on_connection = [this](UniqueFd accepted,
                              const Address& peer) { Admit(std::move(accepted), peer); },
      .on_famine = [this](int error) { TellFamine(error); }};
  acceptor_ = std::make_unique<Acceptor>(context_.loop, std::move(fd), std::move(handlers));
  hook_ = context_.loop.AtTurnEnd([this] { OnTurnEnd(); });
}

StreamListener::~StreamListener() {
  Close();
  context_.loop.RemoveHook(hook_);
  ended_.clear();
}

void StreamListener::StopAccepting() {
  accepting_ = false;
  acceptor_.reset();
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].stream != nullptr) slots_[i].stream->StopReading();
  }
}

void StreamListener::Close() {
  accepting_ = false;
  acceptor_.reset();
  context_.loop.timers().Cancel(std::exchange(schedule_timer_, 0));
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].stream != nullptr) slots_[i].stream->End(StreamEnd::kCut);
  }
}

void StreamListener::TellFamine(int error) {
  uint64_t suppressed = 0;
  if (!log_limiter_.Allow(context_.loop.now(), &suppressed)) return;
  LogWarning("listen",
             "{}: cannot accept a connection: {}; trying again shortly, raise the limit of open "
             "files{}",
             address_.ToStringWithPort(), std::strerror(error), LeftOut(suppressed));
}

void StreamListener::Refuse(const Address& client, std::string_view reason) {
  context_.counters.Add(Metric::kTcpRefused);
  LogDebug("listen", "connection from {} refused: {}", client.ToStringWithPort(), reason);
}

void StreamListener::RefuseForDescriptors(const Address& client) {
  Refuse(client, "the other descriptors are kept back");
  uint64_t suppressed = 0;
  if (!log_limiter_.Allow(context_.loop.now(), &suppressed)) return;
  LogWarning("listen",
             "{}: connection from {} refused: the descriptors that are left are kept back for "
             "backends; raise the limit of open files{}",
             address_.ToStringWithPort(), client.ToStringWithPort(), LeftOut(suppressed));
}

// The order of the checks is part of the interface; a refusal closes without a word.
void StreamListener::Admit(UniqueFd fd, const Address& client) {
  const ListenSettings& settings = context_.settings;
  if (ChecksAclAtAccept(*frontend_) &&
      (settings.acl == nullptr || !settings.acl->Matches(client))) {
    CountAclDrop(context_, client);
    return;
  }
  LogDebug("listen", "Got TCP connection from {}", client.ToStringWithPort());
  AcceptedConnection connection{.fd = std::move(fd),
                                .client = client,
                                .local = address_,
                                .key = context_.limits.KeyOf(client),
                                .accepted = context_.loop.now()};
  if (IsKeptBack(connection.fd.get())) return RefuseForDescriptors(client);
  if (!CountConnection(connection)) return;
  if (address_.IsWildcard()) connection.local = LocalAddressOf(connection.fd.get());
  if (context_.hand_over != nullptr) {
    if (context_.queued_connections != nullptr) context_.queued_connections->Add();
    if (context_.hand_over(*this, connection)) return;
    if (context_.queued_connections != nullptr) context_.queued_connections->Sub();
  }
  Serve(std::move(connection));
}

bool StreamListener::CountConnection(AcceptedConnection& connection) {
  const ListenSettings& settings = context_.settings;
  const uint64_t most = frontend_->settings.max_connections;
  const uint64_t current = frontend_->tcp_current_connections.Get() + 1;
  if (most != 0 && current > most) {
    Refuse(connection.client, "the bind has its maximum of connections");
    return false;
  }
  if (context_.queued_connections != nullptr && settings.max_tcp_queued_connections != 0 &&
      context_.queued_connections->Get() >= settings.max_tcp_queued_connections) {
    Refuse(connection.client, "too many connections wait for a worker");
    return false;
  }
  const auto verdict = context_.limits.Opened(connection.key, connection.accepted);
  if (ClientLimits::IsRefusal(verdict)) {
    Refuse(connection.client, ClientLimits::VerdictText(verdict));
    return false;
  }
  const uint64_t threshold = settings.overload_threshold_percent;
  connection.restricted = verdict == ClientLimits::Verdict::kRestricted ||
                          (most != 0 && threshold != 0 && current * 100 >= most * threshold);
  frontend_->tcp_current_connections.Add();
  if (current > frontend_->tcp_max_concurrent_connections.Get()) {
    frontend_->tcp_max_concurrent_connections.Set(current);
  }
  return true;
}

void StreamListener::Adopt(AcceptedConnection connection) {
  if (context_.queued_connections != nullptr) context_.queued_connections->Sub();
  Serve(std::move(connection));
}

void StreamListener::Serve(AcceptedConnection connection) {
  if (!accepting_) {
    frontend_->tcp_current_connections.Sub();
    context_.limits.Closed(connection.key, context_.loop.now());
    return;
  }
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const uint32_t index = free_slots_.back();
  free_slots_.pop_back();
  Slot& slot = slots_[index];
  ClientHost& host = *this;
  const ReturnPath path{index, slot.generation};
  if (frontend_->doh != nullptr) {
    slot.stream = std::make_unique<DohConnection>(host, std::move(connection), path);
  } else {
    slot.stream = std::make_unique<ClientStream>(host, std::move(connection), path);
  }
  ++open_;
  slot.stream->Start();
}

ClientConnection* StreamListener::Find(const ReturnPath& path) const {
  const auto slot = static_cast<uint32_t>(path.a);
  if (slot >= slots_.size() || slots_[slot].generation != path.b) return nullptr;
  return slots_[slot].stream.get();
}

void StreamListener::Send(QueryPtr query) {
  ClientConnection* stream = Find(query->path);
  if (stream != nullptr) stream->OnAnswer(std::move(query));
}

ReplyTarget::Room StreamListener::SendPart(const Query& query, FlightId flight) {
  ClientConnection* stream = Find(query.path);
  return stream == nullptr ? Room::kGone : stream->OnPart(query, flight);
}

bool StreamListener::HasRoom(const Query& query, FlightId flight) {
  ClientConnection* stream = Find(query.path);
  return stream == nullptr || stream->HasRoomFor(flight);
}

void StreamListener::Drop(QueryPtr query, DropReason reason) {
  ClientConnection* stream = Find(query->path);
  if (stream != nullptr) stream->OnDrop(*query, reason);
}

bool StreamListener::Alive(const Query& query) const {
  const ClientConnection* stream = Find(query.path);
  return stream != nullptr && stream->Awaits(query.path);
}

void StreamListener::MarkDirty(ClientConnection& stream) {
  if (std::exchange(stream.dirty, true)) return;
  dirty_.push_back(&stream);
}

void StreamListener::Schedule(ClientConnection& stream) {
  if (std::exchange(stream.scheduled, true)) return;
  scheduled_.push_back(&stream);
  if (schedule_timer_ != 0) return;
  schedule_timer_ = context_.loop.timers().Add(context_.loop.now(), [this] {
    schedule_timer_ = 0;
    RunScheduled();
  });
}

void StreamListener::RunScheduled() {
  const auto streams = std::exchange(scheduled_, {});
  for (ClientConnection* stream : streams) {
    stream->scheduled = false;
    stream->OnSchedule();
  }
}

void StreamListener::Ended(ClientConnection& stream) {
  Slot& slot = slots_[stream.path().a];
  ++slot.generation;
  ended_.push_back(std::move(slot.stream));
  free_slots_.push_back(static_cast<uint32_t>(stream.path().a));
  --open_;
}

void StreamListener::OnTurnEnd() {
  for (size_t i = 0; i < dirty_.size(); ++i) {
    dirty_[i]->dirty = false;
    dirty_[i]->OnTurnEnd();
  }
  dirty_.clear();
  if (ended_.empty()) return;
  std::erase_if(scheduled_, [](const ClientConnection* stream) { return stream->ended(); });
  ended_.clear();
}

}  // namespace breakwater
