#include "proxy/config/backend_upgrade.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

class BackendUpgradeTest : public testing::Test {
 protected:
  // The server in two pools, another beside it in one of them.
  void Start(const DiscoverySettings& how, HealthCheckMode mode = HealthCheckMode::kActive) {
    server_ = Make("192.0.2.1:53", mode);
    settings_.discovery = how;
    server_ = std::make_shared<Backend>(settings_);
    settings_.discovery.reset();
    other_ = Make("192.0.2.2:53", mode);
    settings_.id = server_->id();
    upgraded_ = Make("192.0.2.1:853", mode);
    for (const BackendPtr& backend : {server_, other_}) {
      builder_.AddBackend(backend);
      builder_.AddBackendToPool(backend, "a");
    }
    builder_.AddBackendToPool(server_, "b");
  }
  BackendPtr Make(const char* address, HealthCheckMode mode) {
    settings_.address = *Address::Parse(address);
    settings_.health.mode = mode;
    return std::make_shared<Backend>(settings_);
  }
  bool Upgrade() { return UpgradeBackend(builder_, server_, upgraded_); }
  std::vector<BackendPtr> InPool(const char* name) {
    const Pool* const pool = builder_.config().FindPool(name);
    return pool == nullptr ? std::vector<BackendPtr>() : pool->servers;
  }
  static DiscoverySettings Kept() {
    DiscoverySettings how;
    how.keep = true;
    return how;
  }
  using List = std::vector<BackendPtr>;

  BackendSettings settings_;
  ConfigBuilder builder_;
  BackendPtr server_, other_, upgraded_;
};

TEST_F(BackendUpgradeTest, TheUpgradedOneTakesThePlaceOfTheServer) {
  Start({});
  ASSERT_TRUE(Upgrade());
  EXPECT_EQ(builder_.config().backends, (List{other_, upgraded_}));
  EXPECT_EQ(InPool("a"), (List{other_, upgraded_}));
  EXPECT_EQ(InPool("b"), List{upgraded_});
  EXPECT_EQ(upgraded_->id(), server_->id());
  EXPECT_FALSE(Upgrade());
}

TEST_F(BackendUpgradeTest, AServerThatStaysKeepsItsPools) {
  Start(Kept());
  ASSERT_TRUE(Upgrade());
  EXPECT_EQ(builder_.config().backends, (List{server_, other_, upgraded_}));
  EXPECT_EQ(InPool("b"), (List{server_, upgraded_}));
}

TEST_F(BackendUpgradeTest, ThePoolOfTheOptionIsTheOnlyOne) {
  DiscoverySettings how;
  how.pool = "safe";
  Start(how);
  ASSERT_TRUE(Upgrade());
  EXPECT_EQ(InPool("safe"), List{upgraded_});
  EXPECT_EQ(InPool("a"), List{other_});
  EXPECT_EQ(InPool("b"), List{});
}

TEST_F(BackendUpgradeTest, AServerThatWasRemovedIsNotUpgraded) {
  Start({});
  builder_.RemoveBackend(server_);
  const ConfigPtr before = builder_.Publish();
  EXPECT_FALSE(Upgrade());
  EXPECT_EQ(builder_.Publish(), before);
}

TEST_F(BackendUpgradeTest, WhatChecksFoundHoldsUntilTheNextOne) {
  Start({});
  server_->health().SetAuto(true);
  Upgrade();
  EXPECT_TRUE(upgraded_->IsUp());
  EXPECT_FALSE(upgraded_->health().forced());
}

TEST_F(BackendUpgradeTest, AServerThatIsDownIsNotSucceededByOneThatIsUp) {
  Start({});
  server_->health().SetAuto(false);
  Upgrade();
  EXPECT_FALSE(upgraded_->IsUp());
}

TEST_F(BackendUpgradeTest, WhatTheOperatorForcedStays) {
  Start({});
  server_->ForceDown();
  Upgrade();
  EXPECT_EQ(upgraded_->health().StateText(), "DOWN");
  Start({}, HealthCheckMode::kUp);
  Upgrade();
  EXPECT_EQ(upgraded_->health().StateText(), "UP");
}

TEST_F(BackendUpgradeTest, BesideOneForcedUpChecksDecide) {
  DiscoverySettings how = Kept();
  Start(how, HealthCheckMode::kUp);
  Upgrade();
  EXPECT_EQ(server_->health().StateText(), "UP");
  EXPECT_EQ(upgraded_->health().StateText(), "up");
  EXPECT_FALSE(upgraded_->health().lazy());
  how.lazy_auto = true;
  Start(how, HealthCheckMode::kUp);
  Upgrade();
  EXPECT_TRUE(upgraded_->health().lazy());
}

TEST_F(BackendUpgradeTest, TheCopyOfALazyServerIsLazy) {
  Start({}, HealthCheckMode::kLazy);
  Upgrade();
  EXPECT_TRUE(upgraded_->health().lazy());
}

}  // namespace
}  // namespace breakwater
