#include "proxy/worker/store_keeper.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace breakwater::test {
namespace {

class Tended final : public KeyValueStore {
 public:
  bool Find(Key, Visitor) const override {
    lookup_errors_.Add();
    return false;
  }
  void Tend(MonoTime) override {
    loads_.Add();
    load_errors_.Add(2);
  }
  std::string ToString() const override { return "tended"; }
};

TEST(StoreKeeper, TendsAndCountsTheStoresOfTheConfiguration) {
  ManualClock clock;
  StoreKeeper keeper(clock);
  Counters counters;
  auto store = std::make_shared<Tended>();
  Config config;
  config.settings.stores = {store};
  keeper.UseConfig(config);  // not started: no thread
  keeper.Step();
  keeper.Step();
  store->Contains({});
  keeper.Count(counters);
  EXPECT_EQ(counters.Get(Metric::kKvsLoads), 2u);
  EXPECT_EQ(counters.Get(Metric::kKvsLoadErrors), 4u);
  EXPECT_EQ(counters.Get(Metric::kKvsLookupErrors), 1u);
  keeper.Count(counters);
  EXPECT_EQ(counters.Get(Metric::kKvsLoads), 2u);
  const std::weak_ptr<Tended> watched = store;
  store.reset();
  EXPECT_TRUE(watched.expired());  // it is not kept alive
  keeper.Step();
  keeper.Count(counters);
  EXPECT_EQ(counters.Get(Metric::kKvsLoads), 2u);
}

}  // namespace
}  // namespace breakwater::test
