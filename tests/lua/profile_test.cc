#include <gmock/gmock.h>

#include "tests/lua/lua_fixture.h"

namespace breakwater::lua {
namespace {

using testing::HasSubstr;

class ProfileTest : public LuaTest {
 protected:
  const PacketCacheSettings& CacheOf(const std::string& pool) {
    return config()->FindPool(pool)->cache->settings();
  }
};

TEST_F(ProfileTest, AuthoritativeTurnsOnWhatKeepsAnswering) {
  Load("useProfile('authoritative') newServer('192.0.2.1')");
  ASSERT_NE(config()->FindPool("")->cache, nullptr);
  const PacketCacheSettings& cache = CacheOf("");
  EXPECT_TRUE(cache.last_good && cache.refresh_ahead && cache.join_misses);
  EXPECT_GT(cache.max_bytes, 0u);
  const Settings& settings = config()->settings;
  EXPECT_EQ(settings.zone_health.failover, ZoneHealthSettings::Failover::kOn);
  EXPECT_TRUE(settings.zone_health.serials.on);
  EXPECT_GT(settings.client_limits.max_connections_per_client, 0u);
  EXPECT_GT(settings.max_tcp_connection_duration_s, 0u);
}

TEST_F(ProfileTest, WhatTheFileSaysComesFirst) {
  Load(
      "setMaxTCPConnectionsPerClient(7)\n"
      "useProfile('authoritative')\n"
      "getPool(''):setCache(newPacketCache(1000, {lastGood={recheck=2}, refreshAhead=false}))\n"
      "getPool('a'):setCache(newPacketCache(1000, {lastGood=false, joinMisses=false}))");
  EXPECT_EQ(config()->settings.client_limits.max_connections_per_client, 7u);
  EXPECT_EQ(CacheOf("").max_entries, 1000u);
  EXPECT_EQ(CacheOf("").last_good->recheck, 2000u);
  EXPECT_FALSE(CacheOf("").refresh_ahead);
  EXPECT_TRUE(CacheOf("").join_misses);
  EXPECT_FALSE(CacheOf("a").last_good);
  EXPECT_FALSE(CacheOf("a").join_misses);
  EXPECT_TRUE(CacheOf("a").refresh_ahead);
}

TEST_F(ProfileTest, TellsWhatIsWrong) {
  EXPECT_THAT(TryLoad("useProfile('recursive')"), HasSubstr("there is \"authoritative\""));
  EXPECT_THAT(TryLoad("c = newPacketCache(10)\nuseProfile('authoritative')"),
              HasSubstr(":2: useProfile: "));
}

TEST_F(ProfileTest, OptionsOfRefreshAheadAreChecked) {
  Load("getPool(''):setCache(newPacketCache(10, {refreshAhead={share=0.2, hits=1, rate=50}}))");
  EXPECT_DOUBLE_EQ(CacheOf("").refresh_ahead->share, 0.2);
  EXPECT_EQ(CacheOf("").refresh_ahead->hits, 1u);
  EXPECT_DOUBLE_EQ(CacheOf("").refresh_ahead->rate, 50);
  for (const char* wrong : {"share=1", "share=0", "hits=0", "hits=4", "rate=0"}) {
    EXPECT_THAT(TryLoad(std::string("newPacketCache(10, {refreshAhead={") + wrong + "}})"),
                HasSubstr("refreshAhead: "))
        << wrong;
  }
}

TEST_F(ProfileTest, ZonesLeftOutOfLastGoodAreNames) {
  Load("getPool(''):setCache(newPacketCache(10, {lastGood={except={'Example.net'}}}))");
  ASSERT_EQ(CacheOf("").last_good->except.size(), 1u);
  EXPECT_EQ(CacheOf("").last_good->except[0], *dns::Name::Parse("example.net"));
  EXPECT_THAT(TryLoad("newPacketCache(10, {lastGood={except={'a..b'}}})"),
              HasSubstr("except: 'a..b'"));
}

}  // namespace
}  // namespace breakwater::lua
