// What one exchange over datagrams has sent and not heard of: {socket, ID} -> attempt of a flight,
// with the header and question as sent, to which a reply must be equal. IDs are drawn at random.
// One exchange, one thread. In steady state nothing is allocated.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <span>
#include <vector>

#include "proxy/base/random.h"
#include "proxy/base/result.h"
#include "proxy/query/query_sink.h"

namespace breakwater {

class ReplyTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Entry {
    FlightId flight;
    uint8_t attempt = 0;
    bool sent = false;  // false: waits in a batch
    uint16_t socket = 0;
    uint16_t id = 0;
    uint16_t name_length = 0;
    std::vector<uint8_t> question;  // header and question as sent
    uint32_t previous = kNone;      // others on the same socket
    uint32_t next = kNone;
  };

  explicit ReplyTable(Random& random) : random_(random) {}

  // `message` needs a question. The entry's number; kLimit: the socket's IDs are used up (the
  // caller draws another). Errors of ParseQuestion where there is none.
  Result<uint32_t> Add(uint16_t socket, FlightId flight, uint8_t attempt,
                       std::span<const uint8_t> message);
  Entry& At(uint32_t number) { return entries_[number]; }
  uint32_t Find(uint16_t socket, uint16_t id) const;             // kNone: nothing
  uint32_t FindAttempt(FlightId flight, uint8_t attempt) const;  // kNone: nothing
  void Remove(uint32_t number);

  size_t size() const { return by_id_.size(); }
  size_t CountOn(uint16_t socket) const;
  // The numbers of what was sent on that socket.
  void CollectSent(uint16_t socket, std::vector<uint32_t>* numbers) const;

 private:
  struct SocketList {
    uint32_t head = kNone;
    size_t count = 0;
  };
  static uint32_t KeyOf(uint16_t socket, uint16_t id) {
    return static_cast<uint32_t>(socket) << 16 | id;
  }
  static uint64_t KeyOf(FlightId flight, uint8_t attempt) {
    return static_cast<uint64_t>(flight.slot) << 8 | attempt;
  }

  Random& random_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> free_;
  std::vector<SocketList> sockets_;
  absl::flat_hash_map<uint32_t, uint32_t> by_id_;
  absl::flat_hash_map<uint64_t, uint32_t> by_attempt_;
};

}  // namespace breakwater
