// TLS as a Stream, on the descriptor itself (SSL_set_fd), so that the kernel can take it over and
// an idle connection is small. What one turn queues leaves in records as large as TLS allows.
// The handshake goes on by itself, whether reading is on or off.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "proxy/net/loop.h"
#include "proxy/net/stream.h"
#include "proxy/net/tls_counters.h"
#include "proxy/net/tls_server.h"
#include "proxy/net/write_queue.h"

namespace breakwater {

// How far what comes in the clear before the handshake was read.
enum class TlsPreface : uint8_t {
  kMore,  // the rest is not there yet
  kDone,  // the next byte is TLS
  kOver,  // there will be no handshake; the owner has ended the connection
};

struct TlsStreamOptions {
  enum class Role : uint8_t { kServer, kClient };
  Role role = Role::kServer;
  bool connecting = false;                  // connect() was called and has not finished
  size_t max_held_bytes = size_t{1} << 20;  // one message more than this may be queued
  TlsCounters* counters = nullptr;          // of failed handshakes
  // Reads a PROXY header off the socket; called until it is done, whenever there is something.
  std::function<TlsPreface(int fd)> preface{};
};

struct TlsSocket {
  UniqueFd fd;  // non-blocking
  TlsSession session;
};

class TlsStream : public Stream {
 public:
  // Reading is off until ResumeReading(). `handler` and the counters must outlive the stream.
  TlsStream(Loop& loop, TlsSocket socket, StreamHandler& handler, TlsStreamOptions options);
  ~TlsStream() override;

  ReadResult Read(std::span<uint8_t> room) override;
  bool QueueMessage(PacketBuffer message, size_t size) override;
  bool QueueBytes(PacketBuffer bytes, size_t size) override;
  FlushStatus Flush() override;
  size_t queued_bytes() const override { return queue_.bytes(); }
  size_t held_bytes() const override { return queue_.held_bytes(); }
  void PauseReading() override;
  void ResumeReading() override;
  void ShutDownWriting() override;
  const TlsFacts* tls() const override { return facts_ ? &*facts_ : nullptr; }

  std::string_view failure() const override { return failure_; }
  SSL* ssl() const { return session_.ssl.get(); }

 private:
  enum class Phase : uint8_t { kConnecting, kPreface, kHandshake, kOpen, kBroken };
  void OnEvents(bool readable, bool writable);
  bool ReadPreface();
  void Shake();
  void HandshakeDone();
  void HandshakeFailed(int ssl_error);
  static void OnMessage(int written, int version, int type, const void* bytes, size_t size,
                        SSL* ssl, void* stream);
  void Readable();
  void UpdateWatch();
  void ScheduleRead();
  bool HasUnread() const;

  Loop& loop_;
  StreamHandler& handler_;
  TlsSession session_;
  std::unique_ptr<Poller> poller_;
  WriteQueue queue_;
  TlsStreamOptions options_;
  Phase phase_;
  bool reading_ = false;
  bool blocked_ = false;      // waiting to become writable
  bool wants_read_ = false;   // the handshake, or a write, waits for the peer
  bool read_writes_ = false;  // a read waits to become writable
  bool drained_ = false;      // the last read found no whole record: what is pending is a part
  std::optional<TlsFacts> facts_;
  std::string failure_;
  uint32_t idle_messages_ = 0;  // of the handshake protocol since data came
  TimerId read_timer_ = 0;
  // False once destroyed; OnEvents keeps it to notice its own end within a handler.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace breakwater
