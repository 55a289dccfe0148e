#include "proxy/control/control_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "proxy/control/control_request.h"

namespace breakwater {
namespace {

namespace fs = std::filesystem;

class ControlSocketTest : public testing::Test {
 protected:
  ControlSocketTest() {
    char pattern[] = "/tmp/bw-control-XXXXXX";
    directory_ = mkdtemp(pattern);
    settings_.path = directory_ + "/control.sock";
  }
  ~ControlSocketTest() override {
    StopLoop();
    fs::remove_all(directory_);
  }

  // Serves with an echo of the line, until StopLoop().
  void Serve() {
    socket_ = std::make_unique<ControlSocket>(
        loop_,
        [this](std::string_view line, const ControlCaller& caller) {
          if (line == "who") return ControlReply(caller.who);
          if (line == "big") return ++big_replies_, ControlReply(std::string(600'000, 'x'));
          return ControlReply(std::string(RoleName(caller.role)) + ":" + std::string(line),
                              line == "hold" ? hold_ : MonoTime{});
        },
        settings_);
    const auto started = socket_->Start();
    ASSERT_TRUE(started) << started.error();
    thread_ = std::thread([this] { loop_.Run(); });
  }
  void StopLoop() {
    if (!thread_.joinable()) return;
    loop_.Stop();
    thread_.join();
    socket_.reset();
  }

  UniqueFd Connect() {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    settings_.path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      fd.Reset();
    }
    return fd;
  }
  static void Send(const UniqueFd& fd, std::string_view text) {
    ASSERT_EQ(send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // Reads up to a newline, or to the end.
  static std::string ReadLine(const UniqueFd& fd) {
    std::string line;
    char c = 0;
    while (recv(fd.get(), &c, 1, 0) == 1 && c != '\n') line += c;
    return line;
  }

  std::atomic<int> big_replies_{0};
  std::string directory_;
  ControlSocketSettings settings_;
  MonoTime hold_;  // of the reply to "hold"
  Loop loop_;
  std::unique_ptr<ControlSocket> socket_;
  std::thread thread_;
};

TEST_F(ControlSocketTest, AnswersManyLinesOnOneConnectionInOrder) {
  Serve();
  const UniqueFd fd = Connect();
  Send(fd, "one\ntwo\nthr");
  EXPECT_EQ(ReadLine(fd), "admin:one");
  EXPECT_EQ(ReadLine(fd), "admin:two");
  Send(fd, "ee\n");
  EXPECT_EQ(ReadLine(fd), "admin:three");
}

TEST_F(ControlSocketTest, AnswersWhatCameBeforeThePeerStoppedWriting) {
  Serve();
  const UniqueFd fd = Connect();
  Send(fd, "last\n");
  shutdown(fd.get(), SHUT_WR);
  EXPECT_EQ(ReadLine(fd), "admin:last");
  EXPECT_EQ(ReadLine(fd), "");
}

TEST_F(ControlSocketTest, EndsAConnectionWhoseLineNeverEnds) {
  Serve();
  const UniqueFd fd = Connect();
  Send(fd, std::string(kMaxControlLine + 20000, 'x'));
  EXPECT_NE(ReadLine(fd).find("too long"), std::string::npos);
  EXPECT_EQ(ReadLine(fd), "");
}

TEST_F(ControlSocketTest, AReplyThatIsHeldBackHoldsBackThatPeerAlone) {
  constexpr MonoTime kHold = MonoTime::FromMs(300);
  hold_ = kHold;
  Serve();
  const SystemClock clock;
  const MonoTime began = clock.Now();
  const UniqueFd slow = Connect();
  Send(slow, "hold\nafter\n");
  const UniqueFd other = Connect();
  Send(other, "x\n");
  EXPECT_EQ(ReadLine(other), "admin:x");
  EXPECT_LT(clock.Now(), began + kHold);
  EXPECT_EQ(ReadLine(slow), "admin:hold");
  EXPECT_GE(clock.Now(), began + kHold);
  EXPECT_EQ(ReadLine(slow), "admin:after");
}

TEST_F(ControlSocketTest, APeerMayGoWhileItsReplyIsHeldBack) {
  hold_ = MonoTime::FromMs(20);
  Serve();
  Send(Connect(), "hold\n");
  const UniqueFd half = Connect();
  Send(half, "hold\nlast\n");
  shutdown(half.get(), SHUT_WR);
  EXPECT_EQ(ReadLine(half), "admin:hold");
  EXPECT_EQ(ReadLine(half), "admin:last");
  EXPECT_EQ(ReadLine(half), "");
}

TEST_F(ControlSocketTest, EndsWhileAReplyIsHeldBack) {
  hold_ = MonoTime::FromSeconds(1000);
  Serve();
  const UniqueFd slow = Connect();
  Send(slow, "hold\n");
  const UniqueFd other = Connect();
  Send(other, "x\n");
  EXPECT_EQ(ReadLine(other), "admin:x");
  StopLoop();
  EXPECT_FALSE(fs::exists(settings_.path));
}

TEST_F(ControlSocketTest, SaysWhoThePeerIs) {
  Serve();
  const UniqueFd fd = Connect();
  Send(fd, "who\n");
  EXPECT_EQ(ReadLine(fd).substr(0, 4), "uid=");
  Send(fd, "who\n");
  const std::string who = ReadLine(fd);
  EXPECT_NE(who.find(" user="), std::string::npos) << who;
  EXPECT_NE(who.find(" pid=" + std::to_string(getpid())), std::string::npos) << who;
}

TEST_F(ControlSocketTest, RefusesMoreConnectionsThanItsLimit) {
  settings_.max_connections = 2;
  Serve();
  const UniqueFd first = Connect();
  const UniqueFd second = Connect();
  Send(second, "x\n");
  EXPECT_EQ(ReadLine(second), "admin:x");
  const UniqueFd third = Connect();
  EXPECT_NE(ReadLine(third).find("too many connections"), std::string::npos);
  Send(first, "y\n");
  EXPECT_EQ(ReadLine(first), "admin:y");
}

TEST_F(ControlSocketTest, DoesNotReadFromAPeerThatDoesNotRead) {
  Serve();
  const UniqueFd fd = Connect();
  timeval limit{.tv_sec = 0, .tv_usec = 200'000};
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  const std::string line(60'000, 'x');
  size_t sent = 0;
  // Ends when the server has stopped reading; it may hold 1 MiB and the sockets' buffers.
  while (sent < 64u << 20) {
    const ssize_t wrote = send(fd.get(), (line + "\n").data(), line.size() + 1, MSG_NOSIGNAL);
    if (wrote <= 0) break;
    sent += static_cast<size_t>(wrote);
  }
  EXPECT_LT(sent, 16u << 20);
  const UniqueFd other = Connect();
  Send(other, "still served\n");
  EXPECT_EQ(ReadLine(other), "admin:still served");
}

TEST_F(ControlSocketTest, LargeRepliesAreMadeWhenThereIsRoomForThem) {
  constexpr int kRequests = 20;
  Serve();
  const UniqueFd greedy = Connect();
  std::string requests;
  for (int i = 0; i < kRequests; ++i) requests += "big\n";
  Send(greedy, requests);
  while (big_replies_ == 0) std::this_thread::yield();
  const UniqueFd other = Connect();
  Send(other, "x\n");
  EXPECT_EQ(ReadLine(other), "admin:x");
  EXPECT_LE(big_replies_, 4);
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(ReadLine(greedy).size(), 600'000u);
  EXPECT_EQ(big_replies_, kRequests);
}

TEST_F(ControlSocketTest, HasTheModeOfTheConfiguration) {
  settings_.mode = 0640;
  Serve();
  struct stat status {};
  ASSERT_EQ(stat(settings_.path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777u, 0640u);
}

TEST_F(ControlSocketTest, ReplacesAFileLeftBehind) {
  {
    const UniqueFd old(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    settings_.path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(bind(old.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ASSERT_TRUE(fs::exists(settings_.path));
  Serve();
  const UniqueFd fd = Connect();
  Send(fd, "x\n");
  EXPECT_EQ(ReadLine(fd), "admin:x");
}

TEST_F(ControlSocketTest, DoesNotTakeTheFileOfALivingServer) {
  Serve();
  Loop other_loop;
  ControlSocket other(
      other_loop, [](auto, const auto&) { return std::string(); }, settings_);
  const auto started = other.Start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().find("another process is serving it"), std::string::npos);
  EXPECT_TRUE(Connect().valid());
}

TEST_F(ControlSocketTest, LeavesAFileThatIsNoSocketAlone) {
  std::ofstream(settings_.path) << "precious";
  ControlSocket other(
      loop_, [](auto, const auto&) { return std::string(); }, settings_);
  const auto started = other.Start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().find("no socket"), std::string::npos);
  EXPECT_EQ(fs::file_size(settings_.path), 8u);
}

TEST_F(ControlSocketTest, NamesAnUnknownGroup) {
  settings_.group = "no-such-group-here";
  ControlSocket other(
      loop_, [](auto, const auto&) { return std::string(); }, settings_);
  const auto started = other.Start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().find("no group 'no-such-group-here'"), std::string::npos);
}

TEST_F(ControlSocketTest, RefusesAPathTooLongForASocket) {
  settings_.path = "/tmp/" + std::string(200, 'x');
  ControlSocket other(
      loop_, [](auto, const auto&) { return std::string(); }, settings_);
  ASSERT_FALSE(other.Start());
}

TEST_F(ControlSocketTest, RemovesItsFileAtTheEnd) {
  Serve();
  StopLoop();
  EXPECT_FALSE(fs::exists(settings_.path));
}

}  // namespace
}  // namespace breakwater
