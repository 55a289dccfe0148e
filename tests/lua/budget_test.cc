// What a Lua function may do and take while a packet is handled.
#include <gmock/gmock.h>

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

TEST_F(BudgetTest, BlockingFunctionsAreErrorsForPackets) {
  const std::string file = directory_ + "/seen";
  const std::vector<std::string> calls = {
      "io.open('" + file + "', 'w')", "io.popen('true')",       "os.execute('true')",
      "os.remove('" + file + "')",    "dofile('" + file + "')", "held:write('x')"};
  for (const std::string& body : calls) {
    Load("held = io.open('" + file + "', 'w')\naddAction(AllRule(), LuaAction(function(dq) " +
         "good, why = pcall(function() " + body + " end) return DNSAction.Refused end))");
    Ask("a.example A");
    EXPECT_THAT(Run("why"), HasSubstr("cannot be called while a packet is handled")) << body;
    EXPECT_EQ(Run("return io.type(held)"), "file\n");
  }
  EXPECT_THAT(Act("{}", "log = os.time() > 0"), HasSubstr("REFUSED"));
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
  Load(text);
  EXPECT_EQ(Run("return seen == nil"), "true\n");
}

}  // namespace
}  // namespace breakwater::lua
