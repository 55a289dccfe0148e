#include "proxy/net/tcp_stream.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

namespace breakwater {
namespace {

constexpr size_t kMaxVectors = 128;  // of one system call

bool WouldBlock(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

TcpStream::TcpStream(Loop& loop, UniqueFd fd, StreamHandler& handler,
                     const TcpStreamOptions& options)
    : handler_(handler), queue_(options.max_held_bytes), connecting_(options.connecting) {
  poller_ = std::make_unique<Poller>(
      loop, std::move(fd), [this](bool readable, bool writable) { OnEvents(readable, writable); });
  UpdateWatch();
}

TcpStream::~TcpStream() {
  *alive_ = false;
}

Stream::ReadResult TcpStream::Read(std::span<uint8_t> room) {
  for (;;) {
    const ssize_t got = recv(poller_->fd(), room.data(), room.size(), 0);
    if (got > 0) return {ReadStatus::kData, static_cast<size_t>(got), 0};
    if (got == 0) return {ReadStatus::kEnd, 0, 0};
    if (errno == EINTR) continue;
    if (WouldBlock(errno)) return {ReadStatus::kNothing, 0, 0};
    return {ReadStatus::kBroken, 0, errno};
  }
}

bool TcpStream::QueueMessage(PacketBuffer message, size_t size) {
  return queue_.PushMessage(std::move(message), size);
}

bool TcpStream::QueueBytes(PacketBuffer bytes, size_t size) {
  return queue_.PushBytes(std::move(bytes), size);
}

Stream::FlushStatus TcpStream::Flush() {
  if (connecting_) return queue_.bytes() == 0 ? FlushStatus::kDone : FlushStatus::kBlocked;
  while (queue_.bytes() > 0) {
    std::array<iovec, kMaxVectors> vectors;
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = queue_.FillVectors(vectors);
    const ssize_t sent = sendmsg(poller_->fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      queue_.Taken(static_cast<size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (!WouldBlock(errno)) return FlushStatus::kBroken;
    blocked_ = true;
    UpdateWatch();
    return FlushStatus::kBlocked;
  }
  blocked_ = false;
  UpdateWatch();
  return FlushStatus::kDone;
}

void TcpStream::PauseReading() {
  reading_ = false;
  UpdateWatch();
}

void TcpStream::ResumeReading() {
  reading_ = true;
  UpdateWatch();
}

void TcpStream::ShutDownWriting() {
  (void)shutdown(poller_->fd(), SHUT_WR);
}

void TcpStream::UpdateWatch() {
  poller_->Watch({.readable = reading_ && !connecting_, .writable = blocked_ || connecting_});
}

// Each handler call may destroy this stream; nothing of it is touched after that.
void TcpStream::OnEvents(bool readable, bool writable) {
  const std::shared_ptr<bool> alive = alive_;
  if (writable && connecting_) {
    int error = 0;
    socklen_t length = sizeof(error);
    getsockopt(poller_->fd(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return handler_.OnBroken(error);
    connecting_ = false;
    UpdateWatch();
    return handler_.OnConnected();
  }
  if (writable && blocked_) {
    const size_t before = queue_.bytes();
    if (Flush() == FlushStatus::kBroken) return handler_.OnBroken(errno);
    if (queue_.bytes() < before) handler_.OnWriteProgress();
    if (!*alive) return;
  }
  if (readable && reading_) handler_.OnReadable();
}

}  // namespace breakwater
