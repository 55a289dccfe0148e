// A connection as a stream of bytes, whatever carries it: TCP alone, or TLS over it. Messages to
// write are queued and leave together at Flush(), once a turn. Owned by a client connection or a
// backend connection, used on its worker's thread alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/base/address.h"
#include "proxy/base/packet_pool.h"
#include "proxy/net/tls_settings.h"

namespace breakwater {

// What a stream tells its owner. The owner may destroy the stream within any of these calls.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  // An outgoing connection is open (streams made with `connecting`), and a TLS handshake is over:
  // comes once, first. Not for a plain stream that was accepted.
  virtual void OnConnected() {}
  // There is something to read, or the end, or an error: call Read().
  virtual void OnReadable() = 0;
  // The kernel took some of what a Flush had left over.
  virtual void OnWriteProgress() = 0;
  // The connection is broken (errno); nothing more can be written.
  virtual void OnBroken(int error) = 0;
};

// What a handshake agreed upon.
struct TlsFacts {
  TlsVersion version = TlsVersion::kUnknown;
  bool resumed = false;
  std::string server_name;  // that the client named; empty for none
  std::string alpn;         // empty: none agreed
};

struct MessageOrigin {
  Address client;
  std::string_view transport;  // "dns-over-udp"; a literal
};

class Stream {
 public:
  enum class ReadStatus : uint8_t {
    kData,     // `bytes` of them
    kNothing,  // nothing now: wait for OnReadable
    kEnd,      // the peer will send no more; it may still read
    kBroken,   // `error` is the errno
  };
  struct ReadResult {
    ReadStatus status = ReadStatus::kNothing;
    size_t bytes = 0;
    int error = 0;
  };
  enum class FlushStatus : uint8_t {
    kDone,     // the queue is empty
    kBlocked,  // the rest leaves when the kernel has room; OnWriteProgress tells
    kBroken,   // as OnBroken, which is not called then
  };

  virtual ~Stream() = default;
  virtual ReadResult Read(std::span<uint8_t> room) = 0;
  // Queues a DNS message of `size` bytes with its two bytes of length in front. False, and nothing
  // queued, when the queue is full: the peer does not read.
  virtual bool QueueMessage(PacketBuffer message, size_t size) = 0;
  // Whose message is queued next, for a peer that is told (HTTP's x-forwarded headers).
  virtual void SetOrigin(const MessageOrigin& origin) { (void)origin; }
  // Queues bytes as they are (a PROXY protocol header).
  virtual bool QueueBytes(PacketBuffer bytes, size_t size) = 0;
  virtual FlushStatus Flush() = 0;
  virtual size_t queued_bytes() const = 0;
  // The memory that those take: never less, and bounded by a multiple of them and one buffer.
  virtual size_t held_bytes() const = 0;
  // Reading is off until ResumeReading(): while it is off the kernel's window holds the peer back.
  virtual void PauseReading() = 0;
  virtual void ResumeReading() = 0;
  // No more will be written: tells the peer, after what was flushed.
  virtual void ShutDownWriting() = 0;
  // False once it takes no further message, though those queued go on.
  virtual bool MayQueue() const { return true; }
  // Of TLS, once the handshake is over; null for plain TCP.
  virtual const TlsFacts* tls() const { return nullptr; }
  // Why TLS failed: "no shared cipher", or what is wrong with the peer's certificate. Empty while
  // nothing did.
  virtual std::string_view failure() const { return {}; }
};

}  // namespace breakwater
