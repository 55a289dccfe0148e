#include "proxy/backend/backend_connection.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "proxy/backend/backend_stream.h"
#include "proxy/base/byte_writer.h"
#include "proxy/dns/header.h"
#include "proxy/dns/reply_match.h"

namespace breakwater {

BackendConnection::BackendConnection(const Context& context, BackendPtr backend, uint32_t idle_ms)
    : context_(context),
      backend_(std::move(backend)),
      idle_ms_(idle_ms),
      decoder_(context.packets),
      opened_(context.loop.now()),
      last_read_(opened_),
      last_write_(opened_) {}

Result<std::unique_ptr<BackendConnection>> BackendConnection::Open(const Context& context,
                                                                   const BackendPtr& backend,
                                                                   uint32_t idle_ms,
                                                                   const std::string& header) {
  std::unique_ptr<BackendConnection> made(new BackendConnection(context, backend, idle_ms));
  auto stream = OpenBackendStream(context.loop, backend, *made, StreamUse::kQueries);
  if (!stream) return Fail(stream.error());
  made->stream_ = std::move(*stream);
  if (!header.empty()) made->QueueHeader(header);
  made->Arm();
  return made;
}

void BackendConnection::QueueHeader(const std::string& header) {
  header_ = header;
  PacketBuffer copy = context_.packets.Get(header.size());
  std::copy(header.begin(), header.end(), copy.data());
  (void)stream_->QueueBytes(std::move(copy), header.size());  // a fresh stream has room
}

BackendConnection::~BackendConnection() {
  context_.loop.timers().Cancel(timer_);
}

bool BackendConnection::CanTake(const StreamRequest& request) const {
  if (retired_ || ended_ || transferring_ || header_ != request.header) return false;
  if (!stream_->MayQueue()) return false;
  const size_t most = request.transfer ? 1 : std::max(backend_->settings().max_in_flight, 1U);
  return requests_.size() < most;
}

bool BackendConnection::Send(StreamRequestPtr& request) {
  uint16_t id = context_.random.U16();
  while (requests_.contains(id)) id = context_.random.U16();
  const std::vector<uint8_t>& message = request->message;
  PacketBuffer copy = context_.packets.Get(message.size());
  std::copy(message.begin(), message.end(), copy.data());
  StoreU16(copy.data(), id);
  if (stream_->queued_bytes() == 0) last_write_ = context_.loop.now();
  if (request->origin.client.IsSet()) stream_->SetOrigin(request->origin);
  if (!stream_->QueueMessage(std::move(copy), message.size())) return false;
  if (requests_.empty()) last_read_ = context_.loop.now();
  transferring_ = request->transfer.has_value();
  requests_[id] = std::move(request);
  Arm();
  return true;
}

bool BackendConnection::Carries(FlightId flight, uint8_t attempt) const {
  return std::any_of(requests_.begin(), requests_.end(), [&](const auto& entry) {
    return entry.second->flight == flight && entry.second->attempt == attempt;
  });
}

void BackendConnection::Cancel(FlightId flight, uint8_t attempt) {
  const auto found = std::find_if(requests_.begin(), requests_.end(), [&](const auto& entry) {
    return entry.second->flight == flight && entry.second->attempt == attempt;
  });
  if (found == requests_.end()) return;
  requests_.erase(found);
  // Its answer may still come, or the peer be stuck on it.
  retired_ = true;
  if (requests_.empty()) Finish(End::kIdle);
}

void BackendConnection::Flush() {
  if (ended_ || connecting_) return;
  if (stream_->Flush() == Stream::FlushStatus::kBroken) return OnBroken(0);
  Arm();
}

std::vector<StreamRequestPtr> BackendConnection::TakeRequests() {
  std::vector<StreamRequestPtr> taken;
  for (auto& [id, request] : requests_) taken.push_back(std::move(request));
  requests_.clear();
  return taken;
}

void BackendConnection::OnConnected() {
  if (ended_) return;
  connecting_ = false;
  NoteBackendOpen(*backend_, *stream_);
  last_read_ = last_write_ = context_.loop.now();
  stream_->ResumeReading();
  Flush();
}

void BackendConnection::OnWriteProgress() {
  if (ended_) return;
  last_write_ = context_.loop.now();
  Flush();
}

void BackendConnection::OnBroken(int error) {
  NoteBackendBroken(*backend_, *stream_);
  Finish(connecting_ && error == ECONNREFUSED ? End::kRefused : End::kBroken);
}

void BackendConnection::OnReadable() {
  // A reader that keeps up with a fast peer must leave the loop to others now and then.
  for (int i = 0; i < 4 && !ended_ && !paused_ && MayRead(); ++i) {
    std::array<uint8_t, 16384> room;
    const auto read = stream_->Read(room);
    if (read.status == Stream::ReadStatus::kNothing) return;
    if (read.status == Stream::ReadStatus::kEnd) return Finish(End::kClosed);
    if (read.status == Stream::ReadStatus::kBroken) return OnBroken(read.error);
    last_read_ = context_.loop.now();
    std::span<const uint8_t> input(room.data(), read.bytes);
    while (!ended_) {
      const auto message = decoder_.Next(input);
      if (!message) break;
      OnMessage(*message);
    }
    if (!ended_) Arm();
  }
}

bool BackendConnection::MayRead() const {
  return !transferring_ || requests_.empty() || context_.host.MayRead(*requests_.begin()->second);
}

void BackendConnection::OnMessage(std::span<const uint8_t> message) {
  if (message.size() < dns::kHeaderSize) return context_.host.OnStray(Stray::kNoncompliant);
  const auto found = requests_.find(dns::ConstHeader(message.data()).id());
  if (found == requests_.end()) return context_.host.OnStray(Stray::kLate);
  StreamRequest& asked = *found->second;
  const dns::ReplyMatchOptions how{.allow_empty_response = context_.allow_empty_response,
                                   .allow_no_question = asked.begun};
  if (dns::MatchReply(asked.message, asked.name_length, message, how) != dns::ReplyMatch::kMatch) {
    return context_.host.OnStray(Stray::kNoncompliant);
  }
  reply_.assign(message.begin(), message.end());
  if (asked.transfer && TakePart(asked)) return;
  transferring_ = false;
  StreamRequestPtr request = std::move(found->second);
  requests_.erase(found);
  ++answered_;
  context_.host.OnAnswer(*this, std::move(request), reply_);
  if (retired_ && requests_.empty()) Finish(End::kIdle);
}

// False where the message is the transfer's last one.
bool BackendConnection::TakePart(StreamRequest& asked) {
  switch (asked.transfer->Take(reply_)) {
    case dns::TransferProgress::State::kOver:
      return false;
    case dns::TransferProgress::State::kMore:
      asked.begun = true;
      context_.host.OnPart(asked, reply_);
      return true;
    case dns::TransferProgress::State::kBroken:
      context_.host.OnStray(Stray::kNoncompliant);
      Finish(End::kBroken);
      return true;
  }
  return true;
}

void BackendConnection::Pause() {
  if (ended_ || paused_) return;
  paused_ = true;
  stream_->PauseReading();
}

void BackendConnection::Resume() {
  if (ended_ || !paused_) return;
  paused_ = false;
  last_read_ = context_.loop.now();
  stream_->ResumeReading();
  Arm();
}

void BackendConnection::Finish(End end) {
  if (ended_) return;
  ended_ = true;
  context_.loop.timers().Cancel(timer_);
  timer_ = 0;
  stream_->PauseReading();
  if (end == End::kIdle && !connecting_) stream_->ShutDownWriting();
  context_.host.OnEnd(*this, end);
}

// When what is being waited for takes too long, and what that would be.
MonoTime BackendConnection::Deadline(End* end) const {
  const BackendSettings& settings = backend_->settings();
  if (connecting_) {
    *end = End::kConnectTimeout;
    return opened_ + MonoTime::FromMs(settings.tcp_connect_timeout_ms);
  }
  if (stream_->queued_bytes() > 0) {
    *end = End::kWriteTimeout;
    return last_write_ + MonoTime::FromMs(settings.tcp_send_timeout_ms);
  }
  if (!requests_.empty()) {
    *end = End::kReadTimeout;
    return last_read_ + MonoTime::FromMs(settings.tcp_recv_timeout_ms);
  }
  *end = End::kIdle;
  return last_read_ + MonoTime::FromMs(idle_ms_);
}

// A deadline that moved back leaves the timer where it is: it looks again when it runs.
void BackendConnection::Arm() {
  if (paused_) return;
  End unused{};
  const MonoTime when = Deadline(&unused);
  if (timer_ != 0 && timer_at_ <= when) return;
  context_.loop.timers().Cancel(timer_);
  timer_at_ = when;
  timer_ = context_.loop.timers().Add(when, [this] { OnTimer(); });
}

void BackendConnection::OnTimer() {
  timer_ = 0;
  if (paused_) return;
  End end{};
  if (Deadline(&end) <= context_.loop.now()) return Finish(end);
  Arm();
}

}  // namespace breakwater
