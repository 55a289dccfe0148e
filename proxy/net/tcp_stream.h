// Plain TCP as a Stream: a non-blocking descriptor under a Poller (never uv_tcp), with a bounded
// write queue that leaves in one system call a turn.
#pragma once

#include <memory>
#include <span>

#include "proxy/net/loop.h"
#include "proxy/net/stream.h"
#include "proxy/net/write_queue.h"

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
  size_t queued_bytes() const override { return queue_.bytes(); }
  size_t held_bytes() const override { return queue_.held_bytes(); }
  void PauseReading() override;
  void ResumeReading() override;
  void ShutDownWriting() override;

  int fd() const { return poller_->fd(); }

 private:
  void OnEvents(bool readable, bool writable);
  void UpdateWatch();

  StreamHandler& handler_;
  std::unique_ptr<Poller> poller_;
  WriteQueue queue_;
  bool connecting_;
  bool reading_ = false;
  bool blocked_ = false;  // the kernel's buffer is full: waiting to become writable
  // False once destroyed; OnEvents keeps it to notice its own end within a handler.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace breakwater
