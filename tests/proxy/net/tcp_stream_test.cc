#include "proxy/net/tcp_stream.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "proxy/net/tcp_socket.h"

namespace breakwater {
namespace {

class Recorder : public StreamHandler {
 public:
  void OnConnected() override { ++connected; }
  void OnReadable() override {
    uint8_t room[4096];
    const auto result = stream->Read(room);
    last = result.status;
    if (result.status == Stream::ReadStatus::kData) {
      text.append(reinterpret_cast<char*>(room), result.bytes);
    }
    if (destroy_on_read || result.status == Stream::ReadStatus::kEnd) stream.reset();
  }
  void OnWriteProgress() override { ++progress; }
  void OnBroken(int code) override {
    error = code;
    stream.reset();
  }

  std::unique_ptr<TcpStream> stream;
  std::string text;
  Stream::ReadStatus last = Stream::ReadStatus::kNothing;
  int connected = 0;
  int progress = 0;
  int error = 0;
  bool destroy_on_read = false;
};

class TcpStreamTest : public testing::Test {
 protected:
  void Pair(const TcpStreamOptions& options = {}) {
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    far = UniqueFd(fds[1]);
    handler.stream = std::make_unique<TcpStream>(loop, UniqueFd(fds[0]), handler, options);
  }
  PacketBuffer Filled(size_t size, char with) {
    PacketBuffer buffer = pool.Get(size);
    std::memset(buffer.data(), with, size);
    return buffer;
  }
  void Turn() { uv_run(loop.raw(), UV_RUN_NOWAIT); }
  std::string ReadFar() {
    std::string out(1 << 20, '\0');
    const ssize_t got = recv(far.get(), out.data(), out.size(), 0);
    out.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return out;
  }

