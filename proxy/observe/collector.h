// Sends messages to a collector of protobuf or dnstap (newRemoteLogger and the like). Tell() only
// copies into a bounded queue; a thread for each connection takes from there, so that a slow or
// dead collector never delays a query: what does not fit is dropped and counted.
//
// Made when the configuration is read; Start() is called once privileges were dropped. Shared by
// the actions that tell and by CollectorKeeper, which is the last to let go.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"

namespace breakwater {

enum class CollectorFraming : uint8_t {
  kLength16,     // two octets of length in front: PowerDNS's protobuf
  kFrameStream,  // dnstap's Frame Streams, both directions
};

struct CollectorSettings {
  Address server;         // or
  std::string unix_path;  // a socket of the file system
  CollectorFraming framing = CollectorFraming::kLength16;
  // Messages that wait at most while the collector takes none. One that takes them has room for
  // at least kBurst, for a turn of a worker's loop may bring hundreds.
  size_t queue_entries = 100;
  MonoTime patience = MonoTime::FromSeconds(2);   // of connecting and of the handshake
  MonoTime reconnect = MonoTime::FromSeconds(1);  // between two attempts
  uint32_t connections = 1;                       // each with a queue of its own, used in turn
  // When the thread looks at the queue: that many messages wait, or flush_after has passed.
  size_t notify_entries = 1;
  // When it writes: that many octets or messages have come together, or flush_after has passed.
  size_t gather_bytes = 0;
  size_t gather_entries = 1;
  MonoTime flush_after = MonoTime::FromSeconds(1);
};

class CollectorLane;

class Collector {
 public:
  static constexpr size_t kBurst = 4096;
  static constexpr size_t kQueueBytes = 4 << 20;                      // of each connection, at most
  static constexpr MonoTime kFarewell = MonoTime::FromSeconds(1);     // for what waits at the end
  static constexpr MonoTime kStallLimit = MonoTime::FromSeconds(30);  // then it connects anew

  struct Counts {
    uint64_t sent = 0;     // handed to the kernel, whole
    uint64_t dropped = 0;  // the queue was full, or it ended before they could be sent
    uint64_t connect_failures = 0;
  };

  explicit Collector(CollectorSettings settings);
  ~Collector();  // AskToStop(), and waits for the threads

  // Any thread; neither waits nor fails.
  void Tell(std::string_view message);

  // --- CollectorKeeper's
  void Start();      // once; more calls do nothing
  void AskToStop();  // what waits is still sent within kFarewell
  bool Ended() const;

  Counts counts() const;
  const CollectorSettings& settings() const { return settings_; }
  std::string Name() const;      // "192.0.2.1:4242", "/run/dnstap.sock"
  std::string ToString() const;  // with its counts

 private:
  const CollectorSettings settings_;
  std::vector<std::unique_ptr<CollectorLane>> lanes_;
  std::atomic<uint32_t> turn_{0};
};
using CollectorPtr = std::shared_ptr<Collector>;

}  // namespace breakwater
