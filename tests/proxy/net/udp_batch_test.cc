#include "proxy/net/udp_batch.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>

#include <cstdlib>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "proxy/net/udp_socket.h"

namespace breakwater {
namespace {

Address At(std::string_view text) {
  return *Address::Parse(text);
}

UniqueFd Open(std::string_view address) {
  auto group = OpenUdpGroup(At(address), 1, {});
  EXPECT_TRUE(group) << group.error();
  return std::move(group->front());
}

UniqueFd ClientOf(const Address& server) {
  UniqueFd fd(socket(server.family(), SOCK_DGRAM, 0));
  EXPECT_EQ(connect(fd.get(), server.sockaddr_ptr(), server.sockaddr_length()), 0);
  return fd;
}

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string Text(const Datagram& datagram) {
  return {reinterpret_cast<const char*>(datagram.data), datagram.size};
}

std::string ReadOne(int fd) {
  char buffer[8192];
  pollfd poll_fd{fd, POLLIN, 0};
  if (poll(&poll_fd, 1, 5000) != 1) return "nothing came";
  const ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
  return got < 0 ? "error" : std::string(buffer, static_cast<size_t>(got));
}

void WaitReadable(int fd) {
  pollfd poll_fd{fd, POLLIN, 0};
  ASSERT_EQ(poll(&poll_fd, 1, 5000), 1);
}

TEST(UdpGroupTest, AnAddressThatNoInterfaceHasYetIsBound) {
  for (const char* address : {"192.0.2.99", "2001:db8::99"}) {
    const UniqueFd fd = Open(address);
    EXPECT_EQ(LocalAddressOf(fd.get()).ToString(), At(address).ToString());
  }
}

TEST(UdpBatch, EchoesABatchOfTwoHundred) {
  const UniqueFd server = Open("127.0.0.1");
  const UniqueFd client = ClientOf(LocalAddressOf(server.get()));
  std::set<std::string> expected;
  for (int i = 0; i < 200; ++i) {
    const std::string text = "query " + std::to_string(i);
    ASSERT_EQ(send(client.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    expected.insert(text);
  }
  KernelReceiveBatch in(server.get(), {});
  KernelSendBatch out(server.get());
  std::vector<size_t> sizes;
  for (;;) {
    const auto received = in.Receive();
    EXPECT_EQ(received.error, 0);
    if (received.datagrams.empty()) break;
    sizes.push_back(received.datagrams.size());
    for (const Datagram& d : received.datagrams) {
      EXPECT_FALSE(d.local.IsSet());
      EXPECT_FALSE(d.truncated);
      out.Add({d.data, d.size}, d.from, Address());
    }
    EXPECT_EQ(out.Flush(), SendBatch::Outcome::kDone);
    EXPECT_EQ(out.size(), 0u);
    EXPECT_TRUE(out.failures().empty());
  }
  EXPECT_EQ(sizes, (std::vector<size_t>{64, 64, 64, 8}));
  std::set<std::string> echoed;
  for (int i = 0; i < 200; ++i) echoed.insert(ReadOne(client.get()));
  EXPECT_EQ(echoed, expected);
}

// The client is connected: it takes the reply only from the very address it asked.
void EchoOnWildcard(std::string_view wildcard, std::string_view asked) {
  const UniqueFd server = Open(wildcard);
  Address target = At(asked);
  target.set_port(LocalAddressOf(server.get()).port());
  const UniqueFd client = ClientOf(target);
  ASSERT_EQ(send(client.get(), "hello", 5, 0), 5);
  WaitReadable(server.get());
  KernelReceiveBatch in(server.get(), {.wants_local = true});
  const auto received = in.Receive();
  ASSERT_EQ(received.datagrams.size(), 1u);
  const Datagram& d = received.datagrams[0];
  EXPECT_TRUE(d.local.SameHost(At(asked))) << d.local.ToString();
  KernelSendBatch out(server.get());
  out.Add({d.data, d.size}, d.from, d.local);
  EXPECT_EQ(out.Flush(), SendBatch::Outcome::kDone);
  EXPECT_TRUE(out.failures().empty());
  EXPECT_EQ(ReadOne(client.get()), "hello");
}

TEST(UdpBatch, WildcardV4RepliesFromTheAddressAsked) {
  EchoOnWildcard("0.0.0.0", "127.0.0.2");
}
TEST(UdpBatch, WildcardV6RepliesFromTheAddressAsked) {
  EchoOnWildcard("[::]", "::1");
}

TEST(UdpBatch, LongerThanASlotIsMarked) {
  const UniqueFd server = Open("127.0.0.1");
  const UniqueFd client = ClientOf(LocalAddressOf(server.get()));
  const std::string fits(kMaxDatagram, 'a');
  const std::string longer(kMaxDatagram + 1, 'b');
  ASSERT_EQ(send(client.get(), longer.data(), longer.size(), 0), ssize_t{kMaxDatagram + 1});
  ASSERT_EQ(send(client.get(), fits.data(), fits.size(), 0), ssize_t{kMaxDatagram});
  KernelReceiveBatch in(server.get(), {});
  const auto received = in.Receive();
  ASSERT_EQ(received.datagrams.size(), 2u);
  EXPECT_TRUE(received.datagrams[0].truncated);
  EXPECT_FALSE(received.datagrams[1].truncated);
  EXPECT_EQ(Text(received.datagrams[1]), fits);
  EXPECT_EQ(received.datagrams[1].capacity, kMaxDatagram + kSlotHeadroom);
  // The mark does not stick to the slot.
  ASSERT_EQ(send(client.get(), "x", 1, 0), 1);
  const auto next = in.Receive();
  ASSERT_EQ(next.datagrams.size(), 1u);
  EXPECT_FALSE(next.datagrams[0].truncated);
}

TEST(UdpBatch, FailingMessageIsSkippedAndTold) {
  const UniqueFd server = Open("127.0.0.1");
  const UniqueFd client = ClientOf(LocalAddressOf(server.get()));
  const Address to = LocalAddressOf(client.get());
  KernelSendBatch out(server.get());
  out.Add(Bytes("first"), to, Address());
  out.Add(Bytes("second"), At("255.255.255.255:9"), Address());  // broadcast is not allowed here
  out.Add(Bytes("third"), to, Address());
  EXPECT_EQ(out.Flush(), SendBatch::Outcome::kDone);
  ASSERT_EQ(out.failures().size(), 1u);
  EXPECT_EQ(out.failures()[0].index, 1u);
  EXPECT_EQ(out.failures()[0].error, EACCES);
  EXPECT_EQ(ReadOne(client.get()), "first");
  EXPECT_EQ(ReadOne(client.get()), "third");
  // The next batch starts with no failures.
  out.Add(Bytes("fourth"), to, Address());
  EXPECT_TRUE(out.failures().empty());
  EXPECT_EQ(out.Flush(), SendBatch::Outcome::kDone);
  EXPECT_EQ(ReadOne(client.get()), "fourth");
}

// A pair of Unix datagram sockets stands for a full socket: its queue has few places.
TEST(UdpBatch, FullSocketKeepsTheRestAndSendsItLater) {
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  const UniqueFd near(fds[0]);
  const UniqueFd far(fds[1]);
  KernelSendBatch out(near.get());
  std::vector<std::string> texts;
  for (int i = 0; i < static_cast<int>(SendBatch::kCapacity); ++i) {
    texts.push_back(std::to_string(i) + std::string(8000, '.'));
  }
  for (const std::string& text : texts) out.Add(Bytes(text), Address(), Address());
  EXPECT_TRUE(out.full());
  ASSERT_EQ(out.Flush(), SendBatch::Outcome::kKept);
  size_t got = 0;
  char buffer[9000];
  for (int tries = 0; tries < 100 && got < texts.size(); ++tries) {
    ssize_t size;
    while ((size = recv(far.get(), buffer, sizeof(buffer), 0)) > 0) {
      EXPECT_EQ(std::string(buffer, static_cast<size_t>(size)), texts[got]);
      ++got;
    }
    out.Flush();
  }
  EXPECT_EQ(got, texts.size());
  EXPECT_EQ(out.size(), 0u);
}

TEST(UdpBatch, DiscardGivesUpWhatIsLeft) {
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  const UniqueFd near(fds[0]);
  const UniqueFd far(fds[1]);
  KernelSendBatch out(near.get());
  const std::string text(8000, '.');
  for (size_t i = 0; i < SendBatch::kCapacity; ++i) out.Add(Bytes(text), Address(), Address());
  ASSERT_EQ(out.Flush(), SendBatch::Outcome::kKept);
  EXPECT_GT(out.Discard(), 0u);
  EXPECT_EQ(out.size(), 0u);
}

TEST(UdpBatch, ErrorOfAnEarlierDatagramDoesNotCostAMessage) {
  UniqueFd nobody = Open("127.0.0.1");
  const Address gone = LocalAddressOf(nobody.get());
  const UniqueFd fd = ClientOf(gone);
  nobody.Reset();
  KernelSendBatch out(fd.get());
  out.Add(Bytes("refused"), Address(), Address());
  ASSERT_EQ(out.Flush(), SendBatch::Outcome::kDone);
  out.Add(Bytes("after"), Address(), Address());
  EXPECT_EQ(out.Flush(), SendBatch::Outcome::kDone);
  EXPECT_EQ(out.earlier_error(), ECONNREFUSED);
  EXPECT_TRUE(out.failures().empty());
}

TEST(UdpSocket, PortOfAnotherProgramIsAnErrorThatSaysWhatToDo) {
  const UniqueFd other(socket(AF_INET, SOCK_DGRAM, 0));
  Address address = At("127.0.0.1");
  const int on = 1;
  ASSERT_EQ(setsockopt(other.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
  ASSERT_EQ(bind(other.get(), address.sockaddr_ptr(), address.sockaddr_length()), 0);
  address = LocalAddressOf(other.get());
  const auto refused = OpenUdpGroup(address, 2, {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().find(address.ToStringWithPort()), std::string::npos);
  EXPECT_NE(refused.error().find("reusePort=true"), std::string::npos);
  EXPECT_TRUE(OpenUdpGroup(address, 2, {.shared_port = true}));
}

TEST(UdpSocket, UnknownInterfaceIsAnError) {
  const auto refused = OpenUdpGroup(At("127.0.0.1"), 1, {.interface = "nosuchif0"});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().find("nosuchif0"), std::string::npos);
}

TEST(UdpSocket, OnePortOfOneClientReachesEveryMemberOfTheGroup) {
  const auto group = OpenUdpGroup(At("127.0.0.1"), 4, {});
  ASSERT_TRUE(group) << group.error();
  const UniqueFd client = ClientOf(LocalAddressOf(group->front().get()));
  for (int i = 0; i < 400; ++i) ASSERT_EQ(send(client.get(), "q", 1, 0), 1);
  size_t total = 0;
  for (const UniqueFd& member : *group) {
    size_t mine = 0;
    char byte;
    while (recv(member.get(), &byte, 1, 0) > 0) ++mine;
    // Expected 100 each; 40 is seven standard deviations away.
    EXPECT_GT(mine, 40u);
    total += mine;
  }
  EXPECT_EQ(total, 400u);
}

TEST(UdpSocket, V6WildcardLeavesV4Alone) {
  auto v6 = OpenUdpGroup(At("[::]"), 1, {});
  ASSERT_TRUE(v6) << v6.error();
  Address v4 = At("0.0.0.0");
  v4.set_port(LocalAddressOf(v6->front().get()).port());
  EXPECT_TRUE(OpenUdpGroup(v4, 1, {}));
}

}  // namespace
}  // namespace breakwater
