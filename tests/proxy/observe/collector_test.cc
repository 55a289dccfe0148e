#include "proxy/observe/collector.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <thread>

#include "proxy/base/unique_fd.h"
#include "proxy/observe/frame_stream.h"

namespace breakwater {
namespace {

// A collector whose steps the test takes itself; reads wait until there is something.
class Listener {
 public:
  Listener() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_ = Address::Parse("127.0.0.1:0").value();
    EXPECT_EQ(bind(socket_.get(), address_.sockaddr_ptr(), address_.sockaddr_length()), 0);
    EXPECT_EQ(listen(socket_.get(), 5), 0);
    socklen_t length = Address::kCapacity;
    getsockname(socket_.get(), address_.mutable_sockaddr(), &length);
  }
  UniqueFd Accept() { return UniqueFd(accept(socket_.get(), nullptr, nullptr)); }
  const Address& address() const { return address_; }

 private:
  UniqueFd socket_;
  Address address_;
};

std::string ReadExactly(const UniqueFd& from, size_t size) {
  std::string bytes(size, '\0');
  const ssize_t got = recv(from.get(), bytes.data(), size, MSG_WAITALL);
  bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return bytes;
}

void SendAll(const UniqueFd& to, std::string_view bytes) {
  EXPECT_EQ(send(to.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
}

CollectorSettings SettingsFor(const Address& server) {
  CollectorSettings settings;
  settings.server = server;
  settings.reconnect = MonoTime::FromMs(1);
  return settings;
}

TEST(Collector, SendsEachMessageBehindItsLength) {
  Listener listener;
  Collector collector(SettingsFor(listener.address()));
  collector.Tell("before");
  collector.Start();
  const UniqueFd connection = listener.Accept();
  EXPECT_EQ(ReadExactly(connection, 8), std::string("\0\6before", 8));
  collector.Tell(std::string(300, 'x'));
  EXPECT_EQ(ReadExactly(connection, 302), std::string("\1\x2c", 2) + std::string(300, 'x'));
}

TEST(Collector, WhatDoesNotFitTheQueueIsDroppedAndCounted) {
  CollectorSettings settings = SettingsFor(Address::Parse("192.0.2.1:1").value());
  settings.queue_entries = 3;
  Collector collector(settings);
  for (int i = 0; i < 10; ++i) collector.Tell("m");
  EXPECT_EQ(collector.counts().dropped, 7u);
}

TEST(Collector, TheQueueIsBoundedInOctetsToo) {
  CollectorSettings settings = SettingsFor(Address::Parse("192.0.2.1:1").value());
  settings.queue_entries = 1'000'000;
  Collector collector(settings);
  const std::string big(60'000, 'x');
  for (int i = 0; i < 100; ++i) collector.Tell(big);
  EXPECT_EQ(collector.counts().dropped, 100 - Collector::kQueueBytes / 60'002);
}

TEST(Collector, AMessageThatItsLengthCannotSayIsDropped) {
  Collector collector(SettingsFor(Address::Parse("192.0.2.1:1").value()));
  collector.Tell(std::string(65'536, 'x'));
  EXPECT_EQ(collector.counts().dropped, 1u);
  collector.Tell(std::string(65'535, 'x'));
  EXPECT_EQ(collector.counts().dropped, 1u);
}

TEST(Collector, ConnectsAgainToOneThatWentAndLosesNothingThatWaited) {
  Listener listener;
  Collector collector(SettingsFor(listener.address()));
  collector.Start();
  listener.Accept().Reset();
  // It has seen the end once it connects anew.
  const UniqueFd connection = listener.Accept();
  collector.Tell("after");
  EXPECT_EQ(ReadExactly(connection, 7), std::string("\0\5after", 7));
}

TEST(Collector, UsesItsConnectionsInTurn) {
  Listener listener;
  CollectorSettings settings = SettingsFor(listener.address());
  settings.connections = 2;
  Collector collector(settings);
  collector.Tell("a");
  collector.Tell("b");
  collector.Start();
  const UniqueFd first = listener.Accept();
  const UniqueFd second = listener.Accept();
  const std::string told = ReadExactly(first, 3) + ReadExactly(second, 3);
  EXPECT_TRUE(told == std::string("\0\1a\0\1b", 6) || told == std::string("\0\1b\0\1a", 6));
}

TEST(Collector, WhatWaitsIsSentAtTheEnd) {
  Listener listener;
  UniqueFd connection;
  {
    Collector collector(SettingsFor(listener.address()));
    collector.Start();
    connection = listener.Accept();
    collector.Tell("m");
    EXPECT_EQ(ReadExactly(connection, 3).size(), 3u);
    for (int i = 0; i < 50; ++i) collector.Tell("m");
  }
  EXPECT_EQ(ReadExactly(connection, 1000).size(), 150u);
}

TEST(Collector, ADeadOneDelaysNoEndAndItsMessagesAreCounted) {
  Address nobody;
  { nobody = Listener().address(); }
  Collector collector(SettingsFor(nobody));
  collector.Tell("m");
  collector.Start();
  while (collector.counts().connect_failures == 0) std::this_thread::yield();
  collector.AskToStop();
  while (!collector.Ended()) std::this_thread::yield();
  EXPECT_EQ(collector.counts().dropped, 1u);
  EXPECT_EQ(collector.counts().sent, 0u);
  EXPECT_EQ(collector.ToString(), nobody.ToStringWithPort() + " (0 sent, 1 dropped)");
}

TEST(Collector, AgreesOnFrameStreamsBeforeAndAfterTheMessages) {
  Listener listener;
  CollectorSettings settings = SettingsFor(listener.address());
  settings.framing = CollectorFraming::kFrameStream;
  Collector collector(settings);
  collector.Tell("m");
  collector.Start();
  const UniqueFd connection = listener.Accept();
  const std::string ready = MakeControlFrame(ControlFrame::kReady);
  EXPECT_EQ(ReadExactly(connection, ready.size()), ready);
  SendAll(connection, MakeControlFrame(ControlFrame::kAccept));
  const std::string start = MakeControlFrame(ControlFrame::kStart);
  EXPECT_EQ(ReadExactly(connection, start.size()), start);
  EXPECT_EQ(ReadExactly(connection, 5), std::string("\0\0\0\1m", 5));
  collector.AskToStop();
  const std::string stop = MakeControlFrame(ControlFrame::kStop);
  EXPECT_EQ(ReadExactly(connection, stop.size()), stop);
  SendAll(connection, MakeControlFrame(ControlFrame::kFinish));
  while (!collector.Ended()) std::this_thread::yield();
}

TEST(Collector, OneThatSpeaksSomethingElseIsNotTold) {
  Listener listener;
  CollectorSettings settings = SettingsFor(listener.address());
  settings.framing = CollectorFraming::kFrameStream;
  Collector collector(settings);
  collector.Tell("m");
  collector.Start();
  const UniqueFd connection = listener.Accept();
  SendAll(connection, "HTTP/1.1 400 Bad Request\r\n\r\n");
  while (collector.counts().connect_failures == 0) std::this_thread::yield();
  EXPECT_EQ(collector.counts().sent, 0u);
}

TEST(ControlFrame, IsReadInPartsAndTakenWhole) {
  const std::string frame = MakeControlFrame(ControlFrame::kAccept);
  const auto* bytes = reinterpret_cast<const uint8_t*>(frame.data());
  for (size_t size = 0; size < frame.size(); ++size) {
    EXPECT_EQ(ParseControlFrame({bytes, size}, ControlFrame::kAccept), ControlParse::kPartial);
  }
  EXPECT_EQ(ParseControlFrame({bytes, frame.size()}, ControlFrame::kAccept), ControlParse::kWhole);
  EXPECT_EQ(ParseControlFrame({bytes, frame.size()}, ControlFrame::kFinish), ControlParse::kBad);
}

TEST(ControlFrame, OfAnotherContentOrTooLongIsBad) {
  std::string frame = MakeControlFrame(ControlFrame::kAccept);
  frame.back() = 'P';
  const auto* bytes = reinterpret_cast<const uint8_t*>(frame.data());
  EXPECT_EQ(ParseControlFrame({bytes, frame.size()}, ControlFrame::kAccept), ControlParse::kBad);
  const uint8_t endless[] = {0, 0, 0, 0, 0, 0, 2, 1};
  EXPECT_EQ(ParseControlFrame(endless, ControlFrame::kAccept), ControlParse::kBad);
}

}  // namespace
}  // namespace breakwater
