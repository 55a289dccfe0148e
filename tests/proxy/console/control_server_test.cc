#include "proxy/console/control_server.h"

#include <sys/socket.h>

#include <sstream>

#include "proxy/console/control_cipher.h"
#include "tests/proxy/console/console_fixture.h"

namespace breakwater::test {
namespace {

class ControlServerTest : public ConsoleFixture {
 protected:
  UniqueFd RawConnection() {
    UniqueFd fd(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_EQ(connect(fd.get(), address_.sockaddr_ptr(), address_.sockaddr_length()), 0);
    return fd;
  }
  // A connection that has sent a command and does not wait for what it says.
  UniqueFd SendAndKeep(const std::string& command) {
    UniqueFd fd = RawConnection();
    const ConsoleNonce ours = RandomConsoleNonce();
    EXPECT_EQ(send(fd.get(), ours.data(), ours.size(), 0), static_cast<ssize_t>(ours.size()));
    ConsoleNonce theirs;
    EXPECT_EQ(recv(fd.get(), theirs.data(), theirs.size(), MSG_WAITALL),
              static_cast<ssize_t>(theirs.size()));
    auto cipher = ControlCipher::Make(runner_.config_->settings.console_key, ours, theirs);
    EXPECT_TRUE(cipher);
    const std::string sealed = cipher->Seal(command);
    EXPECT_EQ(send(fd.get(), sealed.data(), sealed.size(), 0), static_cast<ssize_t>(sealed.size()));
    return fd;
  }
  static size_t ReadToEnd(const UniqueFd& fd) {
    char buffer[256];
    size_t total = 0;
    ssize_t got = 0;
    while ((got = recv(fd.get(), buffer, sizeof(buffer), 0)) > 0) total += static_cast<size_t>(got);
    return total;
  }
};

TEST_F(ControlServerTest, RunsCommandsOfOneConnectionInOrder) {
  Serve();
  auto client = ControlClient::Connect(ClientSettings());
  ASSERT_TRUE(client) << client.error();
  EXPECT_EQ(client->Execute("one").value(), "ran one\n");
  EXPECT_EQ(client->Execute("two").value(), "ran two\n");
}

TEST_F(ControlServerTest, SendsALargeAnswerWhole) {
  Serve();
  auto client = ControlClient::Connect(ClientSettings());
  ASSERT_TRUE(client) << client.error();
  EXPECT_EQ(client->Execute("big").value().size(), 3'000'000u);
}

TEST_F(ControlServerTest, TheLoopGoesOnWhileACommandRuns) {
  Serve();
  auto slow = ControlClient::Connect(ClientSettings());
  ASSERT_TRUE(slow) << slow.error();
  auto answer = std::async(std::launch::async, [&] { return slow->Execute("wait").value(); });
  // The handshake of a second client needs the loop alone.
  auto other = ControlClient::Connect(ClientSettings());
  EXPECT_TRUE(other);
  runner_.Release();
  EXPECT_EQ(answer.get(), "ran wait\n");
}

TEST_F(ControlServerTest, AClientThatLeavesWhileItsCommandRunsHarmsNobody) {
  Serve();
  {
    auto gone = ControlClient::Connect(ClientSettings());
    ASSERT_TRUE(gone) << gone.error();
    auto answer = std::async(std::launch::async, [&] { return gone->Execute("wait"); });
    runner_.Release();
    answer.wait();
  }
  auto client = ControlClient::Connect(ClientSettings());
  ASSERT_TRUE(client) << client.error();
  EXPECT_EQ(client->Execute("x").value(), "ran x\n");
}

TEST_F(ControlServerTest, ACommandEndsWhenItsClientIsGoneAndOneThatWaitsIsNotBegun) {
  Serve();
  {
    auto other = ControlClient::Connect(ClientSettings());
    ASSERT_TRUE(other) << other.error();
    UniqueFd first = SendAndKeep("wait");
    runner_.ran_.wait(0);  // else the second one may come first
    UniqueFd second = SendAndKeep("two");
    // To its end: the server has let go of it before the first one's command ends.
    ASSERT_EQ(shutdown(second.get(), SHUT_WR), 0);
    (void)ReadToEnd(second);
  }
  auto client = ControlClient::Connect(ClientSettings());
  ASSERT_TRUE(client) << client.error();
  EXPECT_EQ(client->Execute("x").value(), "ran x\n");
  EXPECT_TRUE(runner_.stopped_);
  EXPECT_EQ(runner_.ran_, 2);
}

TEST_F(ControlServerTest, WithoutAKeyEveryConnectionIsClosed) {
  const auto settings_key = runner_.config_->settings.console_key;
  runner_.config_->settings.console_key.clear();
  Serve();
  EXPECT_EQ(ReadToEnd(RawConnection()), 0u);
  auto client = ControlClient::Connect({.server = address_, .key = settings_key});
  EXPECT_FALSE(client);
}

TEST_F(ControlServerTest, AClientOutsideTheAccessListIsClosed) {
  runner_.config_->console_acl.Clear();
  ASSERT_TRUE(runner_.config_->console_acl.Add("192.0.2.0/24"));
  Serve();
  EXPECT_FALSE(ControlClient::Connect(ClientSettings()));
}

TEST_F(ControlServerTest, AClientWithAnotherKeyIsClosedAndToldSo) {
  Serve();
  ControlClientSettings settings = ClientSettings();
  settings.key = std::string(kConsoleKeySize, 'x');
  const auto client = ControlClient::Connect(settings);
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().find("key"), std::string::npos);
}

TEST_F(ControlServerTest, RefusesMoreConnectionsThanTheLimit) {
  runner_.config_->settings.console_max_connections = 1;
  Serve();
  auto first = ControlClient::Connect(ClientSettings());
  ASSERT_TRUE(first) << first.error();
  EXPECT_FALSE(ControlClient::Connect(ClientSettings()));
  EXPECT_EQ(first->Execute("x").value(), "ran x\n");
}

TEST_F(ControlServerTest, ClosesOnAMessageLongerThanAnyCommand) {
  Serve();
  const UniqueFd fd = RawConnection();
  std::string bytes(kConsoleNonceSize, 'n');
  bytes += "\xff\xff\xff\xff";
  ASSERT_EQ(send(fd.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  EXPECT_EQ(ReadToEnd(fd), kConsoleNonceSize);
}

TEST_F(ControlServerTest, AnAddressInUseIsAnError) {
  Serve();
  Loop other_loop;
  ControlServer other(other_loop, runner_);
  const auto started = other.Start(address_);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().find("cannot bind"), std::string::npos);
}

TEST_F(ControlServerTest, ExecuteOptionPrintsTheAnswerAndReportsFailures) {
  Serve();
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(RunConsoleCommand(ClientSettings(), "x", out, err), 0);
  EXPECT_EQ(out.str(), "ran x\n");
  ControlClientSettings no_key = ClientSettings();
  no_key.key.clear();
  EXPECT_EQ(RunConsoleCommand(no_key, "x", out, err), 1);
  EXPECT_NE(err.str().find("setKey"), std::string::npos);
}

}  // namespace
}  // namespace breakwater::test
