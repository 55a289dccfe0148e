#include "proxy/worker/zone_keeper.h"

#include "tests/proxy/zone/zone_folder.h"

namespace breakwater {
namespace {

class ZoneKeeperTest : public ::testing::Test {
 protected:
  ZoneStorePtr Add(const test::ZoneFolder& folder) {
    auto store = std::make_shared<ZoneStore>(ZoneSourceSettings{.path = folder.path()});
    config_.backends.push_back(std::make_shared<Backend>(BackendSettings{}, nullptr, store));
    return store;
  }
  void Await() { keeper_.AwaitFirstLook(MonoTime::FromSeconds(20)); }

  test::ZoneFolder folder_;
  Config config_;
  Counters counters_;
  ZoneKeeper keeper_;
};

TEST_F(ZoneKeeperTest, ReadsTheZonesOfEachServerOfZoneFiles) {
  folder_.Write("a.test.zone", "www A 192.0.2.1\n");
  const ZoneStorePtr one = Add(folder_);
  config_.backends.push_back(std::make_shared<Backend>(BackendSettings{}));
  keeper_.Start(config_);
  Await();
  EXPECT_TRUE(one->HasZones());
  const test::ZoneFolder other;
  other.Write("b.test.zone", "www A nonsense\n");
  other.Write("c.test.zone", "www A 192.0.2.1\n");
  const ZoneStorePtr two = Add(other);
  keeper_.UseConfig(config_);
  Await();
  EXPECT_TRUE(two->HasZones());
  keeper_.Count(counters_);
  keeper_.Count(counters_);
  EXPECT_EQ(counters_.Get(Metric::kZoneLoads), 2u);
  EXPECT_EQ(counters_.Get(Metric::kZoneLoadErrors), 1u);
}

TEST_F(ZoneKeeperTest, NothingRunsBeforeStartAndAfterStop) {
  folder_.Write("a.test.zone", "www A 192.0.2.1\n");
  const ZoneStorePtr store = Add(folder_);
  keeper_.UseConfig(config_);
  Await();
  EXPECT_EQ(store.use_count(), 2);  // the server's and ours
  keeper_.Start(config_);
  Await();
  EXPECT_GT(store.use_count(), 2);
  keeper_.Stop();
  EXPECT_EQ(store.use_count(), 2);
}

TEST_F(ZoneKeeperTest, AServerThatLeavesTheConfigurationIsReadNoMore) {
  folder_.Write("a.test.zone", "www A 192.0.2.1\n");
  const ZoneStorePtr store = Add(folder_);
  keeper_.Start(config_);
  Await();
  config_.backends.clear();
  keeper_.UseConfig(config_);
  EXPECT_EQ(store.use_count(), 1);
}

}  // namespace
}  // namespace breakwater
