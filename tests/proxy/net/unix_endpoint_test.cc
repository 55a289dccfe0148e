#include "proxy/net/unix_endpoint.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <string>

namespace breakwater {
namespace {

using testing::HasSubstr;

std::span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Bound to an abstract name, which needs no file.
class Listener {
 public:
  explicit Listener(const std::string& name)
      : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path + 1, name.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  }
  // Empty where there is none.
  std::string Received() {
    char bytes[64] = {};
    const ssize_t size = ::recv(fd_.get(), bytes, sizeof(bytes), 0);
    return size > 0 ? std::string(bytes, static_cast<size_t>(size)) : std::string();
  }

 private:
  UniqueFd fd_;
};

std::string Name() {
  return "breakwater-endpoint-" + std::to_string(::getpid());
}

TEST(UnixEndpoint, DatagramsArriveWhole) {
  Listener listener(Name());
  const auto endpoint = UnixEndpoint::Connect(std::string(1, '\0') + Name());
  ASSERT_TRUE(endpoint) << endpoint.error();
  EXPECT_TRUE(endpoint->Send(Bytes("one")));
  EXPECT_TRUE(endpoint->Send(Bytes("another")));
  EXPECT_FALSE(endpoint->Send({}));
  EXPECT_EQ(listener.Received(), "one");
  EXPECT_EQ(listener.Received(), "another");
  EXPECT_EQ(listener.Received(), "");
}

TEST(UnixEndpoint, AFullQueueAndAnAbsentReaderAreNoWait) {
  auto listener = std::make_unique<Listener>(Name());
  const auto endpoint = UnixEndpoint::Connect(std::string(1, '\0') + Name());
  ASSERT_TRUE(endpoint);
  size_t sent = 0;
  while (sent < 1'000'000 && endpoint->Send(Bytes("x"))) ++sent;
  EXPECT_GT(sent, 0u);
  EXPECT_LT(sent, 1'000'000u);
  listener.reset();
  EXPECT_FALSE(endpoint->Send(Bytes("x")));
}

TEST(UnixEndpoint, PathsThatLeadNowhereAreErrors) {
  const auto error = [](const std::string& path) {
    const auto endpoint = UnixEndpoint::Connect(path);
    return endpoint ? std::string() : endpoint.error();
  };
  EXPECT_THAT(error("/nowhere/socket"), HasSubstr("'/nowhere/socket': No such file"));
  EXPECT_THAT(error(""), HasSubstr("a path of 0 octets"));
  EXPECT_THAT(error(std::string(200, 'x')), HasSubstr("a path of 200 octets: a socket has"));
}

}  // namespace
}  // namespace breakwater
