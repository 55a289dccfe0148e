// A worker's surroundings for listener tests: a real loop and real sockets, a clock that stands
// still, and a sink that echoes, holds or drops what it is given.
#pragma once

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <chrono>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "proxy/listen/listen_context.h"
#include "proxy/query/client_reply.h"
#include "tests/support/manual_clock.h"

namespace breakwater::test {

class ScriptedSink : public QuerySink {
 public:
  enum class Mode { kEcho, kHold, kDrop };

  explicit ScriptedSink(QueryPool& pool) : pool_(pool) {}

  void OnQuery(QueryPtr query) override {
    seen.emplace_back(reinterpret_cast<char*>(query->data), query->size);
    clients.push_back(query->client);
    locals.push_back(query->local);
    capacities.push_back(query->capacity);
    if (mode == Mode::kEcho) return Answer(std::move(query));
    ReplyTarget* target = query->target;
    if (mode == Mode::kDrop) return target->Drop(std::move(query), DropReason::kRule);
    query->Detach(pool_.packets());
    held.push_back(std::move(query));
  }
  void OnReply(FlightId, uint8_t, std::span<uint8_t>) override {}
  void OnFailure(FlightId, uint8_t, FailureKind) override {}
  void OnRoom(FlightId flight) override {
    room_for.push_back(flight);
    if (on_room) on_room(flight);
  }

  void Answer(QueryPtr query) {
    query->header().Set(dns::kFlagQr, true);
    if (answer_size > 0) {
      const std::vector<uint8_t> filled(answer_size, 'a');
      query->ReplaceMessage(pool_.packets(), filled, 0);
    }
    ReplyTarget* target = query->target;
    target->Send(std::move(query));
  }
  void AnswerHeld(size_t index) {
    QueryPtr query = std::move(held[index]);
    held.erase(held.begin() + static_cast<ptrdiff_t>(index));
    Answer(std::move(query));
  }

  Mode mode = Mode::kEcho;
  size_t answer_size = 0;  // 0: the query's own
  std::deque<QueryPtr> held;
  std::vector<FlightId> room_for;
  std::function<void(FlightId)> on_room;
  std::vector<std::string> seen;
  std::vector<Address> clients;
  std::vector<Address> locals;
  std::vector<size_t> capacities;

 private:
  QueryPool& pool_;
};

class ListenTest : public testing::Test {
 protected:
  ListenTest() {
    EXPECT_TRUE(acl.Add("127.0.0.0/8"));
    EXPECT_TRUE(acl.Add("::1/128"));
    settings.acl = &acl;
  }

  static std::shared_ptr<Frontend> MakeFrontend(std::string_view address, Protocol protocol) {
    auto frontend = std::make_shared<Frontend>();
    frontend->settings.address = *Address::Parse(address);
    frontend->settings.protocol = protocol;
    return frontend;
  }

  // A query of `size` bytes, ID `id`; only the header means something.
  static std::string Query(uint16_t id, size_t size = 30) {
    std::string out(size, 'q');
    std::memset(out.data(), 0, dns::kHeaderSize);
    dns::Header header(reinterpret_cast<uint8_t*>(out.data()));
    header.set_id(id);
    header.set_count(dns::Section::kQuestion, 1);
    return out;
  }
  static std::string AnswerTo(std::string query) {
    dns::Header(reinterpret_cast<uint8_t*>(query.data())).Set(dns::kFlagQr, true);
    return query;
  }
  static std::string Framed(const std::string& message) {
    const char prefix[2] = {static_cast<char>(message.size() >> 8),
                            static_cast<char>(message.size())};
    return std::string(prefix, 2) + message;
  }

  void Turn() { uv_run(loop.raw(), UV_RUN_NOWAIT); }
  // Turns the loop until `condition` holds; false when it does not within ten seconds.
  bool RunUntil(const std::function<bool()>& condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      Turn();
      sched_yield();
    }
    return true;
  }
  // Turns the loop until the kernel has nothing more to tell it.
  void Settle() {
    for (int i = 0; i < 20; ++i) Turn();
  }
  void Advance(int64_t ms) {
    clock.Advance(MonoTime::FromMs(ms));
    Settle();
  }

  static bool Readable(int fd) {
    pollfd waiting{fd, POLLIN, 0};
    return poll(&waiting, 1, 0) == 1;
  }
  static UniqueFd Connect(const Address& to, int type) {
    UniqueFd fd(socket(to.family(), type | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(fd.get(), to.sockaddr_ptr(), to.sockaddr_length()), 0);
    // Each send() a segment of its own.
    const int on = 1;
    if (type == SOCK_STREAM) setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
  }
  static void SendAll(const UniqueFd& fd, std::string_view bytes) {
    ASSERT_EQ(send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }

  ManualClock clock;
  Loop loop{clock};
  QueryPool queries;
  Counters counters;
  ListenSettings settings;
  NetmaskGroup acl;
  ClientLimits limits{{}};
  ScriptedSink sink{queries};
  ListenContext context{loop, queries, sink, counters, limits, settings};
};

}  // namespace breakwater::test
