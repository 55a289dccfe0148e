// The hardware addresses of the hosts on the networks of this one, as the kernel knows them. A
// thread of its own listens to the kernel (rtnetlink) and keeps the table; whoever looks up does
// no system call. Nothing runs until somebody wants to know.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"
#include "proxy/base/counter.h"
#include "proxy/base/shard_lock.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {

using MacAddress = std::array<uint8_t, 6>;

class NeighbourTable {
 public:
  // Neighbours at most, in all; more are not found, and counted.
  static constexpr size_t kMost = 65'536;
  // Between two times that the whole table is read anew (the kernel had more news than fit).
  static constexpr MonoTime kLeastPause = MonoTime::FromSeconds(1);

  NeighbourTable() = default;
  ~NeighbourTable() { Stop(); }
  NeighbourTable(const NeighbourTable&) = delete;
  NeighbourTable& operator=(const NeighbourTable&) = delete;

  // Any thread: the table is to be kept, from the next KeepIfWanted() on.
  void Want() { wanted_.store(true, std::memory_order_relaxed); }
  // Any thread; wants the table. Nothing where the kernel knows none, or it is not kept yet. The
  // port does not count; of link-local addresses the interface does.
  std::optional<MacAddress> Find(const Address& host);

  // --- the server's, one thread at a time
  // Begins to keep the table where it is wanted, once.
  void KeepIfWanted();
  void Stop();
  // Control thread: adds what happened since the last call.
  void Count(Counters& counters);

  size_t size() const;

  // By address: 16 octets, those of IPv4 mapped to IPv6, and the interface of a link-local one.
  struct Key {
    std::array<uint8_t, 16> address{};
    uint32_t interface = 0;
    bool operator==(const Key&) const = default;
    template <typename H>
    friend H AbslHashValue(H state, const Key& key) {
      return H::combine(std::move(state), key.address, key.interface);
    }
  };
  // The thread's, and tests': the kernel's messages as they come. True at the end of a dump.
  bool Take(std::span<const uint8_t> messages);

 private:
  struct Entry {
    MacAddress mac{};
    uint32_t dump = 0;  // the one that told of it last
  };
  struct alignas(64) Shard {
    mutable ShardLock lock;
    absl::flat_hash_map<Key, Entry> entries BW_GUARDED_BY(lock);
  };
  static constexpr size_t kShards = 16;

  Shard& ShardOf(const Key& key);
  void Set(const Key& key, const MacAddress& mac);
  void Erase(const Key& key);
  void EraseOlder();
  void Run();
  bool Ask(int socket);
  enum class Received : uint8_t { kMore, kEnd, kFailed };
  Received Receive(int socket);
  // False where the kernel had more news than fit, or nothing can be read.
  bool Listen(int socket);

  std::atomic<bool> wanted_{false};
  std::atomic<bool> stopping_{false};
  std::array<Shard, kShards> shards_;
  SharedCounter errors_;
  uint64_t told_errors_ = 0;
  UniqueFd stop_;
  friend std::optional<MacAddress> AskForNeighbour(const Address& host);
  // --- the thread's
  SystemClock clock_;
  uint32_t dump_ = 1;
  std::thread thread_;
};

// Asks the kernel for one host, with system calls: for the script thread, never for a worker.
std::optional<MacAddress> AskForNeighbour(const Address& host);

// The key of a host as it is looked up.
NeighbourTable::Key NeighbourKey(const Address& host);

}  // namespace breakwater
