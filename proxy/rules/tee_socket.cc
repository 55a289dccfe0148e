#include "proxy/rules/tee_socket.h"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/dns/header.h"

namespace breakwater {
namespace {

// Answers read before the thread looks whether it is to end.
constexpr int kBatch = 64;

}  // namespace

TextResult<std::shared_ptr<TeeSocket>> TeeSocket::Open(const Address& server,
                                                       const Address& source) {
  UniqueFd fd(socket(server.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return Fail(fmt::format("cannot make a socket: {}", std::strerror(errno)));
  if (source.IsSet()) {
    Address local = source;
    local.set_port(0);
    if (bind(fd.get(), local.sockaddr_ptr(), local.sockaddr_length()) != 0) {
      return Fail(fmt::format("cannot send from {}: {}", local.ToString(), std::strerror(errno)));
    }
  }
  if (connect(fd.get(), server.sockaddr_ptr(), server.sockaddr_length()) != 0) {
    return Fail(
        fmt::format("cannot send to {}: {}", server.ToStringWithPort(), std::strerror(errno)));
  }
  UniqueFd stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.valid()) return Fail(fmt::format("cannot make an event: {}", std::strerror(errno)));
  return std::make_shared<TeeSocket>(server, std::move(fd), std::move(stop));
}

TeeSocket::TeeSocket(const Address& server, UniqueFd socket, UniqueFd stop)
    : server_(server), socket_(std::move(socket)), stop_(std::move(stop)) {}

TeeSocket::~TeeSocket() {
  AskToStop();
  if (thread_.joinable()) thread_.join();
}

void TeeSocket::Send(std::string_view header, std::span<const uint8_t> message) {
  iovec parts[] = {{.iov_base = const_cast<char*>(header.data()), .iov_len = header.size()},
                   {.iov_base = const_cast<uint8_t*>(message.data()), .iov_len = message.size()}};
  msghdr datagram{};
  datagram.msg_iov = parts;
  datagram.msg_iovlen = 2;
  const auto send_it = [&] {
    return sendmsg(socket_.get(), &datagram, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
  };
  // A refusal that an earlier copy met is told to this one, which was not sent then.
  if (send_it() || (errno == ECONNREFUSED && send_it())) {
    sent_.Add();
  } else {
    send_errors_.Add();
  }
}

void TeeSocket::Start() {
  if (thread_.joinable() || stopping_) return;
  ended_ = false;
  thread_ = std::thread([this] { Run(); });
}

void TeeSocket::AskToStop() {
  stopping_ = true;
  const uint64_t one = 1;
  (void)!write(stop_.get(), &one, sizeof(one));
}

void TeeSocket::Run() {
  pthread_setname_np(pthread_self(), "bw/tee");
  while (!stopping_) {
    pollfd both[] = {{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                     {.fd = socket_.get(), .events = POLLIN, .revents = 0}};
    if (poll(both, 2, -1) <= 0) continue;
    if (both[1].revents != 0) ReadAnswers();
  }
  ended_ = true;
}

void TeeSocket::ReadAnswers() {
  // The header is all that counts; the kernel drops the rest.
  std::array<uint8_t, dns::kHeaderSize> header;
  for (int i = 0; i < kBatch; ++i) {
    const ssize_t size = recv(socket_.get(), header.data(), header.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const dns::Header read(header.data());
    if (size != static_cast<ssize_t>(header.size()) || !read.Has(dns::kFlagQr)) {
      receive_errors_.Add();
      continue;
    }
    by_rcode_[static_cast<size_t>(read.rcode()) % by_rcode_.size()].Add();
  }
}

TeeSocket::Counts TeeSocket::counts() const {
  Counts counts{.queries = queries_.Get(),
                .responses = 0,
                .receive_errors = receive_errors_.Get(),
                .send_errors = send_errors_.Get(),
                .stream_drops = stream_drops_.Get(),
                .by_rcode = {}};
  for (size_t i = 0; i < by_rcode_.size(); ++i) {
    counts.by_rcode[i] = by_rcode_[i].Get();
    counts.responses += counts.by_rcode[i];
  }
  return counts;
}

void TeeSocket::Count(Counters& counters) {
  const Counts now = counts();
  const auto add = [&](Metric metric, uint64_t value, uint64_t& told) {
    counters.Add(metric, value - std::exchange(told, value));
  };
  add(Metric::kTeeSent, sent_.Get(), told_.sent);
  add(Metric::kTeeDropped, now.send_errors + now.stream_drops, told_.dropped);
  add(Metric::kTeeResponses, now.responses, told_.responses);
}

}  // namespace breakwater
