#include "proxy/config/config_builder.h"

#include <gtest/gtest.h>

#include "proxy/config/config_check.h"
#include "proxy/zone/zone_store.h"

namespace breakwater {
namespace {

BackendPtr MakeBackend(const char* address, int order = 1) {
  BackendSettings settings;
  settings.address = *Address::Parse(address, 53);
  settings.order = order;
  return std::make_shared<Backend>(settings);
}

TEST(ConfigBuilder, StartsWithTheDefaultsOfTheInterface) {
  ConfigBuilder builder;
  const ConfigPtr config = builder.Publish();
  ASSERT_NE(config->FindPool(""), nullptr);
  EXPECT_EQ(config->policy->Name(), "leastOutstanding");
  EXPECT_TRUE(config->acl.Matches(*Address::Parse("192.168.3.4")));
  EXPECT_TRUE(config->acl.Matches(*Address::Parse("fe80::1")));
  EXPECT_FALSE(config->acl.Matches(*Address::Parse("192.0.2.1")));
  EXPECT_NE(config->settings.policies.whashed_perturbation, 0u);
}

TEST(ConfigBuilder, PublishesNothingNewWhereNothingChanged) {
  ConfigBuilder builder;
  int published = 0;
  builder.OnPublish([&](const ConfigPtr&) { ++published; });
  const ConfigPtr first = builder.Publish();
  EXPECT_EQ(builder.Publish(), first);
  EXPECT_EQ(published, 1);
  builder.Edit().settings.verbose = true;
  EXPECT_GT(builder.Publish()->version, first->version);
  EXPECT_FALSE(first->settings.verbose);
  EXPECT_EQ(published, 2);
}

TEST(ConfigBuilder, EditsOfAPoolDoNotTouchWhatWasPublished) {
  ConfigBuilder builder;
  const BackendPtr backend = MakeBackend("192.0.2.1");
  builder.AddBackend(backend);
  builder.AddBackendToPool(backend, "abuse");
  const ConfigPtr before = builder.Publish();
  builder.AddBackendToPool(MakeBackend("192.0.2.2"), "abuse");
  const ConfigPtr after = builder.Publish();
  EXPECT_EQ(before->FindPool("abuse")->servers.size(), 1u);
  EXPECT_EQ(after->FindPool("abuse")->servers.size(), 2u);
  EXPECT_EQ(before->pools.find("")->second, after->pools.find("")->second) << "unchanged: shared";
}

TEST(ConfigBuilder, SortsServersByOrderThenAsConfigured) {
  ConfigBuilder builder;
  const BackendPtr late = MakeBackend("192.0.2.1", 5);
  const BackendPtr first = MakeBackend("192.0.2.2");
  const BackendPtr second = MakeBackend("192.0.2.3");
  for (const BackendPtr& backend : {late, first, second}) {
    builder.AddBackend(backend);
    builder.AddBackendToPool(backend, "");
  }
  const std::vector<BackendPtr> expected = {first, second, late};
  EXPECT_EQ(builder.config().backends, expected);
  EXPECT_EQ(builder.config().FindPool("")->servers, expected);
  first->set_order(9);
  builder.SortPools();
  const std::vector<BackendPtr> now = {second, late, first};
  EXPECT_EQ(builder.config().backends, now);
  EXPECT_EQ(builder.config().FindPool("")->servers, now);
}

TEST(ConfigBuilder, AServerIsOnceInAPool) {
  ConfigBuilder builder;
  const BackendPtr backend = MakeBackend("192.0.2.1");
  builder.AddBackendToPool(backend, "");
  builder.AddBackendToPool(backend, "");
  EXPECT_EQ(builder.config().FindPool("")->servers.size(), 1u);
}

TEST(ConfigBuilder, RemovingAServerTakesItOutOfEveryPool) {
  ConfigBuilder builder;
  const BackendPtr backend = MakeBackend("192.0.2.1");
  builder.AddBackend(backend);
  builder.AddBackendToPool(backend, "");
  builder.AddBackendToPool(backend, "abuse");
  EXPECT_TRUE(builder.RemoveBackend(backend));
  EXPECT_FALSE(builder.RemoveBackend(backend));
  EXPECT_TRUE(builder.config().backends.empty());
  EXPECT_TRUE(builder.config().FindPool("abuse")->servers.empty());
}

TEST(ConfigBuilder, RemovesNothingFromAPoolTheServerIsNotIn) {
  ConfigBuilder builder;
  builder.Publish();
  EXPECT_FALSE(builder.RemoveBackendFromPool(MakeBackend("192.0.2.1"), ""));
  EXPECT_FALSE(builder.RemoveBackendFromPool(MakeBackend("192.0.2.1"), "missing"));
  EXPECT_FALSE(builder.changed());
  EXPECT_EQ(builder.config().FindPool("missing"), nullptr);
}

TEST(ConfigCheck, SaysNothingOfADefaultConfiguration) {
  ConfigBuilder builder;
  EXPECT_TRUE(CheckConfig(builder.config()).empty());
}

TEST(ConfigCheck, NamesPoolsWithoutServersAndRepeatedIds) {
  ConfigBuilder builder;
  builder.EditPool("abuse");
  const BackendPtr backend = MakeBackend("192.0.2.1");
  builder.AddBackend(backend);
  builder.AddBackend(std::make_shared<Backend>(backend->settings()));
  const auto findings = CheckConfig(builder.config());
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_NE(findings[0].find(backend->id()), std::string::npos);
  EXPECT_EQ(findings[1], "pool 'abuse' has no servers");
}

TEST(ConfigCheck, WarnsOfZoneFilesThatAreNotThere) {
  ConfigBuilder builder;
  BackendSettings settings;
  builder.AddBackend(std::make_shared<Backend>(
      settings, nullptr,
      std::make_shared<ZoneStore>(ZoneSourceSettings{.path = "/nonexistent/zones"})));
  const auto findings = CheckConfig(builder.config());
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_NE(findings[0].find("'/nonexistent/zones' cannot be used"), std::string::npos);
}

TEST(ConfigCheck, WarnsOfAConsoleWithoutAKey) {
  ConfigBuilder builder;
  builder.Edit().settings.control_socket = *Address::Parse("127.0.0.1:5199");
  ASSERT_EQ(CheckConfig(builder.config()).size(), 1u);
}

}  // namespace
}  // namespace breakwater
