// What dnsdist tells and goes on without: a warning here, an error in a strict file.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/lua/lua_fixture.h"

namespace breakwater::lua {
namespace {

using testing::HasSubstr;

class LenientTest : public LuaTest {
 protected:
  void ExpectWarning(const std::string& line, const std::string& warning) {
    Load(line + " went_on = true");
    EXPECT_EQ(Run("went_on"), "true\n") << line;
    EXPECT_TRUE(Warned(warning)) << line;
    EXPECT_THAT(TryLoad(line, {.strict = true}), HasSubstr(warning)) << line;
  }
};

TEST_F(LenientTest, AServerWithoutAnAddressIsNil) {
  for (const char* line : {"s = newServer('nonsense')", "s = newServer{address='nonsense'}"}) {
    ExpectWarning(line, "the server was not added");
    Load(line);
    EXPECT_EQ(Run("s == nil"), "true\n");
    EXPECT_TRUE(config()->backends.empty());
  }
  EXPECT_THAT(TryLoad("newServer{}"), HasSubstr("option 'address' is missing"));
}

TEST_F(LenientTest, FractionsOfWholeNumbersAreCutOff) {
  Load(
      "newServer{address='192.0.2.1', qps=100/3, weight=2.9}\n"
      "addAction(MaxQPSRule(100/3), NoneAction()) limiter = newQPSLimiter(10/3, 5)\n"
      "setUDPTimeout(1.5) setStaleCacheEntriesTTL(-0.5)");
  EXPECT_TRUE(configuration_->warnings().empty());
  EXPECT_EQ(config()->backends.at(0)->qps_limit(), 33u);
  EXPECT_EQ(config()->backends.at(0)->weight(), 2);
  EXPECT_THAT(Run("showRules()"), HasSubstr("33"));
  EXPECT_THAT(TryLoad("setUDPTimeout(-1.5)"), HasSubstr("out of range"));
  for (const char* number : {"1e300", "-1e300", "0/0", "1/0", "'1.5'"}) {
    EXPECT_THAT(TryLoad(std::string("setUDPTimeout(") + number + ")"), HasSubstr("integer"))
        << number;
  }
}

TEST_F(LenientTest, TablesLargerThanTheMachineAreRefused) {
  EXPECT_THAT(TryLoad("setRingBuffersSize(4294967295, 1)"), HasSubstr("machine's memory"));
  EXPECT_THAT(TryLoad("setRingBuffersSize(100, 4294967295)"), HasSubstr("at most 65536 shards"));
  EXPECT_THAT(TryLoad("MaxQPSIPRule(1, 32, 64, 1, 1, 1, 1, 4294967295)"),
              HasSubstr("at most 65536 shards"));
}

TEST_F(LenientTest, ASourceThatIsNotThereIsLeftOutWhole) {
  for (const char* source : {"nosuchif0", "127.0.0.1@nosuchif0", "127.0.0.300"}) {
    const std::string line = std::string("newServer{address='192.0.2.1', source='") + source + "'}";
    ExpectWarning(line, "there is no interface '");
    Load(line);
    EXPECT_FALSE(config()->backends.at(0)->settings().source.IsSet());
    EXPECT_EQ(config()->backends.at(0)->settings().source_interface, "");
  }
  ExpectWarning("newServer{address='192.0.2.1', source='nonsense@lo'}", "option 'source': ");
  Load(
      "newServer{address='192.0.2.1', source='127.0.0.1@lo'} newServer{address='192.0.2.1', "
      "source='lo'} newServer{address='192.0.2.1', source='127.0.0.9'}");
  EXPECT_EQ(config()->backends.at(0)->settings().source_interface, "lo");
  EXPECT_EQ(config()->backends.at(0)->settings().source.ToString(), "127.0.0.1");
  EXPECT_EQ(config()->backends.at(1)->settings().source_interface, "lo");
  EXPECT_EQ(config()->backends.at(2)->settings().source.ToString(), "127.0.0.9");
}

TEST_F(LenientTest, ServersHaveOneSocketAtLeastAndAUuid) {
  ExpectWarning("newServer{address='192.0.2.1', sockets=0}", "option 'sockets'");
  Load("newServer{address='192.0.2.1', sockets=0}");
  EXPECT_EQ(config()->backends.at(0)->settings().sockets, 1u);
  EXPECT_THAT(TryLoad("newServer{address='192.0.2.1', id='not-a-uuid'}"),
              HasSubstr("option 'id': 'not-a-uuid' is no UUID"));
  Load("newServer{address='192.0.2.1', id='2F9A2C50-3A3E-11EC-8D3D-0242AC130003'}");
  EXPECT_EQ(config()->backends.at(0)->id(), "2f9a2c50-3a3e-11ec-8d3d-0242ac130003");
}

TEST_F(LenientTest, ADirectoryThatIsNotThereOrALinkToNothingIsNotIncluded) {
  ExpectWarning("includeDirectory('/nonexistent')", "/nonexistent does not exist");
  ASSERT_EQ(mkdir((directory_ + "/parts").c_str(), 0700), 0);
  ASSERT_EQ(symlink("/nonexistent", (directory_ + "/parts/a.conf").c_str()), 0);
  WriteFile("parts/b.conf", "read = true");
  ExpectWarning("includeDirectory('" + directory_ + "/parts')", "parts/a.conf: No such file");
  EXPECT_EQ(TryLoad("includeDirectory('" + directory_ + "/parts')"), "");
  EXPECT_EQ(Run("read"), "true\n");
  // Of a directory that is no directory nothing is known.
  EXPECT_THAT(TryLoad("includeDirectory('" + path_ + "')"), HasSubstr("Not a directory"));
}

TEST_F(LenientTest, FewerEntriesThanShardsAreTold) {
  Load("newPacketCache(10)");
  EXPECT_TRUE(Warned("10 entries are fewer than 20 shards"));
  Load("newPacketCache(10, {numberOfShards=10})");
  EXPECT_TRUE(configuration_->warnings().empty());
}

TEST_F(LenientTest, ListsOfDifferentLengthMakeNoListener) {
  for (const char* function : {"addTLSLocal", "addDOHLocal"}) {
    ExpectWarning(std::string(function) + "('127.0.0.1:1853', {'a', 'b', 'c'}, {'d', 'e'})",
                  "nothing listens on 127.0.0.1:1853");
  }
}

TEST_F(LenientTest, WhatHasNoEffectStillLooksAtItsArgument) {
  Load(
      "setMaxUDPOutstanding(65535) setMaxTCPClientThreads(20) setRandomizedIdsOverUDP(true) "
      "setSecurityPollSuffix('')");
  for (const char* wrong :
       {"setMaxUDPOutstanding(65536)", "setMaxTCPClientThreads(-1)", "setMaxTCPClientThreads()",
        "setRandomizedIdsOverUDP('x')", "setSecurityPollSuffix({})"}) {
    EXPECT_NE(TryLoad(wrong), "") << wrong;
  }
}

}  // namespace
}  // namespace breakwater::lua
