// A listening socket on 127.0.0.1 and its accepted connections, blocking, with time-outs of five
// seconds.
#pragma once

#include "tests/proxy/backend/exchange_fixture.h"

namespace breakwater::test {

class FakeTcpConnection {
 public:
  explicit FakeTcpConnection(UniqueFd fd) : fd_(std::move(fd)) {
    const timeval limit{5, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  }
  // One message; empty at the end of the stream.
  Bytes Receive() {
    Bytes length = Read(2);
    return length.size() == 2 ? Read(LoadU16(length.data())) : Bytes();
  }
  void Send(const Bytes& message) {
    Bytes framed(2);
    StoreU16(framed.data(), static_cast<uint16_t>(message.size()));
    framed.insert(framed.end(), message.begin(), message.end());
    SendRaw(framed);
  }
  void SendRaw(const Bytes& bytes) {
    EXPECT_EQ(send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void Close() { fd_.Reset(); }
  // True once the other end has closed.
  bool AtEnd() { return Read(1).empty(); }

  // So many bytes; fewer never, none at the end of the stream.
  Bytes Read(size_t size) {
    Bytes bytes(size);
    size_t have = 0;
    while (have < size) {
      const ssize_t got = recv(fd_.get(), bytes.data() + have, size - have, 0);
      if (got <= 0) return {};
      have += static_cast<size_t>(got);
    }
    return bytes;
  }

 private:
  UniqueFd fd_;
};

class FakeTcpServer {
 public:
  explicit FakeTcpServer(int backlog = 64) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const Address any = *Address::Parse("127.0.0.1", 0);
    EXPECT_EQ(bind(fd_.get(), any.sockaddr_ptr(), any.sockaddr_length()), 0);
    EXPECT_EQ(listen(fd_.get(), backlog), 0);
    address_ = LocalAddress(fd_.get());
  }
  const Address& address() const { return address_; }
  bool Waiting(int ms = 0) {
    pollfd wait{fd_.get(), POLLIN, 0};
    return poll(&wait, 1, ms) == 1;
  }
  FakeTcpConnection Accept() {
    EXPECT_TRUE(Waiting(5000)) << "no connection came";
    return FakeTcpConnection(UniqueFd(Waiting() ? accept(fd_.get(), nullptr, nullptr) : -1));
  }
  void Close() { fd_.Reset(); }

 private:
  UniqueFd fd_;
  Address address_;
};

}  // namespace breakwater::test
