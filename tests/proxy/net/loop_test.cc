#include "proxy/net/loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "proxy/base/address.h"

namespace breakwater {
namespace {

class ManualTime : public Clock {
 public:
  MonoTime Now() const override {
    ++reads;
    return now;
  }
  MonoTime now = MonoTime::FromSeconds(1000);
  mutable int reads = 0;
};

std::array<UniqueFd, 2> SocketPair(int type = SOCK_STREAM) {
  int fds[2];
  EXPECT_EQ(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

TEST(Loop, StopBeforeRunEndsTheFirstTurn) {
  Loop loop;
  loop.Stop();
  loop.Run();
  // A second run starts afresh.
  bool ran = false;
  loop.Post([&] {
    ran = true;
    loop.Stop();
  });
  loop.Run();
  EXPECT_TRUE(ran);
}

TEST(Loop, MessagesOfOtherThreadsRunInOrder) {
  Loop loop;
  std::string order;
  std::thread poster([&] {
    for (const char c : {'a', 'b', 'c'}) {
      loop.Post([&order, c] { order += c; });
    }
    loop.Post([&] { loop.Stop(); });
  });
  loop.Run();
  poster.join();
  EXPECT_EQ(order, "abc");
}

TEST(Loop, TimersRunInOrderAndNotBeforeTheirTime) {
  Loop loop;
  std::vector<int> order;
  const MonoTime start = loop.now();
  loop.timers().Add(start + MonoTime::FromMs(4), [&] {
    EXPECT_GE(loop.now(), start + MonoTime::FromMs(4));
    order.push_back(2);
    loop.Stop();
  });
  loop.timers().Add(start + MonoTime::FromUs(100), [&] { order.push_back(1); });
  loop.Run();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(Loop, EarlierTimerAddedByATimerIsArmed) {
  Loop loop;
  bool late = false;
  const TimerId far =
      loop.timers().Add(loop.now() + MonoTime::FromSeconds(3600), [&] { late = true; });
  loop.timers().Add(loop.now(), [&] {
    loop.timers().Add(loop.now() + MonoTime::FromMs(1), [&] { loop.Stop(); });
  });
  loop.Run();
  EXPECT_FALSE(late);
  loop.timers().Cancel(far);
}

TEST(Loop, HooksRunAfterTimersThoughNothingIsPolled) {
  Loop loop;
  bool queued = false;
  bool sent = false;
  loop.AtTurnEnd([&] {
    if (queued) sent = true;
    if (sent) loop.Stop();
  });
  loop.timers().Add(loop.now() + MonoTime::FromMs(1), [&] { queued = true; });
  loop.Run();
  EXPECT_TRUE(sent);
}

TEST(Loop, HooksRunInOrderAfterDescriptorsOfTheSameTurn) {
  Loop loop;
  auto [near, far] = SocketPair();
  std::string order;
  loop.AtTurnEnd([&] { order += '1'; });
  loop.AtTurnEnd([&] {
    order += '2';
    if (order.find('r') != std::string::npos) loop.Stop();
  });
  Poller poller(loop, std::move(near), [&](bool readable, bool) {
    if (readable) order += 'r';
  });
  poller.Watch({.readable = true});
  ASSERT_EQ(send(far.get(), "x", 1, 0), 1);
  loop.Run();
  EXPECT_EQ(order.substr(order.find('r'), 3), "r12");
}

TEST(Loop, HookMayRemoveItselfAndAddAnother) {
  Loop loop;
  int first = 0;
  int second = 0;
  uint64_t id = 0;
  id = loop.AtTurnEnd([&] {
    ++first;
    loop.RemoveHook(id);
    loop.AtTurnEnd([&] {
      if (++second == 3) loop.Stop();
      loop.Post([] {});
    });
  });
  loop.Post([] {});
  loop.Run();
  EXPECT_EQ(first, 1);
  EXPECT_GE(second, 3);
}

TEST(Loop, TimeIsReadOnceATurn) {
  ManualTime time;
  Loop loop(time);
  loop.Post([&] {
    time.reads = 0;
    const MonoTime first = loop.now();
    time.now = time.now + MonoTime::FromSeconds(5);
    EXPECT_EQ(loop.now(), first);
    EXPECT_EQ(time.reads, 1);
    loop.Stop();
  });
  loop.Run();
  loop.Post([&] {
    EXPECT_EQ(loop.now(), MonoTime::FromSeconds(1005));
    loop.Stop();
  });
  loop.Run();
}

TEST(Loop, ManualClockDrivesTimers) {
  ManualTime time;
  Loop loop(time);
  bool fired = false;
  loop.timers().Add(time.now + MonoTime::FromSeconds(60), [&] { fired = true; });
  uv_run(loop.raw(), UV_RUN_NOWAIT);
  EXPECT_FALSE(fired);
  time.now = time.now + MonoTime::FromSeconds(61);
  uv_run(loop.raw(), UV_RUN_NOWAIT);
  EXPECT_TRUE(fired);
}

TEST(Loop, TurnsGrow) {
  Loop loop;
  const uint64_t before = loop.turns();
  uv_run(loop.raw(), UV_RUN_NOWAIT);
  uv_run(loop.raw(), UV_RUN_NOWAIT);
  EXPECT_EQ(loop.turns(), before + 2);
}

TEST(Poller, OwnerMayDestroyItInItsOwnCallback) {
  Loop loop;
  auto [near, far] = SocketPair();
  std::unique_ptr<Poller> poller;
  int calls = 0;
  poller = std::make_unique<Poller>(loop, std::move(near), [&](bool, bool) {
    ++calls;
    poller.reset();
    loop.Stop();
  });
  poller->Watch({.readable = true, .writable = true});
  loop.Run();
  EXPECT_EQ(calls, 1);
  // Closed by libuv's close callback: the other end sees the end of the stream.
  uv_run(loop.raw(), UV_RUN_NOWAIT);
  char byte;
  EXPECT_EQ(recv(far.get(), &byte, 1, 0), 0);
}

TEST(Poller, StopsAndStartsWatching) {
  Loop loop;
  auto [near, far] = SocketPair();
  int reads = 0;
  Poller poller(loop, std::move(near), [&](bool readable, bool) { reads += readable ? 1 : 0; });
  poller.Watch({.readable = true});
  ASSERT_EQ(send(far.get(), "x", 1, 0), 1);
  uv_run(loop.raw(), UV_RUN_NOWAIT);
  EXPECT_EQ(reads, 1);
  poller.Watch({});
  uv_run(loop.raw(), UV_RUN_NOWAIT);
  EXPECT_EQ(reads, 1);
  poller.Watch({.readable = true});
  uv_run(loop.raw(), UV_RUN_NOWAIT);
  EXPECT_EQ(reads, 2);
}

TEST(Poller, SocketErrorIsReportedAndWatchingGoesOn) {
  Loop loop;
  // A port that nobody listens on: taken, then given back.
  auto loopback = *Address::Parse("127.0.0.1");
  UniqueFd taken(socket(AF_INET, SOCK_DGRAM, 0));
  ASSERT_EQ(bind(taken.get(), loopback.sockaddr_ptr(), loopback.sockaddr_length()), 0);
  socklen_t length = Address::kCapacity;
  getsockname(taken.get(), loopback.mutable_sockaddr(), &length);
  UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  ASSERT_EQ(connect(fd.get(), loopback.sockaddr_ptr(), loopback.sockaddr_length()), 0);
  taken.Reset();
  int errors = 0;
  Poller poller(loop, std::move(fd), [&](bool readable, bool) {
    ASSERT_TRUE(readable);
    char byte;
    if (recv(poller.fd(), &byte, 1, 0) < 0 && errno == ECONNREFUSED) ++errors;
    if (errors == 2) return loop.Stop();
    (void)send(poller.fd(), "y", 1, 0);
  });
  poller.Watch({.readable = true});
  ASSERT_EQ(send(poller.fd(), "x", 1, 0), 1);
  loop.Run();
  EXPECT_EQ(errors, 2);
}

}  // namespace
}  // namespace breakwater
