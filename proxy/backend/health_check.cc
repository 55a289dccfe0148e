#include "proxy/backend/health_check.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "proxy/backend/backend_socket.h"
#include "proxy/base/byte_writer.h"
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
  auto fd = Tcp() ? OpenStream(backend_->settings()) : OpenConnectedUdp(backend_->settings());
  if (!fd) return fd.error() == Error::kLimit ? HealthVerdict::kShortage : HealthVerdict::kNetwork;
  if (backend_->settings().use_proxy_protocol) {
    const std::string header = BuildProxyHeader({.local = true});
    outgoing_.assign(header.begin(), header.end());
  }
  if (!Tcp()) {
    outgoing_.insert(outgoing_.end(), query_.begin(), query_.end());
    if (send(fd->get(), outgoing_.data(), outgoing_.size(), 0) < 0) return VerdictOf(errno);
    poller_ =
        std::make_unique<Poller>(loop_, std::move(*fd), [this](bool, bool) { OnUdpReadable(); });
    poller_->Watch({.readable = true});
    return poller_->valid() ? HealthVerdict::kGood : HealthVerdict::kShortage;
  }
  const Address& to = backend_->address();
  if (connect(fd->get(), to.sockaddr_ptr(), to.sockaddr_length()) != 0 && errno != EINPROGRESS) {
    return VerdictOf(errno);
  }
  outgoing_.resize(outgoing_.size() + 2);
  StoreU16(outgoing_.data() + outgoing_.size() - 2, static_cast<uint16_t>(query_.size()));
  outgoing_.insert(outgoing_.end(), query_.begin(), query_.end());
  poller_ = std::make_unique<Poller>(
      loop_, std::move(*fd), [this](bool readable, bool writable) { OnTcp(readable, writable); });
  poller_->Watch({.readable = true, .writable = true});
  return poller_->valid() ? HealthVerdict::kGood : HealthVerdict::kShortage;
}

void HealthCheck::OnUdpReadable() {
  std::array<uint8_t, 4096> reply;
  const ssize_t got = recv(poller_->fd(), reply.data(), reply.size(), 0);
  if (got >= 0) return Judge({reply.data(), static_cast<size_t>(got)});
  if (errno != EAGAIN && errno != EINTR) Finish(HealthVerdict::kNetwork);
}

void HealthCheck::OnTcp(bool readable, bool writable) {
  if (writable && !outgoing_.empty() && !WriteTcp()) return Finish(HealthVerdict::kNetwork);
  if (readable) ReadTcp();
}

bool HealthCheck::WriteTcp() {
  const ssize_t sent = send(poller_->fd(), outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR || errno == EINPROGRESS;
  outgoing_.erase(outgoing_.begin(), outgoing_.begin() + sent);
  if (outgoing_.empty()) poller_->Watch({.readable = true});
  return true;
}

void HealthCheck::ReadTcp() {
  std::array<uint8_t, 4096> room;
  const ssize_t got = recv(poller_->fd(), room.data(), room.size(), 0);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR && errno != ENOTCONN) Finish(HealthVerdict::kNetwork);
    return;
  }
  if (got == 0) return Finish(HealthVerdict::kNetwork);
  incoming_.insert(incoming_.end(), room.begin(), room.begin() + got);
  if (incoming_.size() < 2) return;
  const size_t length = LoadU16(incoming_.data());
  if (incoming_.size() < 2 + length) return;
  Judge(std::span<const uint8_t>(incoming_).subspan(2, length));
}

void HealthCheck::Judge(std::span<const uint8_t> reply) {
  const HealthVerdict verdict = JudgeHealthReply(query_, reply, backend_->settings().health);
  if (verdict == HealthVerdict::kGood) reply_.assign(reply.begin(), reply.end());
  Finish(verdict);
}

void HealthCheck::Finish(HealthVerdict verdict) {
  loop_.timers().Cancel(timer_);
  timer_ = 0;
  if (poller_) poller_->Watch({});
  // A copy: the call may destroy this check, and with it the function.
  const Done done = done_;
  done(verdict, loop_.now() - sent_);
}

}  // namespace breakwater
