// newThread(), submitToMainThread(), getAddressInfo(): threads of scripts.
#include <gmock/gmock.h>

#include <chrono>

#include "lua/script_threads.h"
#include "tests/lua/threads_fixture.h"

namespace breakwater::lua {
namespace {

using testing::HasSubstr;

class ThreadsTest : public WithThreadsTest {
 protected:
  void Start(const std::string& text) {
    Load(text, {.thread_pause_s = 3600});
    configuration_->StartThreads();
  }
};

TEST_F(ThreadsTest, AThreadThatRunsOnIsStopped) {
  Start(
      "got = ''\n"
      "function threadmessage(cmd, data) got = got .. cmd .. data.name .. data.number end\n"
      "newThread([[\n"
      "  local n = 0\n"
      "  for i = 1, 3 do n = n + i submitToMainThread('sum', {name='x', number=n}) end\n"
      "  refreshRuntimeConfiguration()\n"
      "  while true do end\n"
      "]])");
  EXPECT_TRUE(Becomes("got", "sumx1sumx3sumx6"));
  EXPECT_TRUE(configuration_->Close());
  EXPECT_TRUE(configuration_->StopThreads());
  EXPECT_EQ(configuration_->runtime().Counted(Metric::kLuaErrors), 0u);
  EXPECT_EQ(configuration_->runtime().Counted(Metric::kLuaThreadEnds), 0u);
}

TEST_F(ThreadsTest, NothingBeginsBeforeTheServerRuns) {
  Load(
      "got = 'nothing' function threadmessage(cmd) got = cmd end\n"
      "newThread(\"submitToMainThread('here', {})\")",
      {.thread_pause_s = 3600});
  EXPECT_EQ(Value("got"), "nothing");
  configuration_->StartThreads();
  EXPECT_TRUE(Becomes("got", "here"));
  // One of the console begins at once.
  Run("newThread(\"submitToMainThread('there', {})\")");
  EXPECT_TRUE(Becomes("got", "there"));
}

TEST_F(ThreadsTest, WhoChecksOrIsAClientStartsNone) {
  for (const RuntimeOptions& options : {RuntimeOptions{.check = true}, {.client = true}}) {
    Load(
        "got = 'nothing' function threadmessage(cmd) got = cmd end\n"
        "newThread(\"submitToMainThread('here', {})\")\n"
        "getAddressInfo('127.0.0.1', function(name) got = name end)",
        options);
    configuration_->StartThreads();
    EXPECT_TRUE(configuration_->StopThreads());
    EXPECT_EQ(Value("got"), "nothing");
  }
}

TEST_F(ThreadsTest, AnErrorOfAThreadIsCountedAndEndsItUntilItIsStartedAgain) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  Start("newThread('\\n\\n error(\"oops\")')");
  EXPECT_TRUE(Counts(Metric::kLuaThreadEnds, 1));
  EXPECT_TRUE(Counts(Metric::kLuaErrors, 1));
  // It waits for five seconds: not for as long as that once it is told to end.
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(configuration_->Close());
  EXPECT_TRUE(configuration_->StopThreads());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
  const std::string log =
      testing::internal::GetCapturedStderr() + testing::internal::GetCapturedStdout();
  EXPECT_THAT(log, HasSubstr("test.conf:1 (newThread):3: oops"));
}

TEST_F(ThreadsTest, CodeThatEndsIsStartedAgain) {
  Load(
      "n = 0 function threadmessage() n = n + 1 end\n"
      "newThread('submitToMainThread(\"x\", {})')",
      {.thread_pause_s = 0});
  configuration_->StartThreads();
  EXPECT_TRUE(Becomes("tostring(n >= 3)", "true"));
  EXPECT_TRUE(Counts(Metric::kLuaThreadEnds, 2));
  EXPECT_EQ(configuration_->runtime().Counted(Metric::kLuaErrors), 0u);
}

TEST_F(ThreadsTest, CodeThatDoesNotCompileIsAnErrorAtOnce) {
  const std::string error = TryLoad("\nnewThread('x = = 1')");
  EXPECT_THAT(error, HasSubstr("test.conf:2: newThread: "));
  EXPECT_THAT(error, HasSubstr("test.conf:2 (newThread):1: unexpected symbol"));
}

TEST_F(ThreadsTest, ThereIsABoundForThreads) {
  EXPECT_THAT(TryLoad("for i = 1, 65 do newThread('') end"),
              HasSubstr("newThread: there are 64 threads already, the most there may be"));
}

TEST_F(ThreadsTest, WhatIsWrongWithAMessageIsAnErrorOfTheThread) {
  Start(
      "got = ''\n"
      "function threadmessage(cmd, data) got = got .. cmd .. (data.error or '') .. '; ' end\n"
      "newThread([[\n"
      "  local function try(...)\n"
      "    local ok, text = pcall(submitToMainThread, ...)\n"
      "    submitToMainThread('', {error=text})\n"
      "  end\n"
      "  try()\n"
      "  try('x')\n"
      "  try('x', {a={}})\n"
      "  try('x', {a=string.rep('x', 2^20)})\n"
      "  submitToMainThread('end', {})\n"
      "]])");
  EXPECT_TRUE(Becomes("tostring(got:match('end; $') ~= nil)", "true"));
  const std::string got = Value("got");
  EXPECT_THAT(got, HasSubstr("submitToMainThread: bad argument #1 (string expected)"));
  EXPECT_THAT(got, HasSubstr("submitToMainThread: bad argument #2 (table of strings expected)"));
  EXPECT_THAT(got, HasSubstr("a message of 1048578 bytes, at most 1048576"));
}

TEST_F(ThreadsTest, ErrorsOfTheReceiverAreNotTheThreads) {
  Start(
      "got = 0\n"
      "newThread([[\n"
      "  submitToMainThread('nobody', {})\n"
      "  submitToMainThread('set', {})\n"
      "  submitToMainThread('fail', {})\n"
      "  submitToMainThread('after', {})\n"
      "]])\n"
      "addMaintenanceCallback(function()\n"
      "  function threadmessage(cmd) if cmd == 'fail' then error('no') end got = got + 1 end\n"
      "end)");
  const auto errors = [&] { return configuration_->runtime().Counted(Metric::kLuaErrors); };
  // The first, or all, come before there is a receiver: each is an error, and the thread goes on.
  EXPECT_TRUE(Counts(Metric::kLuaErrors, 1));
  configuration_->Maintenance();
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (std::stoull(Value("got")) + errors() < 4 && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::yield();
  }
  const uint64_t before = errors();
  EXPECT_EQ(std::stoull(Value("got")) + before, 4u);
  Run("submitToMainThread('after', {})");
  EXPECT_EQ(std::stoull(Value("got")) + before, 5u);
  Run("submitToMainThread('fail', {})");
  EXPECT_EQ(errors(), before + 1);
}

TEST_F(ThreadsTest, ManyThreadsAtOnceLoseNoMessage) {
  Start(
      "sum = 0\n"
      "function threadmessage(cmd, data) sum = sum + tonumber(data.n) end\n"
      "for i = 1, 8 do newThread([[\n"
      "  for i = 1, 50 do submitToMainThread('add', {n=i}) end\n"
      "]]) end");
  EXPECT_TRUE(Becomes("sum", "10200"));
}

// One that sends without end, and never minds an error, must not keep the program from ending.
TEST_F(ThreadsTest, WhoSendsWithoutEndIsStopped) {
  Start(
      "n = 0 function threadmessage() n = n + 1 end\n"
      "for i = 1, 4 do newThread('while true do pcall(submitToMainThread, \"x\", {}) end') end");
  EXPECT_TRUE(Becomes("tostring(n > 10)", "true"));
  EXPECT_TRUE(configuration_->Close());
  EXPECT_TRUE(configuration_->StopThreads());
  // The main interpreter is as it was.
  Run("addExitCallback(function() done = 'yes' end)");
  configuration_->RunExitCallbacks();
}

TEST_F(ThreadsTest, AThreadKnowsConstantsHelpersAndFfi) {
  Start(
      "function threadmessage(cmd, data) got = data.said end\n"
      "newThread([[\n"
      "  local C = require('ffi').C\n"
      "  infolog('hello')\n"
      "  local said = DNSQType.AAAA .. tostring(C.dnsdist_ffi_drop_from_async(1, 2)) ..\n"
      "    tostring(newServer)\n"
      "  local group = newNMG() group:addMask('192.0.2.0/24')\n"
      "  said = said .. tostring(group:match(newCA('192.0.2.7'))) ..\n"
      "    newDNSName('www.example.org'):toString()\n"
      "  submitToMainThread('x', {said=said})\n"
      "]])");
  EXPECT_TRUE(Becomes("got", "28falseniltruewww.example.org."));
}

TEST_F(ThreadsTest, NamesAreLookedUp) {
  Start(
      "got = {}\n"
      "function take(name, list)\n"
      "  local texts = {}\n"
      "  for _, address in ipairs(list) do table.insert(texts, address:toString()) end\n"
      "  got[name] = table.concat(texts, ',')\n"
      "end\n"
      "getAddressInfo('127.0.0.1', take)\n"
      "getAddressInfo('2001:db8::1', take)\n"
      "bad = string.rep('x', 64) .. '.example'\n"
      "getAddressInfo(bad, take)");
  EXPECT_TRUE(Becomes("got['127.0.0.1']", "127.0.0.1"));
  EXPECT_TRUE(Becomes("got['2001:db8::1']", "2001:db8::1"));
  EXPECT_TRUE(Becomes("tostring(got[bad])", ""));
  EXPECT_THAT(Run("getAddressInfo('', take)"), HasSubstr("a host name has 1 to 1025 characters"));
  EXPECT_THAT(Run("getAddressInfo('x', 3)"), HasSubstr("function expected"));
  Run("getAddressInfo('127.0.0.2', function() error('no') end)");
  EXPECT_TRUE(Counts(Metric::kLuaErrors, 1));
}

TEST_F(ThreadsTest, ThereIsABoundForLookUps) {
  EXPECT_THAT(TryLoad("for i = 1, 1001 do getAddressInfo('127.0.0.1', function() end) end"),
              HasSubstr("getAddressInfo: 1000 names are looked up already"));
}

}  // namespace
}  // namespace breakwater::lua
