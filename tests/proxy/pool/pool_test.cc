#include "proxy/pool/pool.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

BackendPtr MakeServer(bool client_subnet, bool no_zero_scope) {
  BackendSettings settings;
  settings.health.mode = HealthCheckMode::kUp;
  settings.use_client_subnet = client_subnet;
  settings.disable_zero_scope = no_zero_scope;
  return std::make_shared<Backend>(settings);
}

TEST(Pool, ServersThatAgreeDecideAboutTheClientSubnet) {
  Pool pool;
  pool.explicit_ecs = false;
  pool.servers = {MakeServer(true, true), MakeServer(true, true)};
  EXPECT_TRUE(pool.UsesClientSubnet());
  EXPECT_FALSE(pool.ZeroScope());
  pool.explicit_ecs = true;
  pool.servers = {MakeServer(false, false)};
  EXPECT_FALSE(pool.UsesClientSubnet());
  EXPECT_TRUE(pool.ZeroScope());
}

TEST(Pool, ItsOwnSettingsCountWhereServersDifferOrThereAreNone) {
  Pool pool;
  for (const bool value : {false, true}) {
    pool.explicit_ecs = value;
    pool.explicit_zero_scope = value;
    pool.servers = {};
    EXPECT_EQ(pool.UsesClientSubnet(), value);
    EXPECT_EQ(pool.ZeroScope(), value);
    pool.servers = {MakeServer(true, false), MakeServer(false, true)};
    EXPECT_EQ(pool.UsesClientSubnet(), value);
    EXPECT_EQ(pool.ZeroScope(), value);
  }
}

TEST(Pool, CountsWhatIsOutstandingAndWhoIsUp) {
  Pool pool;
  EXPECT_FALSE(pool.AnyUp());
  pool.servers = {MakeServer(false, false), MakeServer(false, false)};
  pool.servers[0]->AddOutstanding();
  pool.servers[1]->AddOutstanding();
  pool.servers[1]->AddOutstanding();
  EXPECT_EQ(pool.Outstanding(), 3U);
  pool.servers[0]->ForceDown();
  EXPECT_TRUE(pool.AnyUp());
  pool.servers[1]->ForceDown();
  EXPECT_FALSE(pool.AnyUp());
}

}  // namespace
}  // namespace breakwater
