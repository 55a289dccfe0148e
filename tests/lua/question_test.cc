// What Lua rules see of a message, and how they change it.
#include <gmock/gmock.h>

#include "tests/lua/ask_fixture.h"

namespace breakwater::lua {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class QuestionTest : public AskTest {
 protected:
  // What the expression over dq gives for a query.
  std::string Say(const std::string& expression, const std::string& query) {
    Load("addAction(AllRule(), LuaAction(function(dq) said = " + expression +
         " return DNSAction.None end))");
    Ask(query);
    EXPECT_EQ(configuration_->runtime().Counted(Metric::kLuaErrors), 0u) << expression;
    return Run("said");
  }
  // What became of an answer that the text over dr changed.
  std::string Answered(const std::string& change, const std::string& answer) {
    Load("addResponseAction(AllRule(), LuaResponseAction(function(dr) " + change +
         " return DNSResponseAction.None end))");
    return Ask(answer);
  }
};

TEST_F(QuestionTest, TellsTheTransport) {
  EXPECT_EQ(Say("dq:getProtocol()", "a.example"), "Do53 UDP\n");
  EXPECT_EQ(Say("dq:getProtocol()", "a.example +tcp"), "Do53 TCP\n");
  EXPECT_EQ(Say("dq:getProtocol()", "a.example +dot"), "DNS over TLS\n");
  EXPECT_EQ(Say("dq:getProtocol()", "a.example +doh"), "DNS over HTTPS\n");
}

TEST_F(QuestionTest, TakesFractionsWithoutTheirPoint) {
  EXPECT_EQ(Say("(function() dq.tempFailureTTL = 10/4 dq.ecsPrefixLength = 33/2 "
                "return dq.tempFailureTTL .. ' ' .. dq.ecsPrefixLength end)()",
                "a.example"),
            "2 16\n");
}

TEST_F(QuestionTest, RefusesNegativeAnswersWhereThereIsNothingToAnswer) {
  const std::string kSoa =
      ":setNegativeAndAdditionalSOA(true, 'example', 60, 'ns.example', 'host.example', 1, 2, 3, 4, "
      "5)";
  const auto errors = [&] { return configuration_->runtime().Counted(Metric::kLuaErrors); };
  Load(
      "setLuaBudget{time=0} addAction(AllRule(), LuaAction(function(dq) said = select(2, "
      "pcall(function() dq" +
      kSoa.substr(0, kSoa.size() - 2) + "'many') end)) return DNSAction.None end))");
  EXPECT_THAT(Ask("a.example"), HasSubstr("continue "));
  EXPECT_THAT(Run("said"), HasSubstr("bad argument #11"));
  Load("setLuaBudget{time=0} addAction(AllRule(), LuaAction(function(dq) said = dq" + kSoa +
       " again = select(2, pcall(function() dq" + kSoa +
       " end)) return DNSAction.HeaderModify end))");
  EXPECT_THAT(Ask("a.example"), HasSubstr("NXDOMAIN"));
  EXPECT_THAT(Run("again"), HasSubstr("this is an answer already"));
  EXPECT_EQ(errors(), 0u);
  Load(
      "newServer{address='192.0.2.1'} setServerPolicyLua('own', function(servers, dq) "
      "said = select(2, pcall(function() dq" +
      kSoa + " end)) return servers[1] end)");
  config()->backends.at(0)->health().ForceUp();
  test::QueryMaker maker;
  const QueryPtr query = maker.Make("a.example A");
  PolicyContext context{*query, {}, random_};
  EXPECT_NE(config()->policy->Choose(config()->backends, context), nullptr);
  EXPECT_THAT(Run("said"), HasSubstr("cannot be done in a policy"));
}

TEST_F(QuestionTest, ShowsEdnsOptionsByCode) {
  const std::string query = "a.example +option=10:6162 +option=12:00 +option=10:63";
  EXPECT_EQ(Say("dq:getEDNSOptions()[10]:count()", query), "2\n");
  EXPECT_EQ(Say("dq:getEDNSOptions()[10]:getValues()[1]", query), "ab\n");
  EXPECT_EQ(Say("dq:getEDNSOptions()[10]:getValues()[2]", query), "c\n");
  EXPECT_EQ(Say("tostring(dq:getEDNSOptions()[8])", query), "nil\n");
  EXPECT_EQ(Say("next(dq:getEDNSOptions()) == nil", "a.example"), "true\n");
}

TEST_F(QuestionTest, ReadsAndReplacesTrailingData) {
  EXPECT_EQ(Say("dq:getTrailingData()", "a.example +edns +trail=7879"), "xy\n");
  EXPECT_EQ(Say("dq:getTrailingData() == ''", "a.example"), "true\n");
  EXPECT_EQ(Say("tostring(dq:setTrailingData('longer')) .. dq:getTrailingData() .. dq.len",
                "a.example +trail=78 +room=0"),
            "truelonger33\n");
  EXPECT_EQ(Say("tostring(dq:setTrailingData('')) .. dq.len", "a.example +trail=78"), "true27\n");
  EXPECT_EQ(Say("dq:setTrailingData(string.rep('x', 4096))", "a.example"), "false\n");
}

TEST_F(QuestionTest, ProxyValuesAreReadSetAndAdded) {
  const std::string query = "a.example";
  EXPECT_EQ(Say("next(dq:getProxyProtocolValues()) == nil", query), "true\n");
  Load(
      "addAction(AllRule(), SetProxyProtocolValuesAction({[0xE0]='foo', [1]='bar'}))\n"
      "addAction(AllRule(), SetAdditionalProxyProtocolValueAction(2, 'more'))\n"
      "addAction(ProxyProtocolValueRule(0xE0, 'foo'), LuaAction(function(dq)\n"
      "  dq:addProxyProtocolValue(3, 'x')\n"
      "  local v = dq:getProxyProtocolValues()\n"
      "  first = v[0xE0] .. v[1] .. v[2] .. v[3]\n"
      "  dq:setProxyProtocolValues({[4]='y'})\n"
      "  second = dq:getProxyProtocolValues()\n"
      "  tooBig = pcall(function() dq:addProxyProtocolValue(256, 'x') end)\n"
      "  alsoTooBig = pcall(function() dq:setProxyProtocolValues({[256]='x'}) end)\n"
      "  return DNSAction.None end))");
  Ask(query);
  EXPECT_EQ(Run("first"), "foobarmorex\n");
  EXPECT_EQ(Run("second[4] .. tostring(second[1])"), "ynil\n");
  EXPECT_EQ(Run("tostring(tooBig) .. tostring(alsoTooBig)"), "falsefalse\n");
}

TEST_F(QuestionTest, TellsWhenItCame) {
  EXPECT_EQ(Say("math.abs(dq:getQueryTime().tv_sec - os.time()) < 1e7", "a.example"), "true\n");
  EXPECT_EQ(Say("(function(a, b) return a.tv_nsec == b.tv_nsec end)(dq:getQueryTime(), "
                "dq:getQueryTime())",
                "a.example"),
            "true\n");
  EXPECT_EQ(Say("dq:getQueryTime().tv_nsec // 1000000000", "a.example"), "0\n");
}

TEST_F(QuestionTest, CannotBeRestartedUnlessKept) {
  Answered("said = dr:restart() count = dr:getRestartCount()",
           "a.example A +qr / answer a.example 60 A 192.0.2.1");
  EXPECT_EQ(Run("said"), "false\n");
  EXPECT_EQ(Run("count"), "0\n");
}

TEST_F(QuestionTest, ClientSubnetDefaultsAreTheSettings) {
  EXPECT_EQ(Say("dq.ecsPrefixLength", "a.example"), "24\n");
  EXPECT_EQ(Say("dq.ecsPrefixLength", "a.example from=[2001:db8::1]:53"), "56\n");
  Load(
      "setECSSourcePrefixV4(20) setECSOverride(true) addAction(AllRule(), LuaAction(function(dq)\n"
      "said = dq.ecsPrefixLength .. tostring(dq.ecsOverride) dq.ecsOverride = false\n"
      "dq.ecsPrefixLength = 9 said = said .. dq.ecsPrefixLength .. tostring(dq.ecsOverride)\n"
      "return DNSAction.None end))");
  Ask("a.example");
  EXPECT_EQ(Run("said"), "20true9false\n");
}

TEST_F(QuestionTest, ChangesTheNameAskedFor) {
  Load(
      "addAction(AllRule(), LuaAction(function(dq) done = dq:changeName('other.name.example')\n"
      "said = dq.qname:toString() return DNSAction.None end))");
  EXPECT_EQ(Ask("a.example TXT +dnssec +room=0"),
            "continue rd NOERROR; other.name.example TXT; ar: OPT 1232 do");
  EXPECT_EQ(Run("done"), "true\n");
  EXPECT_EQ(Run("said"), "other.name.example.\n");
}

TEST_F(QuestionTest, ChangesTheNameOfAnAnswer) {
  EXPECT_EQ(Answered("dr:changeName(newDNSName('initial.example'))",
                     "a.example A +qr +room=0 / answer a.example 60 A 192.0.2.1 "
                     "/ answer b.example 60 A 192.0.2.2"),
            "continue qr rd NOERROR; initial.example A; an: initial.example 60 A 192.0.2.1; "
            "an: b.example 60 A 192.0.2.2");
  EXPECT_EQ(Answered("said = dr:changeName('initial.example')",
                     "a.example HTTPS +qr / answer a.example 60 HTTPS 000100"),
            "continue qr rd NOERROR; a.example HTTPS; an: a.example 60 HTTPS 000100");
  EXPECT_EQ(Run("said"), "false\n");
}

TEST_F(QuestionTest, ReplacesTheWholeMessageButTheId) {
  Load(
      "addAction(AllRule(), LuaAction(function(dq) local id = dq:getHeader():getID()\n"
      "dq:setContent('zz\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\1b\\0\\0\\16\\0\\1')\n"
      "same = id == dq:getHeader():getID() return DNSAction.None end))");
  EXPECT_EQ(Ask("a.example A +room=0"), "continue rd NOERROR; b TXT");
  EXPECT_EQ(Run("same"), "true\n");
}

TEST_F(QuestionTest, AHeaderIsThatOfTheMessageAsItIsNow) {
  Load(
      "addAction(AllRule(), LuaAction(function(dq) local dh = dq.dh\n"
      "dq:setEDNSOption(10, '12345678') dh:setCD(true) return DNSAction.None end))");
  EXPECT_THAT(Ask("a.example A +room=100"),
              HasSubstr("continue rd cd NOERROR; a.example A; ar: OPT 1232 10:3132333435363738"));
}

TEST_F(QuestionTest, AnAnswerMadeAfterContentWithoutAQuestionHasTheClients) {
  Load(
      "addAction(AllRule(), LuaAction(function(dq)\n"
      "dq:setContent('zz\\129\\1\\0\\0\\0\\0\\0\\0\\0\\0')\n"
      "dq:spoof(newCA('192.0.2.7')) return DNSAction.None end))");
  EXPECT_THAT(Ask("a.example A"), HasSubstr("a.example A; an: a.example 60 A 192.0.2.7"));
}

TEST_F(QuestionTest, ContentThatIsAnAnswerIsSent) {
  Load(
      "addAction(AllRule(), LuaAction(function(dq)\n"
      "dq:setContent('zz\\129\\1\\0\\0\\0\\0\\0\\0\\0\\0') return DNSAction.None end))");
  EXPECT_THAT(Ask("a.example A +edns"), HasSubstr("answer qr rd FORMERR"));
}

// Where the answer's flag is set, as without it.
TEST_F(QuestionTest, AnActionThatAnswersDoesSoInATurnedQueryToo) {
  const auto turned = [&](const std::string& rest) {
    Load("addAction(AllRule(), LuaAction(function(dq) dq.dh:setQR(true) " + rest + " end))");
    return Ask("a.example A");
  };
  const auto bare = [](const char* rcode) {
    return std::string("answer qr rd ") + rcode + "; a.example A";
  };
  for (const char* goes_on : {"None", "Allow", "HeaderModify", "NoRecurse", "Truncate"}) {
    EXPECT_EQ(turned(std::string("return DNSAction.") + goes_on), bare("NOERROR")) << goes_on;
  }
  EXPECT_EQ(turned("error('on purpose')"), bare("SERVFAIL"));
  EXPECT_EQ(turned("return nil"), bare("SERVFAIL"));
  EXPECT_EQ(turned("return DNSAction.ServFail"), bare("SERVFAIL"));
  EXPECT_EQ(turned("dq.rcode = DNSRCode.NXDOMAIN return DNSAction.Refused"), bare("REFUSED"));
  EXPECT_EQ(turned("return DNSAction.Nxdomain"), bare("NXDOMAIN"));
  EXPECT_THAT(turned("return DNSAction.Spoof, '192.0.2.7'"),
              HasSubstr("an: a.example 60 A 192.0.2.7"));
  EXPECT_THAT(turned("return DNSAction.SpoofRaw, '\\192\\0\\2\\8'"),
              HasSubstr("an: a.example 60 A 192.0.2.8"));
  EXPECT_THAT(turned("return DNSAction.Drop"), HasSubstr("drop"));
  EXPECT_THAT(turned("dq:spoof(newCA('192.0.2.9')) return DNSAction.Refused"),
              HasSubstr("answer qr rd ra REFUSED"));
  EXPECT_THAT(turned("dq:spoof(newCA('192.0.2.9')) return DNSAction.None"),
              HasSubstr("an: a.example 60 A 192.0.2.9"));
}

TEST_F(QuestionTest, TheTextOfSpoofMayHoldSeveralAddresses) {
  const auto spoofed = [&](const std::string& text, const std::string& question) {
    Load("addAction(AllRule(), LuaAction(function(dq) return DNSAction.Spoof, '" + text +
         "' end))");
    return Ask(question);
  };
  const auto both =
      AllOf(HasSubstr("a.example 60 A 192.0.2.7"), HasSubstr("a.example 60 A 192.0.2.8"));
  EXPECT_THAT(spoofed("192.0.2.7, 192.0.2.8 2001:db8::1", "a.example A"), both);
  EXPECT_THAT(spoofed("192.0.2.7, 192.0.2.8 2001:db8::1", "a.example AAAA"),
              AllOf(HasSubstr("a.example 60 AAAA 2001:db8::1"), Not(HasSubstr("192.0.2"))));
  EXPECT_THAT(spoofed("192.0.2.7, 2001:db8::1", "a.example MX"), HasSubstr("continue"));
  EXPECT_THAT(spoofed("no 192.0.2.7 address,192.0.2.8", "a.example A"), both);
  EXPECT_THAT(spoofed("no address", "a.example A"), HasSubstr("continue"));
  EXPECT_THAT(spoofed("", "a.example A"), HasSubstr("continue"));
  EXPECT_THAT(spoofed(", ", "a.example A"), HasSubstr("continue"));
  EXPECT_THAT(spoofed("b.example", "a.example MX"), HasSubstr("a.example 60 CNAME b.example"));
}

TEST_F(QuestionTest, TheTextOfSpoofRawMayHoldSeveralRecords) {
  const auto spoofed = [&](const std::string& text) {
    Load("addAction(AllRule(), LuaAction(function(dq) return DNSAction.SpoofRaw, '" + text +
         "' end))");
    return Ask("a.example A");
  };
  EXPECT_THAT(spoofed("abcd,efgh"), AllOf(HasSubstr("A 97.98.99.100"), HasSubstr("A 101.102.103")));
  EXPECT_THAT(spoofed("abcd,"), HasSubstr("A 97.98.99.100"));
  EXPECT_THAT(spoofed(""), HasSubstr("continue"));
  EXPECT_THAT(spoofed(","), HasSubstr("continue"));
}

TEST_F(QuestionTest, ContentOfAnAnswerIsNotLookedInto) {
  const std::string body =
      "dq:setContent('zz\\129\\133\\0\\1\\0\\0\\0\\0\\0\\0\\9b') said = dq.qname:toString() ";
  Load("addAction(AllRule(), LuaAction(function(dq)\n" + body + "return DNSAction.None end))");
  Ask("a.example A");
  EXPECT_EQ(Run("said"), "a.example.\n");
  Answered(
      "dr:setContent(string.rep('x', 2) .. '\\129\\128' .. string.rep('\\0', 8) .. "
      "string.rep('y', 5000)) size = dr.len",
      "a.example A +qr / answer a.example 60 A 192.0.2.1");
  EXPECT_EQ(Run("size"), "5012\n");
}

TEST_F(QuestionTest, ContentThatIsNoQueryIsRefused) {
  Load(
      "addAction(AllRule(), LuaAction(function(dq)\n"
      "good, why = pcall(dq.setContent, dq, 'zz\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\9b')\n"
      "return DNSAction.None end))");
  EXPECT_EQ(Ask("a.example A"), "continue rd NOERROR; a.example A");
  EXPECT_THAT(Run("why"), HasSubstr("setContent: this is no message that could be sent"));
}

TEST_F(QuestionTest, EditsTheTtlOfEachRecord) {
  const std::string answer =
      "a.example A +qr +edns / answer a.example 60 A 192.0.2.1 / authority example 70 NS n";
  EXPECT_EQ(Answered("dr:editTTLs(function(section, class, type, ttl)\n"
                     "return section * 1000 + class * 100 + type + ttl end)",
                     answer),
            "continue qr rd NOERROR; a.example A; an: a.example 1161 A 192.0.2.1; "
            "ns: example 2172 NS n; ar: OPT 1232");
  EXPECT_THAT(Answered("dr:editTTLs(function() error('on purpose') end)", answer),
              HasSubstr("SERVFAIL"));
  EXPECT_THAT(Answered("dr:editTTLs(function() return -1 end)", answer), HasSubstr("SERVFAIL"));
  EXPECT_THAT(Answered("dr:editTTLs(function() dr:changeName('b') return 1 end)", answer),
              HasSubstr("SERVFAIL"));
}

}  // namespace
}  // namespace breakwater::lua