  PacketPool pool;
  Loop loop;
  Recorder handler;
  UniqueFd far;
};

TEST_F(TcpStreamTest, MessagesOfOneTurnLeaveTogetherFramed) {
  Pair();
  EXPECT_TRUE(handler.stream->QueueBytes(Filled(3, 'p'), 3));
  EXPECT_TRUE(handler.stream->QueueMessage(Filled(2, 'a'), 2));
  EXPECT_TRUE(handler.stream->QueueMessage(Filled(300, 'b'), 300));
  EXPECT_EQ(handler.stream->queued_bytes(), 3u + 4u + 302u);
  EXPECT_EQ(ReadFar(), "");
  EXPECT_EQ(handler.stream->Flush(), Stream::FlushStatus::kDone);
  EXPECT_EQ(ReadFar(), std::string("ppp\0\2aa\1\54", 9) + std::string(300, 'b'));
  EXPECT_EQ(handler.stream->queued_bytes(), 0u);
}

TEST_F(TcpStreamTest, ReadsOnlyWhileReadingIsOn) {
  Pair();
  ASSERT_EQ(send(far.get(), "hello", 5, 0), 5);
  Turn();
  EXPECT_EQ(handler.text, "");
  handler.stream->ResumeReading();
  Turn();
  EXPECT_EQ(handler.text, "hello");
  handler.stream->PauseReading();
  ASSERT_EQ(send(far.get(), "more", 4, 0), 4);
  Turn();
  EXPECT_EQ(handler.text, "hello");
}

TEST_F(TcpStreamTest, BlockedWriteGoesOnInOrderWhenThePeerReads) {
  Pair({.max_held_bytes = size_t{64} << 20});
  std::string expected;
  Stream::FlushStatus status = Stream::FlushStatus::kDone;
  for (char c = 'a'; c <= 'z' && status == Stream::FlushStatus::kDone; ++c) {
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(handler.stream->QueueMessage(Filled(60000, c), 60000));
      expected += std::string("\xea\x60", 2) + std::string(60000, c);
    }
    status = handler.stream->Flush();
  }
  ASSERT_EQ(status, Stream::FlushStatus::kBlocked);
  std::string got;
  while (got.size() < expected.size()) {
    const std::string piece = ReadFar();
    got += piece;
    Turn();
    ASSERT_FALSE(piece.empty() && handler.stream->queued_bytes() == 0) << got.size();
  }
  EXPECT_EQ(got, expected);
  EXPECT_GT(handler.progress, 0);
}

TEST_F(TcpStreamTest, FullQueueRefuses) {
  Pair({.max_held_bytes = 100});
  EXPECT_TRUE(handler.stream->QueueMessage(Filled(200, 'a'), 200));
  EXPECT_FALSE(handler.stream->QueueMessage(Filled(1, 'b'), 1));
  EXPECT_EQ(handler.stream->queued_bytes(), 202u);
}

TEST_F(TcpStreamTest, SmallMessagesShareABufferAndStayInOrder) {
  Pair();
  EXPECT_TRUE(handler.stream->QueueBytes(Filled(3, 'p'), 3));
  std::string expected = "ppp";
  for (int i = 0; i < 100; ++i) {
    const char c = static_cast<char>('a' + i % 26);
    ASSERT_TRUE(handler.stream->QueueMessage(Filled(4700, c), 4700));
    expected += std::string("\x12\x5c", 2) + std::string(4700, c);
  }
  EXPECT_EQ(handler.stream->queued_bytes(), expected.size());
  EXPECT_GE(handler.stream->held_bytes(), expected.size());
  EXPECT_LT(handler.stream->held_bytes(), 2 * expected.size());
  std::string got;
  while (got.size() < expected.size()) {
    ASSERT_NE(handler.stream->Flush(), Stream::FlushStatus::kBroken);
    // Queued behind a piece of which some may have left.
    if (expected.size() < 500000) {
      ASSERT_TRUE(handler.stream->QueueMessage(Filled(7, 'z'), 7));
      expected += std::string("\0\7zzzzzzz", 9);
    }
    got += ReadFar();
  }
  EXPECT_EQ(got, expected);
  EXPECT_EQ(handler.stream->held_bytes(), 0u);
}

TEST_F(TcpStreamTest, EndOfTheOtherSideAndOwnDestructionInTheHandler) {
  Pair();
  handler.stream->ResumeReading();
  far.Reset();
  Turn();
  EXPECT_EQ(handler.last, Stream::ReadStatus::kEnd);
  EXPECT_EQ(handler.stream, nullptr);
}

TEST_F(TcpStreamTest, WriteToAGonePeerIsBroken) {
  Pair();
  far.Reset();
  ASSERT_TRUE(handler.stream->QueueMessage(Filled(1, 'a'), 1));
  EXPECT_EQ(handler.stream->Flush(), Stream::FlushStatus::kBroken);
}

TEST_F(TcpStreamTest, ConnectsThenSendsWhatWasQueued) {
  auto group = OpenTcpGroup(*Address::Parse("127.0.0.1"), 1, {});
  ASSERT_TRUE(group) << group.error();
  const Address to = LocalAddressOf(group->front().get());
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int started = connect(fd.get(), to.sockaddr_ptr(), to.sockaddr_length());
  ASSERT_TRUE(started == 0 || errno == EINPROGRESS);
  handler.stream = std::make_unique<TcpStream>(loop, std::move(fd), handler,
                                               TcpStreamOptions{.connecting = true});
  ASSERT_TRUE(handler.stream->QueueMessage(Filled(2, 'q'), 2));
  EXPECT_EQ(handler.stream->Flush(), Stream::FlushStatus::kBlocked);
  while (handler.connected == 0) uv_run(loop.raw(), UV_RUN_ONCE);
  EXPECT_EQ(handler.stream->Flush(), Stream::FlushStatus::kDone);
  Accepted accepted = AcceptConnection(group->front().get());
  ASSERT_TRUE(accepted.fd.valid());
  EXPECT_EQ(accepted.peer, LocalAddressOf(handler.stream->fd()));
  far = std::move(accepted.fd);
  pollfd waiting{far.get(), POLLIN, 0};
  ASSERT_EQ(poll(&waiting, 1, 5000), 1);
  EXPECT_EQ(ReadFar(), std::string("\0\2qq", 4));
  EXPECT_EQ(AcceptConnection(group->front().get()).error, EAGAIN);
}

TEST_F(TcpStreamTest, RefusedConnectionIsTold) {
  auto group = OpenTcpGroup(*Address::Parse("127.0.0.1"), 1, {});
  ASSERT_TRUE(group);
  const Address to = LocalAddressOf(group->front().get());
  group->clear();
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  (void)connect(fd.get(), to.sockaddr_ptr(), to.sockaddr_length());
  handler.stream = std::make_unique<TcpStream>(loop, std::move(fd), handler,
                                               TcpStreamOptions{.connecting = true});
  while (handler.stream != nullptr) uv_run(loop.raw(), UV_RUN_ONCE);
  EXPECT_EQ(handler.error, ECONNREFUSED);
  EXPECT_EQ(handler.connected, 0);
}

TEST(TcpSocket, ListeningPortOfAnotherProgramIsAnError) {
  auto first = OpenTcpGroup(*Address::Parse("127.0.0.1"), 2, {});
  ASSERT_TRUE(first) << first.error();
  const Address address = LocalAddressOf(first->front().get());
  const auto second = OpenTcpGroup(address, 1, {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().find("TCP " + address.ToStringWithPort()), std::string::npos);
  EXPECT_TRUE(OpenTcpGroup(address, 1, {.shared_port = true}));
}

}  // namespace
}  // namespace breakwater
