#include "proxy/net/begin_connect.h"

#include <gtest/gtest.h>
#include <poll.h>

#include "proxy/base/address.h"

namespace breakwater {
namespace {

TextResult<void> Connect(const Address& address) {
  const auto begun = BeginConnect(address.sockaddr_ptr(), address.sockaddr_length());
  if (!begun) return Fail(begun.error());
  if (!begun->pending) return {};
  pollfd writable{.fd = begun->socket.get(), .events = POLLOUT, .revents = 0};
  EXPECT_EQ(poll(&writable, 1, 10'000), 1);
  return FinishConnect(begun->socket.get());
}

TEST(BeginConnect, ComesAboutOrSaysWhyNot) {
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM, 0));
  Address address = *Address::Parse("127.0.0.1:0");
  ASSERT_EQ(bind(listener.get(), address.sockaddr_ptr(), address.sockaddr_length()), 0);
  socklen_t length = Address::kCapacity;
  getsockname(listener.get(), address.mutable_sockaddr(), &length);
  const auto refused = Connect(address);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), "Connection refused");
  ASSERT_EQ(listen(listener.get(), 1), 0);
  EXPECT_TRUE(Connect(address));
}

}  // namespace
}  // namespace breakwater
