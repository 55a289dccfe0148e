// One connection of a Collector: its queue, its thread, its socket. Tell(), Start() and the rest
// as there. A connection that breaks loses nothing but what the kernel had taken: the message that
// was cut is sent again, whole.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <thread>

#include "proxy/base/counter.h"
#include "proxy/base/guarded.h"
#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"
#include "proxy/observe/collector.h"
#include "proxy/observe/frame_stream.h"

namespace breakwater {

class CollectorLane {
 public:
  // Refers to `settings`.
  CollectorLane(const CollectorSettings& settings, std::string name);
  ~CollectorLane();  // waits for the thread

  void Tell(std::string_view message);
  void Start();
  void AskToStop();
  bool Ended() const { return ended_; }
  Collector::Counts counts() const;

 private:
  struct Queue {
    std::string bytes;  // frames: length and message
    size_t entries = 0;
    size_t notify_at = 0;  // 0: the thread is not waiting for messages
    bool taking = false;   // the collector is there and takes them
  };
  // What ended a wait.
  enum class Event : uint8_t { kReady, kMessages, kTime };

  size_t PrefixSize() const { return settings_.framing == CollectorFraming::kLength16 ? 2 : 4; }
  void Run();
  bool Stopping();  // the first time it is true the farewell begins
  Event Wait(short events, MonoTime end);
  TextResult<void> Connect();
  TextResult<void> AwaitSocket(short events, MonoTime end);
  TextResult<void> SendControl(ControlFrame kind, MonoTime end);
  TextResult<void> AwaitControl(ControlFrame kind, MonoTime end);
  TextResult<void> Serve();
  TextResult<void> AwaitMessages(MonoTime flushed);
  TextResult<void> Write();
  TextResult<void> ReadWhatComes();
  void Farewell();
  void Fetch();
  void Advance(size_t written);
  void SetTaking(bool taking);
  void DropRest();

  const CollectorSettings& settings_;
  const std::string name_;
  SystemClock clock_;
  UniqueFd wake_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ended_{true};
  Guarded<Queue> queue_;
  SharedCounter sent_, dropped_, connect_failures_;
  // --- the thread's
  UniqueFd socket_;
  MonoTime farewell_end_;   // unset: it does not end yet
  std::string out_;         // frames taken from the queue
  size_t out_entries_ = 0;  // of these, not yet sent
  size_t out_at_ = 0;       // octets of it that the kernel has
  size_t frame_at_ = 0;     // where the first frame begins that it has not wholly
  std::thread thread_;
};

}  // namespace breakwater
