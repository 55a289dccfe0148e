#include "proxy/net/unix_datagram.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <memory>
#include <string>

namespace breakwater {
namespace {

using testing::HasSubstr;

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
  return "breakwater-datagram-" + std::to_string(::getpid());
}

TEST(UnixDatagramTest, DatagramsArriveWhole) {
  Listener listener(Name());
  const auto fd = ConnectUnixDatagram(std::string(1, '\0') + Name());
  ASSERT_TRUE(fd) << fd.error();
  bool gone = true;
  EXPECT_TRUE(SendUnixDatagram(fd->get(), "one", &gone));
  EXPECT_FALSE(gone);
  EXPECT_TRUE(SendUnixDatagram(fd->get(), "another", &gone));
  EXPECT_EQ(listener.Received(), "one");
  EXPECT_EQ(listener.Received(), "another");
  EXPECT_EQ(listener.Received(), "");
}

TEST(UnixDatagramTest, AFullQueueIsNoWaitAndAnAbsentReaderIsTold) {
  auto listener = std::make_unique<Listener>(Name());
  const auto fd = ConnectUnixDatagram(std::string(1, '\0') + Name());
  ASSERT_TRUE(fd);
  bool gone = false;
  size_t sent = 0;
  while (sent < 1'000'000 && SendUnixDatagram(fd->get(), "x", &gone)) ++sent;
  EXPECT_GT(sent, 0u);
  EXPECT_LT(sent, 1'000'000u);
  EXPECT_FALSE(gone);
  listener.reset();
  EXPECT_FALSE(SendUnixDatagram(fd->get(), "x", &gone));
  EXPECT_TRUE(gone);
}

TEST(UnixDatagramTest, PathsThatLeadNowhereAreErrors) {
  const auto error = [](const std::string& path) {
    const auto fd = ConnectUnixDatagram(path);
    return fd ? std::string() : fd.error();
  };
  EXPECT_THAT(error("/nowhere/socket"), HasSubstr("/nowhere/socket: No such file"));
  EXPECT_THAT(error(""), HasSubstr("the path of a socket has 1 to"));
  EXPECT_THAT(error(std::string(200, 'x')), HasSubstr("the path of a socket has 1 to"));
}

}  // namespace
}  // namespace breakwater
