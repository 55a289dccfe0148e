#include "proxy/backend/health_check.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "proxy/backend/backend_socket.h"
#include "proxy/backend/backend_stream.h"
#include "proxy/net/proxy_protocol.h"

namespace breakwater {
namespace {

HealthVerdict VerdictOf(int error) {
  return IsShortage(error) ? HealthVerdict::kShortage : HealthVerdict::kNetwork;
}

}  // namespace

HealthCheck::HealthCheck(Loop& loop, BackendPtr backend, Done done)
    : loop_(loop), backend_(std::move(backend)), done_(std::move(done)) {}

HealthCheck::~HealthCheck() {
  loop_.timers().Cancel(timer_);
}

void HealthCheck::Send(std::vector<uint8_t> query) {
  query_ = std::move(query);
  sent_ = loop_.now();
  HealthVerdict verdict = Begin();
  MonoTime until = sent_;
  if (verdict == HealthVerdict::kGood) {
    verdict = HealthVerdict::kTimeout;
    until = until + MonoTime::FromMs(backend_->health().timeout_ms());
  }
  timer_ = loop_.timers().Add(until, [this, verdict] {
    timer_ = 0;
    Finish(verdict);
  });
}

HealthVerdict HealthCheck::Begin() {
  if (Tcp()) {
    auto stream = OpenBackendStream(loop_, backend_, *this, StreamUse::kHealthCheck);
    if (!stream) {
      return stream.error() == Error::kLimit ? HealthVerdict::kShortage : HealthVerdict::kNetwork;
    }
    stream_ = std::move(*stream);
    return HealthVerdict::kGood;
  }
  auto fd = OpenConnectedUdp(backend_->settings());
  if (!fd) return fd.error() == Error::kLimit ? HealthVerdict::kShortage : HealthVerdict::kNetwork;
  const std::string header = Header();
  std::vector<uint8_t> outgoing(header.begin(), header.end());
  outgoing.insert(outgoing.end(), query_.begin(), query_.end());
  if (send(fd->get(), outgoing.data(), outgoing.size(), 0) < 0) return VerdictOf(errno);
  poller_ =
      std::make_unique<Poller>(loop_, std::move(*fd), [this](bool, bool) { OnUdpReadable(); });
  poller_->Watch({.readable = true});
  return poller_->valid() ? HealthVerdict::kGood : HealthVerdict::kShortage;
}

void HealthCheck::OnUdpReadable() {
  std::array<uint8_t, 4096> reply;
  const ssize_t got = recv(poller_->fd(), reply.data(), reply.size(), 0);
  if (got >= 0) return Judge({reply.data(), static_cast<size_t>(got)});
  if (errno != EAGAIN && errno != EINTR) Finish(HealthVerdict::kNetwork);
}

// Of the PROXY protocol, in front of the query; empty for none.
std::string HealthCheck::Header() const {
  return backend_->settings().use_proxy_protocol ? BuildProxyHeader({.local = true}) : "";
}

void HealthCheck::OnConnected() {
  NoteBackendOpen(*backend_, *stream_);
  if (const std::string header = Header(); !header.empty()) {
    PacketBuffer bytes = packets_.Get(header.size());
    std::copy(header.begin(), header.end(), bytes.data());
    stream_->QueueBytes(std::move(bytes), header.size());
  }
  PacketBuffer copy = packets_.Get(query_.size());
  std::copy(query_.begin(), query_.end(), copy.data());
  stream_->QueueMessage(std::move(copy), query_.size());
  if (stream_->Flush() == Stream::FlushStatus::kBroken) return Finish(HealthVerdict::kNetwork);
  stream_->ResumeReading();
}

void HealthCheck::OnReadable() {
  std::array<uint8_t, 4096> room;
  const Stream::ReadResult read = stream_->Read(room);
  if (read.status == Stream::ReadStatus::kNothing) return;
  if (read.status != Stream::ReadStatus::kData) return OnBroken(read.error);
  std::span<const uint8_t> input(room.data(), read.bytes);
  if (const auto reply = decoder_.Next(input)) Judge(*reply);
}

void HealthCheck::OnBroken(int) {
  NoteBackendBroken(*backend_, *stream_);
  Finish(HealthVerdict::kNetwork);
}

void HealthCheck::Judge(std::span<const uint8_t> reply) {
  const HealthVerdict verdict = JudgeHealthReply(query_, reply, backend_->settings().health);
  reply_.assign(reply.begin(), reply.end());
  Finish(verdict);
}

void HealthCheck::Finish(HealthVerdict verdict) {
  loop_.timers().Cancel(timer_);
  timer_ = 0;
  if (poller_) poller_->Watch({});
  if (stream_) {
    stream_->PauseReading();
    stream_->ShutDownWriting();
  }
  // A copy: the call may destroy this check, and with it the function.
  const Done done = done_;
  done(verdict, loop_.now() - sent_);
}

}  // namespace breakwater
