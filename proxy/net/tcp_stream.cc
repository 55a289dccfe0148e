#include "proxy/net/tcp_stream.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "proxy/net/dns_framing.h"

namespace breakwater {
namespace {

constexpr size_t kMaxVectors = 128;  // of one system call

bool WouldBlock(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

TcpStream::TcpStream(Loop& loop, UniqueFd fd, StreamHandler& handler,
                     const TcpStreamOptions& options)
    : handler_(handler), max_held_bytes_(options.max_held_bytes), connecting_(options.connecting) {
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
  Piece piece{std::move(message), size, {}, kFrameLengthSize};
  PutFrameLength(size, piece.prefix);
  return Queue(std::move(piece));
}

bool TcpStream::QueueBytes(PacketBuffer bytes, size_t size) {
  return Queue(Piece{std::move(bytes), size, {}, 0});
}

bool TcpStream::Queue(Piece piece) {
  if (held_bytes_ > max_held_bytes_) return false;
  queued_bytes_ += piece.total();
  if (Append(piece)) return true;
  held_bytes_ += piece.bytes.capacity();
  queue_.push_back(std::move(piece));
  return true;
}

// Behind the last piece where its buffer has room, so that many small messages in large buffers do
// not take many times their own size.
bool TcpStream::Append(const Piece& piece) {
  if (first_ == queue_.size()) return false;
  Piece& last = queue_.back();
  if (last.bytes.capacity() - last.size < piece.total()) return false;
  uint8_t* const end = last.bytes.data() + last.size;
  std::copy_n(piece.prefix, piece.prefix_size, end);
  std::copy_n(piece.bytes.data(), piece.size, end + piece.prefix_size);
  last.size += piece.total();
  return true;
}

size_t TcpStream::FillVectors(std::span<iovec> vectors) {
  size_t count = 0;
  size_t skip = first_offset_;
  for (size_t i = first_; i < queue_.size() && count + 2 <= vectors.size(); ++i) {
    Piece& piece = queue_[i];
    if (skip < piece.prefix_size) {
      vectors[count++] = {piece.prefix + skip, piece.prefix_size - skip};
      skip = piece.prefix_size;
    }
    const size_t offset = skip - piece.prefix_size;
    if (offset < piece.size) vectors[count++] = {piece.bytes.data() + offset, piece.size - offset};
    skip = 0;
  }
  return count;
}

Stream::FlushStatus TcpStream::Flush() {
  if (connecting_) return queued_bytes_ == 0 ? FlushStatus::kDone : FlushStatus::kBlocked;
  while (queued_bytes_ > 0) {
    std::array<iovec, kMaxVectors> vectors;
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = FillVectors(vectors);
    const ssize_t sent = sendmsg(poller_->fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      Taken(static_cast<size_t>(sent));
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

void TcpStream::Taken(size_t bytes) {
  queued_bytes_ -= bytes;
  first_offset_ += bytes;
  while (first_ < queue_.size() && first_offset_ >= queue_[first_].total()) {
    first_offset_ -= queue_[first_].total();
    held_bytes_ -= queue_[first_].bytes.capacity();
    queue_[first_++].bytes.Reset();
  }
  // A queue that is never quite empty must not grow at its head.
  if (first_ == queue_.size() || first_ >= kMaxVectors) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<ptrdiff_t>(first_));
    first_ = 0;
  }
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
    const size_t before = queued_bytes_;
    if (Flush() == FlushStatus::kBroken) return handler_.OnBroken(errno);
    if (queued_bytes_ < before) handler_.OnWriteProgress();
    if (!*alive) return;
  }
  if (readable && reading_) handler_.OnReadable();
}

}  // namespace breakwater
