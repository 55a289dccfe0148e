// A TCP listener under test and its clients.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/listen/stream_listener.h"
#include "tests/proxy/listen/listen_fixture.h"

namespace breakwater::test {

class StreamTest : public ListenTest {
 protected:
  ~StreamTest() override { sink.held.clear(); }

  std::shared_ptr<Frontend> NewFrontend() {
    frontend = MakeFrontend("127.0.0.1", Protocol::kDoTcp);
    return frontend;
  }
  void Listen() {
    if (frontend == nullptr) NewFrontend();
    auto opened = StreamListener::Open(context, frontend, {});
    ASSERT_TRUE(opened) << opened.error();
    listener = std::move(*opened);
  }
  UniqueFd Client() { return Connect(listener->address(), SOCK_STREAM); }
  // A client whose connection has been accepted.
  UniqueFd Accepted() {
    const size_t before = listener->connections();
    UniqueFd fd = Client();
    EXPECT_TRUE(RunUntil([&] { return listener->connections() > before; }));
    return fd;
  }
  // `size` bytes from the client's side, or fewer at the end of the stream.
  std::string Read(const UniqueFd& fd, size_t size) {
    std::string out;
    while (out.size() < size && RunUntil([&] { return Readable(fd.get()); })) {
      char buffer[65536];
      const ssize_t got =
          recv(fd.get(), buffer, std::min(sizeof(buffer), size - out.size()), MSG_DONTWAIT);
      if (got <= 0) break;
      out.append(buffer, static_cast<size_t>(got));
    }
    return out;
  }
  // One framed message; empty at the end of the stream.
  std::string ReadMessage(const UniqueFd& fd) {
    const std::string prefix = Read(fd, 2);
    if (prefix.size() < 2) return {};
    return Read(fd, static_cast<size_t>(static_cast<uint8_t>(prefix[0])) << 8 |
                        static_cast<uint8_t>(prefix[1]));
  }
  // True once the server has closed and everything before that was read.
  bool AtEnd(const UniqueFd& fd) {
    char byte;
    return RunUntil([&] { return Readable(fd.get()); }) &&
           recv(fd.get(), &byte, 1, MSG_DONTWAIT) <= 0;
  }
  bool Quiet(const UniqueFd& fd) {
    Settle();
    return !Readable(fd.get());
  }
  static void Reset(UniqueFd& fd) {
    const linger hard{1, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    fd.Reset();
  }

  std::shared_ptr<Frontend> frontend;
  std::unique_ptr<StreamListener> listener;
};

}  // namespace breakwater::test
