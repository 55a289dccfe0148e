// newNetworkEndpoint(), newNetworkListener(): datagrams from and to other programs.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "proxy/net/unix_datagram.h"
#include "tests/lua/threads_fixture.h"

namespace breakwater::lua {
namespace {

using testing::HasSubstr;

class NetworkTest : public WithThreadsTest {
 protected:
  std::string Path(const std::string& name) const { return directory_ + "/" + name; }
};

TEST_F(NetworkTest, AnEndpointSendsWithoutWaiting) {
  auto receiver = BindUnixDatagram(Path("in"));
  ASSERT_TRUE(receiver) << receiver.error();
  Load("out = newNetworkEndpoint('" + Path("in") + "')");
  EXPECT_EQ(Value("tostring(out:isValid())"), "true");
  EXPECT_EQ(Value("tostring(out:send('a\\0b'))"), "true");
  EXPECT_EQ(ReceiveUnixDatagram(receiver->get())->data, std::string("a\0b", 3));
  EXPECT_EQ(Value("tostring(out:send(''))"), "false");
  // The kernel's queue is full some time: it says no.
  EXPECT_EQ(Value("n = 0 while out:send('x') do n = n + 1 end return tostring(n > 0)"), "true");
  // Who begins anew is found again.
  receiver->Reset();
  EXPECT_EQ(Value("tostring(out:send('lost'))"), "false");
  receiver = BindUnixDatagram(Path("in"));
  ASSERT_TRUE(receiver) << receiver.error();
  EXPECT_EQ(Value("tostring(out:send('again'))"), "true");
  EXPECT_EQ(ReceiveUnixDatagram(receiver->get())->data, "again");
}

TEST_F(NetworkTest, ThereIsNoEndpointWhereNobodyListens) {
  Load(
      "a = newNetworkEndpoint('" + Path("none") + "')\n" +
      "b = newNetworkEndpoint(string.rep('x', 200))\nc = newNetworkEndpoint('\\0breakwater-none')");
  EXPECT_EQ(Value("tostring(a) .. tostring(b) .. tostring(c)"), "nilnilnil");
}

TEST_F(NetworkTest, WhatComesIsHandedToTheFunction) {
  Load(
      "got = ''\n"
      "function take(id, data, from) if data == 'bad' then error('oops') end\n"
      "  got = got .. id .. data .. from .. ';' end\n"
      "listener = newNetworkListener()\n"
      "listener:addUnixListeningEndpoint('" +
      Path("one") + "', 1, take)\n" + "listener:addUnixListeningEndpoint('" + Path("two") +
      "', 2, take)\n" + "listener:start()");
  auto one = ConnectUnixDatagram(Path("one"));
  auto two = ConnectUnixDatagram(Path("two"));
  ASSERT_TRUE(one && two);
  bool gone = false;
  EXPECT_TRUE(SendUnixDatagram(one->get(), "early", &gone));
  EXPECT_EQ(Value("got"), "");
  configuration_->StartThreads();
  EXPECT_TRUE(Becomes("got", "1early;"));
  EXPECT_TRUE(SendUnixDatagram(two->get(), "bad", &gone));
  EXPECT_TRUE(SendUnixDatagram(two->get(), "good", &gone));
  EXPECT_TRUE(Becomes("got", "1early;2good;"));
  EXPECT_EQ(configuration_->runtime().Counted(Metric::kLuaErrors), 1u);
  EXPECT_THAT(Run("listener:start()"), HasSubstr("it was started before"));
  EXPECT_THAT(Run("listener:addUnixListeningEndpoint('" + Path("three") + "', 3, take)"),
              HasSubstr("it was started: add what it listens to before"));
  EXPECT_TRUE(configuration_->Close());
  EXPECT_TRUE(configuration_->StopThreads());
}

TEST_F(NetworkTest, ManyDatagramsAreAllTaken) {
  Load(
      "n = 0 listener = newNetworkListener()\n"
      "listener:addUnixListeningEndpoint('" +
      Path("in") + "', 1, function() n = n + 1 end)\n" +
      "listener:start() out = newNetworkEndpoint('" + Path("in") + "')");
  configuration_->StartThreads();
  EXPECT_EQ(Value("sent = 0 for i = 1, 500 do if out:send('x') then sent = sent + 1 end end "
                  "return tostring(sent > 0)"),
            "true");
  EXPECT_TRUE(Becomes("tostring(n == sent)", "true"));
}

TEST_F(NetworkTest, AnOldSocketIsRemovedAndNothingElse) {
  { auto old = BindUnixDatagram(Path("old")); }
  WriteFile("file", "text");
  Load("l = newNetworkListener()");
  EXPECT_THAT(Run("l:addUnixListeningEndpoint('" + Path("old") + "', 1, print)"),
              HasSubstr("true"));
  EXPECT_THAT(Run("l:addUnixListeningEndpoint('" + Path("file") + "', 1, print)"),
              HasSubstr("file: Address already in use"));
  EXPECT_THAT(Run("l:addUnixListeningEndpoint('', 1, print)"),
              HasSubstr("the path of a socket has 1 to"));
}

TEST_F(NetworkTest, ACheckMakesNoSocket) {
  Load("l = newNetworkListener() l:addUnixListeningEndpoint('" + Path("in") +
           "', 1, print) l:start()",
       {.check = true});
  struct stat there {};
  EXPECT_NE(stat(Path("in").c_str(), &there), 0);
}

TEST_F(NetworkTest, ThereIsABoundForListeners) {
  EXPECT_THAT(TryLoad("for i = 1, 65 do newNetworkListener():start() end"),
              HasSubstr("start: there are 64 threads already, the most there may be"));
}

}  // namespace
}  // namespace breakwater::lua
