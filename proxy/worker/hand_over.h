// Which worker serves a connection that was just accepted (MECHANISMS.md, 8): the kernel spreads
// connections by their number, not by what they cost. Counts and shares in, a choice out; no
// sockets, no threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>

namespace breakwater {

struct WorkerLoad {
  uint64_t connections = 0;
  uint32_t busy_percent = 0;  // of the last second
};

// Kept by a worker, read by the others; whoever hands a connection over counts it at once, until
// the worker says anew what it has.
class alignas(64) SharedLoad {
 public:
  WorkerLoad Get() const {
    return {connections_.load(std::memory_order_relaxed), busy_.load(std::memory_order_relaxed)};
  }
  void SetConnections(uint64_t count) { connections_.store(count, std::memory_order_relaxed); }
  void AddConnection() { connections_.fetch_add(1, std::memory_order_relaxed); }
  void SetBusy(uint32_t percent) { busy_.store(percent, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> connections_{0};
  std::atomic<uint32_t> busy_{0};
};

// `loads` of the workers that serve the bind; `self` is the one that accepted, its connection not
// counted yet. Nothing: it keeps the connection. It gives it away with more than 1.25 times the
// mean and 8 more connections, or over 80 percent busy, to the least busy one, should that one be
// clearly better off.
std::optional<size_t> ChooseHandOver(std::span<const WorkerLoad> loads, size_t self);

}  // namespace breakwater
