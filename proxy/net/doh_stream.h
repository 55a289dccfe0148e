// DNS over HTTPS towards a nameserver (RFC 8484), as a Stream of framed DNS messages: each message
// queued becomes a POST over HTTP/2, each answer comes out of Read() with its two bytes of length.
// A request that HTTP fails (another status, a reset stream) is answered with SERVFAIL of our own,
// so that whoever asked need know nothing of HTTP.
#pragma once

#include <nghttp2/nghttp2.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

namespace breakwater {

struct DohStreamOptions {
  std::string authority;
  std::string path;
};

class DohStream : public Stream, private StreamHandler {
 public:
  // `handler` must outlive the stream. Carry() comes before anything else.
  DohStream(Loop& loop, StreamHandler& handler, DohStreamOptions options);
  ~DohStream() override;

  // The handler of what carries the connection, which must speak TLS and "h2".
  StreamHandler& below() { return *this; }
  void Carry(std::unique_ptr<Stream> stream) { stream_ = std::move(stream); }

  ReadResult Read(std::span<uint8_t> room) override;
  void SetOrigin(const MessageOrigin& origin) override { origin_ = origin; }
  bool QueueMessage(PacketBuffer message, size_t size) override;
  // In front of all HTTP, so before the first message.
  bool QueueBytes(PacketBuffer bytes, size_t size) override {
    return stream_->QueueBytes(std::move(bytes), size);
  }
  FlushStatus Flush() override;
  size_t queued_bytes() const override { return stream_->queued_bytes() + unsent_; }
  size_t held_bytes() const override { return stream_->held_bytes() + unsent_; }
  void PauseReading() override;
  void ResumeReading() override;
  void ShutDownWriting() override;
  bool MayQueue() const override;
  const TlsFacts* tls() const override { return stream_->tls(); }
  std::string_view failure() const override;

 private:
  struct Request;
  struct Callbacks;

  void OnConnected() override;
  void OnReadable() override;
  void OnWriteProgress() override;
  void OnBroken(int error) override;

  void Break(std::string reason);
  bool Pump();
  void Answered(Request& request);
  void Deliver(std::span<const uint8_t> message);
  void Notify();

  Loop& loop_;
  StreamHandler& handler_;
  const DohStreamOptions options_;
  PacketPool packets_;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, std::unique_ptr<Request>> requests_;
  std::vector<uint8_t> inbox_;  // framed answers not yet read
  size_t inbox_read_ = 0;
  size_t unsent_ = 0;     // octets of messages that nghttp2 holds
  MessageOrigin origin_;  // of the next message; no address: not told
  std::string failure_;
  bool open_ = false;
  bool reading_ = false;
  bool ended_ = false;  // the peer sends no more
  bool broken_ = false;
  bool going_away_ = false;  // no further requests
  TimerId notify_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<Stream> stream_;  // last: its handler is this object
};

}  // namespace breakwater
