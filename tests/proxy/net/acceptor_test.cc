#include "proxy/net/acceptor.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <vector>

#include "proxy/net/socket_options.h"
#include "proxy/net/tcp_socket.h"

namespace breakwater {
namespace {

class AcceptorTest : public testing::Test {
 protected:
  AcceptorTest() {
    auto opened = OpenTcpGroup(*Address::Parse("127.0.0.1", 0), 1, {});
    EXPECT_TRUE(opened) << opened.error();
    address_ = LocalAddressOf(opened->front().get());
    Acceptor::Handlers handlers{[this](UniqueFd fd, const Address& peer) {
      accepted_.push_back(std::move(fd));
      peers_.push_back(peer);
      if (accepted_.size() == last_) acceptor_.reset();
    }};
    acceptor_ = std::make_unique<Acceptor>(loop_, std::move(opened->front()), std::move(handlers));
  }
  UniqueFd Client() {
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(fd.get(), address_.sockaddr_ptr(), address_.sockaddr_length()), 0);
    return fd;
  }
  void Turn() { uv_run(loop_.raw(), UV_RUN_NOWAIT); }

  Loop loop_;
  Address address_;
  std::vector<UniqueFd> accepted_;
  std::vector<Address> peers_;
  size_t last_ = 0;
  std::unique_ptr<Acceptor> acceptor_;
};

TEST_F(AcceptorTest, HandsOnEachConnectionWithItsPeer) {
  const UniqueFd one = Client();
  const UniqueFd two = Client();
  Turn();
  ASSERT_EQ(peers_.size(), 2u);
  EXPECT_EQ(peers_[0], LocalAddressOf(one.get()));
  EXPECT_EQ(peers_[1], LocalAddressOf(two.get()));
}

TEST_F(AcceptorTest, AFloodIsTakenOverSeveralTurns) {
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(Client());
  Turn();
  EXPECT_EQ(accepted_.size(), 32u);
  Turn();
  EXPECT_EQ(accepted_.size(), 50u);
}

TEST_F(AcceptorTest, MayBeDestroyedWithinItsCall) {
  last_ = 2;
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(Client());
  Turn();
  EXPECT_EQ(accepted_.size(), 2u);
  EXPECT_EQ(acceptor_, nullptr);
}

}  // namespace
}  // namespace breakwater
