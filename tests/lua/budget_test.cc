// What a Lua function may do and take while a packet is handled.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "proxy/base/activity.h"
#include "tests/lua/ask_fixture.h"

namespace breakwater::lua {
namespace {

using testing::HasSubstr;

class BudgetTest : public AskTest {
 protected:
  // A Lua action with this body, under this budget, asked once.
  std::string Act(const std::string& budget, const std::string& body) {
    Load("setLuaBudget(" + budget + ")\nlog = ''\naddAction(AllRule(), LuaAction(function(dq) " +
         body + " return DNSAction.Refused end))");
    return Ask("a.example A");
  }
  uint64_t Stopped() { return configuration_->runtime().Counted(Metric::kLuaStopped); }
  uint64_t Errors() { return configuration_->runtime().Counted(Metric::kLuaErrors); }
};

TEST_F(BudgetTest, AFunctionThatNeverEndsIsStopped) {
  EXPECT_THAT(Act("{time=20}", "while true do end"), HasSubstr("SERVFAIL"));
  EXPECT_EQ(Stopped(), 1u);
  EXPECT_EQ(Errors(), 1u);
  EXPECT_EQ(Run("1 + 1"), "2\n");
  EXPECT_THAT(Ask("b.example A"), HasSubstr("SERVFAIL"));
  EXPECT_EQ(Stopped(), 2u);
}

TEST_F(BudgetTest, CatchingTheErrorDoesNotHelp) {
  EXPECT_THAT(Act("{time=20}", "while true do pcall(function() while true do end end) end"),
              HasSubstr("SERVFAIL"));
  EXPECT_EQ(Stopped(), 1u);
  EXPECT_THAT(Act("{instructions=10000}",
                  "while true do pcall(function() while true do end end) "
                  "end"),
              HasSubstr("SERVFAIL"));
  EXPECT_EQ(Stopped(), 1u);
}

TEST_F(BudgetTest, HealthCheckFunctionsWithoutEndAreStopped) {
  Load(
      "setLuaBudget({time=20})\n"
      "newServer{address='192.0.2.1', checkFunction=function() while true do end end}\n"
      "  :setHealthCheckResponseValidator(function() while true do end end)");
  HealthCheckQuestion question{*dns::Name::Parse("a.example."), dns::Type::kA, dns::Class::kIn, 0};
  config()->backends.at(0)->settings().health.check_function(question);
  EXPECT_EQ(question.name.ToString(), "a.example.");
  const HealthValidator validator = config()->backends.at(0)->health_validator();
  EXPECT_EQ(validator(test::QueryMaker::Message("a.example +qr")), HealthJudgement::kFailed);
  EXPECT_EQ(Stopped(), 2u);
}

TEST_F(BudgetTest, ServerStateCallbacksWithoutEndAreStopped) {
  Load(
      "addServerStateChangeCallback(function() while true do end end)\n"
      "addServerStateChangeCallback(function(name, up) seen = up end)");
  BackendSettings settings;
  settings.address = *Address::Parse("192.0.2.1", 53);
  configuration_->OnServerState(std::make_shared<Backend>(settings), true);
  EXPECT_EQ(Stopped(), 1u);
  EXPECT_EQ(Run("seen"), "true\n");
}

TEST_F(BudgetTest, CoroutinesAreStoppedToo) {
  EXPECT_THAT(Act("{time=20}",
                  "local co = coroutine.create(function() while true do end end) "
                  "while true do coroutine.resume(co) end"),
              HasSubstr("SERVFAIL"));
  EXPECT_THAT(Act("{time=20}", "coroutine.wrap(function() while true do end end)()"),
              HasSubstr("SERVFAIL"));
  EXPECT_EQ(Stopped(), 1u);
}

TEST_F(BudgetTest, ManyShortCoroutinesAreStoppedToo) {
  EXPECT_THAT(
      Act("{time=20}", "while true do pcall(coroutine.wrap(function() coroutine.yield() end)) end"),
      HasSubstr("SERVFAIL"));
  EXPECT_EQ(Stopped(), 1u);
}

TEST_F(BudgetTest, WhatIsStoppedTellsWhere) {
  testing::internal::CaptureStdout();
  Act("{time=20}", "\n local x = 1\n while true do end");
  Act("{instructions=500}", "\n while true do pcall(function()\n while true do end end) end");
  Act("{instructions=500}",
      "\n coroutine.resume(coroutine.create(function()\n\n while true do end end))");
  const std::string log = testing::internal::GetCapturedStdout();
  EXPECT_THAT(log, HasSubstr(path_ + ":5: stopped: its time is up"));
  EXPECT_THAT(log, HasSubstr(path_ + ":5: stopped: it took too many instructions"));
  EXPECT_THAT(log, HasSubstr(path_ + ":6: stopped: it took too many instructions"));
}

TEST_F(BudgetTest, AllCoroutinesTogetherHaveOneBudget) {
  const std::string part = "coroutine.wrap(function() for i = 1, 100 do end end)() ";
  EXPECT_THAT(Act("{instructions=2000}", "for i = 1, 3 do " + part + "end"), HasSubstr("REFUSED"));
  EXPECT_THAT(Act("{instructions=2000}", "for i = 1, 30 do " + part + "end"),
              HasSubstr("SERVFAIL"));
  // One that yields before a slice of its instructions is over, again and again.
  EXPECT_THAT(Act("{instructions=20000}",
                  "local co = coroutine.wrap(function() while true do coroutine.yield() end end) "
                  "for i = 1, 1000 do co() end"),
              HasSubstr("SERVFAIL"));
}

TEST_F(BudgetTest, WhatClosesWithACoroutineIsStoppedToo) {
  const std::string open =
      "local co = coroutine.create(function() local x <close> = setmetatable({}, "
      "{__close = function() while true do end end}) coroutine.yield() end) "
      "coroutine.resume(co) ";
  EXPECT_THAT(Act("{time=20}", open + "coroutine.close(co)"), HasSubstr("SERVFAIL"));
  EXPECT_THAT(Act("{time=0, instructions=5000}", open + "coroutine.close(co)"),
              HasSubstr("SERVFAIL"));
  EXPECT_THAT(Act("{}", "log = tostring(coroutine.close(coroutine.create(print)))"),
              HasSubstr("REFUSED"));
  EXPECT_EQ(Run("log"), "true\n");
}

TEST_F(BudgetTest, MessageHandlersAreStoppedToo) {
  const std::string forever = "function() while true do end end";
  EXPECT_THAT(Act("{time=20}", "xpcall(" + forever + ", " + forever + ")"), HasSubstr("SERVFAIL"));
  EXPECT_EQ(Stopped(), 1u);
  EXPECT_THAT(Act("{instructions=5000}", "xpcall(error, " + forever + ")"), HasSubstr("SERVFAIL"));
  EXPECT_EQ(Stopped(), 1u);
  EXPECT_THAT(Act("{time=20}",
                  "while true do xpcall(coroutine.wrap(" + forever + "), " + forever + ") end"),
              HasSubstr("SERVFAIL"));
  EXPECT_EQ(Stopped(), 1u);
}

TEST_F(BudgetTest, MessageHandlersWorkAsEver) {
  Load(
      "function bad(a) error('on purpose ' .. a) end\n"
      "function good(a, b) return a, b end\n"
      "function said(...) return table.concat({...}, ' ') end");
  EXPECT_EQ(Run("said(select(2, xpcall(good, error, 1, 2)))"), "1 2\n");
  EXPECT_EQ(Run("select(2, xpcall(bad, function(e) return 'handled ' .. e end, 7))"),
            "handled " + path_ + ":1: on purpose 7\n");
  // The handler sees where it happened, and nothing of ours.
  EXPECT_THAT(Run("select(2, xpcall(bad, debug.traceback, 7))"), HasSubstr("in function 'bad'"));
  EXPECT_THAT(Run("select(2, xpcall(bad, debug.traceback, 7))"),
              HasSubstr("stack traceback:\n\t[C]: in function 'error'"));
  EXPECT_THAT(Run("select(2, xpcall(bad, function() return debug.traceback() end, 7))"),
              HasSubstr("in function 'bad'"));
  Run("co = coroutine.wrap(function() return xpcall(coroutine.yield, print) end) co()");
  EXPECT_EQ(Run("select(2, co(5))"), "5\n");
  EXPECT_THAT(Run("xpcall(print)"), HasSubstr("bad argument #2 to 'xpcall' (function expected"));
}

TEST_F(BudgetTest, WhatAStoppedCoroutineClosesWithIsNotRunEvenLater) {
  const std::string made =
      "local x <close> = setmetatable({}, {__close = function() while true do end end}) "
      "while true do end";
  EXPECT_THAT(Act("{instructions=5000}", "coroutine.wrap(function() " + made + " end)()"),
              HasSubstr("SERVFAIL"));
  EXPECT_THAT(Act("{instructions=5000}",
                  "if co then coroutine.resume(co) good, why = coroutine.close(co) else "
                  "co = coroutine.create(function() " +
                      made + " end) coroutine.resume(co) end"),
              HasSubstr("SERVFAIL"));
  EXPECT_THAT(Ask("b.example A"), HasSubstr("REFUSED"));
  EXPECT_EQ(Run("good"), "false\n");
  EXPECT_THAT(Run("why"), HasSubstr("was stopped"));
}

// Lua runs them without hooks.
TEST_F(BudgetTest, FinalizersOfScriptsAreNotRun) {
  const std::string collect = " collectgarbage() collectgarbage()";
  const std::string meta = "{__gc = function() log = 'run' end, __index = {a = 'index'}}";
  EXPECT_THAT(Act("{}", "local m = " + meta +
                            " log = setmetatable({}, m).a .. type(m.__gc) "
                            "debug.setmetatable({}, m)" +
                            collect),
              HasSubstr("REFUSED"));
  EXPECT_EQ(Run("log"), "indexfunction\n");
  EXPECT_THAT(Run("debug.setmetatable(newDNSName('a'), {})"), HasSubstr("not of an object"));
  EXPECT_EQ(Run("debug.getmetatable(newDNSName('a'))"), "DNSName\n");
  EXPECT_EQ(Run("getmetatable(io.stdout).__gc == nil and getmetatable(io.stdout).__name"),
            "FILE*\n");
  EXPECT_THAT(Run("debug.getregistry()"), HasSubstr("is not there"));
  EXPECT_THAT(Run("setmetatable(setmetatable({}, {__metatable = 1}), {__gc = print})"),
              HasSubstr("cannot change a protected metatable"));
  EXPECT_EQ(Run("#getmetatable(setmetatable({}, {1, 2, __gc = print}))"), "2\n");
}

TEST_F(BudgetTest, AHookOfAScriptDoesNotOutlastItsBeginning) {
  Load(
      "setLuaBudget{instructions=0}\n"
      "addAction(AllRule(), LuaAction(function(dq) hook = debug.gethook() return "
      "DNSAction.Refused end))\n"
      "debug.sethook(function() while hooked do end end, '', 1000)");
  EXPECT_THAT(Ask("a.example A"), HasSubstr("REFUSED"));
  EXPECT_EQ(Run("hook == nil"), "true\n");
}

TEST_F(BudgetTest, OneCallInCDoesNotTakeWithoutEnd) {
  const std::string huge = "setmetatable({}, {__len = function() return 1000000000000000 end})";
  for (const std::string& body : std::initializer_list<std::string>{
           "string.rep('', 1000000000000000000)",
           "(''):rep(1000000000000000000, '')",
           "table.move({}, 1, 1000000000000000000, 2)",
           "table.move({}, math.mininteger, -2, 1)",
           "table.insert(" + huge + ", 1, 'x')",
           "table.remove(" + huge + ", 1)",
           "table.concat(setmetatable({}, {__index = function() return '' end}), '', 1, 1e18)",
           "table.sort(" + huge + ")",
       }) {
    Act("{time=0, memory=0}", "good, why = pcall(function() " + body + " end)");
    EXPECT_EQ(Run("good"), "false\n") << body;
    EXPECT_THAT(Run("why"), HasSubstr("too many steps in one call")) << body;
    EXPECT_THAT(Run("why"), HasSubstr(path_ + ":3: ")) << body;
  }
}

TEST_F(BudgetTest, CallsInCWorkAsEver) {
  Load(
      "function tried() t = {3, 1, 2} table.insert(t, 1, 9) table.insert(t, 5) table.sort(t)\n"
      "  table.remove(t, 2) table.remove(t) table.move(t, 1, 2, 3)\n"
      "  return table.concat(t, ',') .. (''):rep(3) .. ('a'):rep(2, '-') .. "
      "table.concat(t, '', 2, 3) end\n"
      "addAction(AllRule(), LuaAction(function(dq) said = tried() return DNSAction.Refused end))");
  const std::string expected = Run("tried()");
  EXPECT_EQ(expected, "1,3,1,3a-a31\n");
  EXPECT_THAT(Ask("a.example A"), HasSubstr("REFUSED"));
  EXPECT_EQ(Run("said"), expected);
  EXPECT_THAT(Run("table.insert({}, 5, 1)"), HasSubstr("bad argument #2 to 'insert'"));
  EXPECT_THAT(Run("table.insert(nil, 1)"), HasSubstr("bad argument #1 to 'insert' (table"));
  EXPECT_THAT(Run("string.rep()"), HasSubstr("bad argument #1 to 'rep'"));
}

TEST_F(BudgetTest, CoroutinesWorkAsEver) {
  Load(
      "co = coroutine.create(function(a) local b = coroutine.yield(a + 1) return b * 2 end)\n"
      "next_one = coroutine.wrap(function() for i = 1, 2 do coroutine.yield(i) end end)\n"
      "bad = coroutine.wrap(function() error('on purpose') end)");
  EXPECT_EQ(Run("return select(2, coroutine.resume(co, 1))"), "2\n");
  EXPECT_EQ(Run("return select(2, coroutine.resume(co, 4))"), "8\n");
  EXPECT_THAT(Run("return select(2, coroutine.resume(co))"), HasSubstr("dead coroutine"));
  EXPECT_EQ(Run("return next_one() + next_one()"), "3\n");
  EXPECT_THAT(Run("bad()"), HasSubstr("on purpose"));
  EXPECT_THAT(Run("coroutine.resume(1)"), HasSubstr("coroutine expected"));
  Load(
      "function failing() local x <close> = setmetatable({}, {__close = function(_, e) closed = e\n"
      "  if twice then error('in closing') end end}) error('first') end\n"
      "function why() return select(2, pcall(coroutine.wrap(failing))) end");
  EXPECT_THAT(Run("why()"), HasSubstr(path_ + ":2: first"));
  EXPECT_EQ(Run("closed"), path_ + ":2: first\n");
  Run("twice = true");
  EXPECT_THAT(Run("why()"), HasSubstr(path_ + ":2: in closing"));
  EXPECT_THAT(Run("coroutine.close(coroutine.running())"), HasSubstr(":1: cannot close a running"));
}

TEST_F(BudgetTest, MemoryIsLimited) {
  EXPECT_THAT(Act("{memory=1000000}", "local t = {} while true do t[#t + 1] = #t .. 'text' end"),
              HasSubstr("SERVFAIL"));
  EXPECT_EQ(Stopped(), 1u);
  EXPECT_THAT(Act("{memory=1000000}", "pcall(string.rep, 'x', 10000000)"), HasSubstr("REFUSED"));
  EXPECT_EQ(Stopped(), 0u);
  // What is not for a packet may take what it wants.
  EXPECT_EQ(Run("return #string.rep('x', 10000000)"), "10000000\n");
}

TEST_F(BudgetTest, InstructionsAreLimitedWhereAskedFor) {
  EXPECT_THAT(Act("{instructions=1000}", "for i = 1, 10 do log = log .. i end"),
              HasSubstr("REFUSED"));
  EXPECT_THAT(Act("{instructions=1000}", "for i = 1, 1000 do log = log .. i end"),
              HasSubstr("SERVFAIL"));
  EXPECT_THAT(Act("{instructions=0}", "for i = 1, 1000 do log = log .. i end"),
              HasSubstr("REFUSED"));
}

TEST_F(BudgetTest, ZeroIsNoLimitAndNonsenseIsRefused) {
  EXPECT_THAT(Act("{time=0, memory=0}", ""), HasSubstr("REFUSED"));
  EXPECT_THAT(TryLoad("setLuaBudget{instructions=4000000000}"), HasSubstr("too many instructions"));
}

int Doing(lua_State* state) {
  lua_pushstring(state, Activity::OfThisThread().what());
  return 1;
}

TEST_F(BudgetTest, TheWatchdogIsToldWhichFunctionRuns) {
  for (const auto& [rule, said] : {
           std::pair("LuaAction", "a LuaAction"),
           std::pair("LuaFFIAction", "a function of LuaFFIAction()"),
       }) {
    Load("addAction(AllRule(), " + std::string(rule) +
         "(function(dq) said = doing() return DNSAction.Refused end))");
    {
      Entry entry(configuration_->runtime(), Place::kScript);
      lua_register(entry.state(), "doing", Doing);
    }
    EXPECT_THAT(Ask("a.example A"), HasSubstr("REFUSED"));
    EXPECT_EQ(Run("said"), std::string(said) + "\n");
    EXPECT_STREQ(Activity::OfThisThread().what(), "polling");
  }
}

TEST_F(BudgetTest, TheWatchdogIsToldWhichCodeRunsUntilItIsStopped) {
  Load(
      "setLuaBudget{time=500}\n"
      "addAction(AllRule(), LuaFFIPerThreadAction('return function() while true do end end'))");
  const Activity& mine = Activity::OfThisThread();
  std::atomic<bool> over{false};
  std::string seen;
  std::thread observer([&] {
    do {
      seen = mine.what();
    } while (seen == "polling" && !over);
  });
  EXPECT_THAT(Ask("a.example A"), HasSubstr("SERVFAIL"));
  over = true;
  observer.join();
  EXPECT_EQ(seen, "LuaFFIPerThreadAction() of " + path_ + ":2");
}

TEST_F(BudgetTest, BlockingFunctionsAreErrorsForPackets) {
  const std::string file = directory_ + "/seen";
  const std::vector<std::string> calls = {"io.open('" + file + "', 'w')",
                                          "io.popen('true')",
                                          "os.execute('true')",
                                          "os.remove('" + file + "')",
                                          "dofile('" + file + "')",
                                          "held:write('x')",
                                          "require 'nosuch'",
                                          "debug.debug()",
                                          "debug.sethook()",
                                          "package.loadlib('x', 'y')",
                                          "line()",
                                          "held_line()"};
  for (const std::string& body : calls) {
    Load("held = io.open('" + file + "', 'w+') line = io.lines('" + file + "')\n" +
         "held_line = held:lines('l', 'n')\naddAction(AllRule(), LuaAction(function(dq) " +
         "good, why = pcall(function() " + body + " end) return DNSAction.Refused end))");
    Ask("a.example A");
    EXPECT_THAT(Run("why"), HasSubstr("cannot be called while a packet is handled")) << body;
    if (body.starts_with("io.")) {
      EXPECT_THAT(Run("why"), HasSubstr("infolog() write")) << body;
    }
    EXPECT_EQ(Run("return io.type(held)"), "file\n");
  }
  EXPECT_THAT(Act("{}", "log = os.time() > 0"), HasSubstr("REFUSED"));
  EXPECT_THAT(Act("{}", "log = require('string') == string"), HasSubstr("REFUSED"));
  EXPECT_EQ(Run("log"), "true\n");
}

TEST_F(BudgetTest, GuardedFunctionsWorkAndTellTheirErrorsAsEver) {
  const std::string file = WriteFile("lines", "one\n2\nthree\n");
  Load("function numbers(...) local t = {} for a, b in io.lines('" + file +
       "', ...) do\n t[#t + 1] = a .. (b or '') end return table.concat(t, ' ') end");
  EXPECT_EQ(Run("numbers()"), "one 2 three\n");
  EXPECT_EQ(Run("numbers('l', 'n')"), "one2  three\n");
  EXPECT_EQ(Run("io.open('" + file + "'):read('a')"), "one\n2\nthree\n");
  const std::vector<std::pair<std::string, std::string>> errors = {
      {"require('nosuch')", "module 'nosuch' not found:"},
      {"io.lines('/nonexistent')", "cannot open file '/nonexistent' (No such file or directory)"},
      {"io.open({})", "bad argument #1 to 'open' (string expected, got table)"},
      {"io.stdout:seek('x')", "bad argument #1 to 'seek' (invalid option 'x')"},
      {"for l in io.lines('" + file + "', 'x') do end",
       "bad argument #2 to 'for iterator' (invalid format)"}};
  for (const auto& [code, error] : errors) {
    EXPECT_EQ(TryLoad("\n\n" + code).substr(0, path_.size() + 4 + error.size()),
              path_ + ":3: " + error)
        << code;
  }
}

TEST_F(BudgetTest, CheckingTriesEveryFunctionOnASamplePacket) {
  const std::string text =
      "newServer{address='192.0.2.1'}\n"
      "addAction(NotRule(LuaRule(function(dq) seen = dq.qname:toString() return true end)),\n"
      "  LuaAction(function(dq) nosuch.field = 1 end))\n"
      "addResponseAction(AllRule(), LuaResponseAction(function(dr) answered = dr.rcode\n"
      "  return DNSResponseAction.None end))\n"
      "setServerPolicyLua('mine', function(servers) chosen = #servers return 1 end)";
  Load(text, {.check = true});
  EXPECT_TRUE(Warned("error in a LuaAction: " + path_ + ":3: "));
  EXPECT_EQ(configuration_->warnings().size(), 1u);
  EXPECT_EQ(Run("return seen .. answered .. chosen"), "www.example.com.01\n");
  EXPECT_THAT(TryLoad(text, {.check = true, .strict = true}), HasSubstr("error in a LuaAction: "));
  Load(
      "newServer{address='192.0.2.1', checkFunction=function(name, type, class, header)\n"
      "  asked = name:toString() nosuch.field = 1 end}\n"
      "getServer(0):setHealthCheckResponseValidator(function(dr)\n"
      "  code = dr.rcode return nosuch.field end)",
      {.check = true});
  EXPECT_TRUE(Warned("error in a checkFunction: " + path_ + ":2: "));
  EXPECT_TRUE(Warned("error in a health check response validator: " + path_ + ":4: "));
  EXPECT_EQ(Run("return asked .. code"), "www.example.com.0\n");
  Load(text);
  EXPECT_EQ(Run("return seen == nil"), "true\n");
}

}  // namespace
}  // namespace breakwater::lua
