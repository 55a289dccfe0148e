// One connection to a backend, TCP or TLS, with the queries that wait on it. Owned by a
// StreamExchange, on its worker's thread. Watches its own times: connecting, writing, reading,
// idle. It never destroys itself: it tells its host that it is over, once, and does nothing after
// that.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proxy/backend/backend.h"
#include "proxy/base/random.h"
#include "proxy/dns/transfer_progress.h"
#include "proxy/net/dns_framing.h"
#include "proxy/net/loop.h"
#include "proxy/net/stream.h"
#include "proxy/query/query_sink.h"

namespace breakwater {

// A query on its way; the message is kept for sending it again.
struct StreamRequest {
  FlightId flight;
  uint8_t attempt = 0;
  uint32_t retries_left = 0;
  uint16_t name_length = 0;
  std::vector<uint8_t> message;
  MessageOrigin origin{};  // told to backends with addXForwardedHeaders
  std::string header{};    // of the PROXY protocol: goes over a connection that began with it
  std::optional<dns::TransferProgress> transfer{};
  bool begun = false;  // a part of the answer was handed on: it cannot be asked again
};
using StreamRequestPtr = std::unique_ptr<StreamRequest>;

class BackendConnection : public StreamHandler {
 public:
  enum class End : uint8_t {
    kClosed,  // by the peer, in order
    kBroken,
    kRefused,
    kConnectTimeout,
    kWriteTimeout,
    kReadTimeout,
    kIdle,  // nothing asked for too long, or no longer wanted
  };
  // A reply that is not taken.
  enum class Stray : uint8_t {
    kLate,          // nothing waits for it
    kNoncompliant,  // it answers another question, or none
  };
  class Host {
   public:
    virtual ~Host() = default;
    // The reply may be edited; it is valid during the call.
    virtual void OnAnswer(BackendConnection& from, StreamRequestPtr request,
                          std::span<uint8_t> reply) = 0;
    // One message of a transfer, more will come; the request stays. Valid and editable as above.
    virtual void OnPart(const StreamRequest& request, std::span<uint8_t> part) = 0;
    // Asked before more of a transfer is read; false: it was paused.
    virtual bool MayRead(const StreamRequest& request) = 0;
    virtual void OnStray(Stray stray) = 0;
    // To be destroyed after this call returned to the loop, its requests taken before.
    virtual void OnEnd(BackendConnection& connection, End end) = 0;
  };
  struct Context {
    Loop& loop;
    Random& random;
    PacketPool& packets;
    Host& host;
    bool allow_empty_response = false;  // see dns::ReplyMatchOptions
  };

  // `header` is what goes first, once. kIo: no connection could be begun (logged).
  static Result<std::unique_ptr<BackendConnection>> Open(const Context& context,
                                                         const BackendPtr& backend,
                                                         uint32_t idle_ms,
                                                         const std::string& header);
  ~BackendConnection() override;

  // Room for that query, the header it needs, and nothing known against the connection. A transfer
  // has one to itself.
  bool CanTake(const StreamRequest& request) const;
  bool idle() const { return requests_.empty() && !ended_; }
  uint64_t answered() const { return answered_; }
  MonoTime opened() const { return opened_; }
  // Queued until the next Flush. False, and the request left alone, where the peer takes nothing.
  bool Send(StreamRequestPtr& request);
  bool Carries(FlightId flight, uint8_t attempt) const;
  bool has_unsent() const { return connecting_ || stream_->queued_bytes() > 0; }
  // Nobody waits for that query any longer: no further ones are put behind it.
  void Cancel(FlightId flight, uint8_t attempt);
  void Flush();
  void Close() { Finish(End::kIdle); }
  std::vector<StreamRequestPtr> TakeRequests();
  // No reading, and no read time-out, until Resume().
  void Pause();
  void Resume();

  void OnConnected() override;
  void OnReadable() override;
  void OnWriteProgress() override;
  void OnBroken(int error) override;

 private:
  BackendConnection(const Context& context, BackendPtr backend, uint32_t idle_ms);
  void OnMessage(std::span<const uint8_t> message);
  bool TakePart(StreamRequest& asked);
  bool MayRead() const;
  void Finish(End end);
  MonoTime Deadline(End* end) const;
  void Arm();
  void OnTimer();
  void QueueHeader(const std::string& header);

  Context context_;
  BackendPtr backend_;
  uint32_t idle_ms_;
  std::string header_;
  std::unique_ptr<Stream> stream_;
  FrameDecoder decoder_;
  absl::flat_hash_map<uint16_t, StreamRequestPtr> requests_;
  std::vector<uint8_t> reply_;
  uint64_t answered_ = 0;
  MonoTime opened_;
  MonoTime last_read_;   // or when the first of the waiting queries was sent
  MonoTime last_write_;  // or when there was first something to write
  bool connecting_ = true;
  bool retired_ = false;
  bool transferring_ = false;
  bool paused_ = false;
  bool ended_ = false;
  TimerId timer_ = 0;
  MonoTime timer_at_;
};

}  // namespace breakwater
