// Plain TCP as a Stream: a non-blocking descriptor under a Poller (never uv_tcp), with a bounded
// write queue that leaves in one system call a turn.
#pragma once

#include <sys/uio.h>

#include <memory>
#include <span>
#include <vector>

#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

namespace breakwater {

struct TcpStreamOptions {
  bool connecting = false;                  // connect() was called and has not finished
  size_t max_held_bytes = size_t{1} << 20;  // one message more than this may be queued
};

class TcpStream : public Stream {
 public:
  // Takes a non-blocking socket. Reading is off until ResumeReading(). `handler` must outlive the
  // stream.
  TcpStream(Loop& loop, UniqueFd fd, StreamHandler& handler, const TcpStreamOptions& options);
  ~TcpStream() override;

  ReadResult Read(std::span<uint8_t> room) override;
  bool QueueMessage(PacketBuffer message, size_t size) override;
  bool QueueBytes(PacketBuffer bytes, size_t size) override;
  FlushStatus Flush() override;
  size_t queued_bytes() const override { return queued_bytes_; }
  size_t held_bytes() const override { return held_bytes_; }
  void PauseReading() override;
  void ResumeReading() override;
  void ShutDownWriting() override;

  int fd() const { return poller_->fd(); }

 private:
  struct Piece {
    PacketBuffer bytes;
    size_t size;
    uint8_t prefix[2];
    uint8_t prefix_size;  // 0 for bytes as they are
    size_t total() const { return size + prefix_size; }
  };
  void OnEvents(bool readable, bool writable);
  bool Queue(Piece piece);
  bool Append(const Piece& piece);
  size_t FillVectors(std::span<iovec> vectors);
  void Taken(size_t bytes);
  void UpdateWatch();

  StreamHandler& handler_;
  std::unique_ptr<Poller> poller_;
  std::vector<Piece> queue_;
  size_t first_ = 0;         // of queue_; those before it have left
  size_t first_offset_ = 0;  // bytes of the first piece that have left
  size_t queued_bytes_ = 0;
  size_t held_bytes_ = 0;  // capacity of the buffers in queue_
  size_t max_held_bytes_;
  bool connecting_;
  bool reading_ = false;
  bool blocked_ = false;  // the kernel's buffer is full: waiting to become writable
  // False once destroyed; OnEvents keeps it to notice its own end within a handler.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace breakwater
