// A worker's loop, counters and sink around one exchange, and a nameserver on loopback that
// answers when the test says so. Everything runs on the test's thread.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <memory>
#include <vector>

#include "proxy/backend/udp_exchange.h"
#include "proxy/base/byte_writer.h"
#include "tests/proxy/backend/recorder.h"
#include "tests/support/query_maker.h"

namespace breakwater::test {

using Bytes = std::vector<uint8_t>;

inline Address LocalAddress(int fd) {
  Address address;
  socklen_t length = Address::kCapacity;
  EXPECT_EQ(getsockname(fd, address.mutable_sockaddr(), &length), 0);
  return address;
}

// A datagram socket on 127.0.0.1.
class FakeUdpServer {
 public:
  struct Query {
    Address from;
    Bytes message;
    uint16_t id() const { return LoadU16(message.data()); }
  };

  explicit FakeUdpServer(const Address& address = *Address::Parse("127.0.0.1", 0))
      : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    EXPECT_EQ(bind(fd_.get(), address.sockaddr_ptr(), address.sockaddr_length()), 0);
  }
  Address address() const { return LocalAddress(fd_.get()); }
  // Waits for a query, at most five seconds.
  Query Receive() {
    Query query;
    if (!Waiting(5000)) {
      ADD_FAILURE() << "no query came";
      query.message.resize(12);
      return query;
    }
    query.message.resize(65535);
    socklen_t length = Address::kCapacity;
    const ssize_t got = recvfrom(fd_.get(), query.message.data(), query.message.size(), 0,
                                 query.from.mutable_sockaddr(), &length);
    query.message.resize(static_cast<size_t>(got));
    return query;
  }
  bool Waiting(int ms = 0) {
    pollfd wait{fd_.get(), POLLIN, 0};
    return poll(&wait, 1, ms) == 1;
  }
  void Send(const Address& to, const Bytes& message) {
    EXPECT_EQ(sendto(fd_.get(), message.data(), message.size(), 0, to.sockaddr_ptr(),
                     to.sockaddr_length()),
              static_cast<ssize_t>(message.size()));
  }
  void Close() { fd_.Reset(); }

 private:
  UniqueFd fd_;
};

// The query with QR set: an empty answer to it.
inline Bytes ReplyTo(Bytes query) {
  query[2] |= 0x80;
  return query;
}
inline Bytes WithId(Bytes message, uint16_t id) {
  StoreU16(message.data(), id);
  return message;
}

class ExchangeFixture : public testing::Test {
 protected:
  // One turn of the loop, without waiting.
  void Turn() { uv_run(loop_.raw(), UV_RUN_NOWAIT); }
  // Turns until `done()`; fails the test after five seconds.
  template <typename Done>
  void RunUntil(Done done) {
    Turn();  // what the test itself sent leaves before the loop waits
    bool late = false;
    const TimerId timer =
        loop_.timers().Add(loop_.now() + MonoTime::FromMs(5000), [&] { late = true; });
    while (!done() && !late) {
      // What is waited for may come of a timer, after which the turn would go on to wait for I/O.
      const TimerId tick = loop_.timers().Add(loop_.now() + MonoTime::FromMs(2), [] {});
      uv_run(loop_.raw(), UV_RUN_ONCE);
      loop_.timers().Cancel(tick);
    }
    loop_.timers().Cancel(timer);
    EXPECT_FALSE(late) << "waited five seconds";
  }
  void WaitForReplies(size_t count) {
    RunUntil([&] { return sink_.replies.size() >= count; });
  }
  void WaitForFailures(size_t count) {
    RunUntil([&] { return sink_.failures.size() >= count; });
  }
  static FlightId Flight(uint32_t slot) { return {slot, 1}; }
  uint64_t Count(Metric metric) const { return counters_.Get(metric); }

  Loop loop_;
  Recorder sink_;
  Counters counters_;
  Random random_;
  std::unique_ptr<ReplySlots> slots_ = std::make_unique<ReplySlots>();
  ExchangeContext context_{loop_, sink_, counters_, random_, *slots_};
};

}  // namespace breakwater::test
