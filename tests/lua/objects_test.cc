#include "tests/lua/lua_fixture.h"

namespace breakwater::lua {
namespace {

class ObjectsTest : public LuaTest {};

TEST_F(ObjectsTest, Names) {
  Load("n = newDNSName('www.Example.com')");
  EXPECT_EQ(Run("n:toString()"), "www.Example.com.\n");
  EXPECT_EQ(Run("n:toStringNoDot()"), "www.Example.com\n");
  EXPECT_EQ(Run("n == newDNSName('WWW.example.COM.')"), "true\n");
  EXPECT_EQ(Run("n:isPartOf('example.com')"), "true\n");
  EXPECT_EQ(Run("n:isPartOf(newDNSName('example.net'))"), "false\n");
  EXPECT_EQ(Run("n:countLabels()"), "3\n");
  EXPECT_EQ(Run("n:wirelength()"), "17\n");
  EXPECT_EQ(Run("#n:toDNSString()"), "17\n");
  EXPECT_EQ(Run("n:makeRelative('example.com')"), "www.\n");
  EXPECT_EQ(Run("n:makeRelative('example.net')"), "");
  EXPECT_EQ(Run("n:prepend('a') n:append('b') print(n)"), "a.www.Example.com.b.\n");
  EXPECT_EQ(Run("n:chopOff()"), "true\n");
  EXPECT_EQ(Run("tostring(n)"), "www.Example.com.b.\n");
  EXPECT_NE(Run("n:append(string.rep('a.', 120))").find("too long"), std::string::npos);
}

TEST_F(ObjectsTest, WhatIsThrownAwayIsCollected) {
  Load("function Spend(n) for i = 1, n do newDNSName('www.example.org.') end end");
  EXPECT_EQ(Run("Spend(300000) print(collectgarbage('count') < 2048)"), "true\n");
}

TEST_F(ObjectsTest, GroupsAndCollectorsTellWhatTheyAre) {
  Load("g = newNMG() g:addMask('192.0.2.0/24') g:addMask('!192.0.2.1')");
  EXPECT_EQ(Run("g:toString()"), "NetmaskGroup 192.0.2.0/24, !192.0.2.1/32\n");
  EXPECT_EQ(Run("return {[newCA('192.0.2.1')]=4}"), "{\"192.0.2.1\": 4}\n");
  Load("l = newRemoteLogger('127.0.0.1:27998')");
  EXPECT_EQ(Run("l:toString()"), "127.0.0.1:27998 (0 sent, 0 dropped)\n");
}

TEST_F(ObjectsTest, ClientsOfARuleOfDynamicBlocksMayBeANetmaskGroup) {
  Load(
      "g = newNMG() g:addMask('192.0.2.0/24') g:addMask('!198.51.100.1')\n"
      "r = dynBlockRulesGroup() r:excludeRange(g)");
  EXPECT_NE(Run("r:toString()").find("192.0.2.0/24, 198.51.100.1/32"), std::string::npos)
      << Run("r:toString()");
  EXPECT_EQ(Run("r:removeRange(g)"), "");
  EXPECT_EQ(Run("r:toString()").find("192.0.2.0/24"), std::string::npos);
  EXPECT_EQ(Run("r:includeRange(g)"), "");
  EXPECT_NE(Run("r:toString()").find("!192.0.2.0/24"), std::string::npos);
  EXPECT_NE(Run("r:excludeRange('!192.0.2.1')").find("192.0.2.1"), std::string::npos);
}

TEST_F(ObjectsTest, AMetricThatCannotBeDeclaredIsToldOnce) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Load("declareMetric('a b', 'counter', 'bad')");
  const std::string said =
      testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
  const size_t first = said.find("declareMetric");
  ASSERT_NE(first, std::string::npos) << said;
  EXPECT_EQ(said.find("declareMetric", first + 1), std::string::npos) << said;
}

TEST_F(ObjectsTest, SetsOfNames) {
  Load("s = newDNSNameSet() t = newSuffixMatchNode()");
  EXPECT_EQ(Run("s:empty()"), "true\n");
  EXPECT_EQ(Run("s:add('example.com') s:add(newDNSName('example.net'))"), "");
  EXPECT_EQ(Run("s:size()"), "2\n");
  EXPECT_EQ(Run("s:check(newDNSName('EXAMPLE.com'))"), "true\n");
  EXPECT_EQ(Run("s:delete(newDNSName('example.com'))"), "1\n");
  EXPECT_EQ(Run("s:check('example.com')"), "false\n");
  EXPECT_EQ(Run("t:add({'example.com', newDNSName('sub.example.com')})"), "");
  EXPECT_EQ(Run("t:check('www.example.com')"), "true\n");
  EXPECT_EQ(Run("t:getBestMatch('a.sub.example.com')"), "sub.example.com.\n");
  EXPECT_EQ(Run("t:getBestMatch('example.org')"), "");
  EXPECT_EQ(Run("t:remove('sub.example.com') print(t:getBestMatch('a.sub.example.com'))"),
            "example.com.\n");
}

TEST_F(ObjectsTest, Addresses) {
  Load("a = newCA('192.0.2.1:5300')");
  EXPECT_EQ(Run("a"), "192.0.2.1\n");
  EXPECT_EQ(Run("a:toStringWithPort()"), "192.0.2.1:5300\n");
  EXPECT_EQ(Run("a:getPort()"), "5300\n");
  EXPECT_EQ(Run("a:isIPv4()"), "true\n");
  EXPECT_EQ(Run("newCA('::ffff:192.0.2.1'):isMappedIPv4()"), "true\n");
  EXPECT_EQ(Run("newCA('::ffff:192.0.2.1'):mapToIPv4()"), "192.0.2.1\n");
  EXPECT_EQ(Run("newCAFromRaw('\\192\\0\\2\\7', 53):tostringWithPort()"), "192.0.2.7:53\n");
  EXPECT_EQ(Run("#a:getRaw()"), "4\n");
  EXPECT_EQ(Run("a:truncate(24) print(a)"), "192.0.2.0\n");
  EXPECT_EQ(Run("newCA('192.0.2.1') == newCA('192.0.2.1')"), "true\n");
}

TEST_F(ObjectsTest, Netmasks) {
  Load("m = newNetmask('192.0.2.1/24') g = newNMG()");
  EXPECT_EQ(Run("m"), "192.0.2.0/24\n");
  EXPECT_EQ(Run("m:getBits()"), "24\n");
  EXPECT_EQ(Run("m:match('192.0.2.77')"), "true\n");
  EXPECT_EQ(Run("newNetmask(newCA('192.0.2.1'), 16)"), "192.0.0.0/16\n");
  EXPECT_EQ(Run("g:addMask('192.0.2.0/24') g:addMasks({'!192.0.2.1', '2001:db8::/32'})"), "");
  EXPECT_EQ(Run("g:size()"), "3\n");
  EXPECT_EQ(Run("g:match(newCA('192.0.2.1'))"), "false\n");
  EXPECT_EQ(Run("g:match(newCA('192.0.2.2'))"), "true\n");
  EXPECT_EQ(Run("h = newNMG() h:addNMG(g) print(h:size())"), "3\n");
  EXPECT_NE(Run("g:addMask('rubbish')").find("Error"), std::string::npos);
}

TEST_F(ObjectsTest, UnknownMethodsAndWrongArgumentsAreErrors) {
  Load("a = newCA('192.0.2.1')");
  EXPECT_NE(Run("a:nonsense()").find("attempt to call a nil value"), std::string::npos);
  EXPECT_NE(Run("newDNSName(a)").find("name expected"), std::string::npos);
}

TEST_F(ObjectsTest, Constants) {
  Load("");
  EXPECT_EQ(Run("DNSQType.AAAA"), "28\n");
  EXPECT_EQ(Run("DNSRCode.NXDOMAIN"), "3\n");
  EXPECT_EQ(Run("DNSAction.Allow"), "4\n");
  EXPECT_EQ(Run("DNSResponseAction.Drop"), "2\n");
  EXPECT_EQ(Run("EDNSOptionCode.ECS"), "8\n");
}

}  // namespace
}  // namespace breakwater::lua
