#include "proxy/control/permission.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

using enum ControlCommand;

std::vector<dns::Name> Names(const std::vector<std::string>& texts) {
  std::vector<dns::Name> names;
  for (const std::string& text : texts) names.push_back(*dns::Name::Parse(text));
  return names;
}

// What every role may, without zones.
TEST(Permission, EachCommandHasTheLeastRoleThatMayGiveIt) {
  const std::vector<std::pair<ControlCommand, Role>> table = {
      {kStatus, Role::kRead},      {kVersion, Role::kRead},
      {kServers, Role::kRead},     {kServer, Role::kOperate},
      {kRules, Role::kRead},       {kCacheStats, Role::kRead},
      {kFlush, Role::kFlush},      {kUndo, Role::kFlush},
      {kFlushStatus, Role::kRead}, {kReloadCertificates, Role::kOperate},
      {kZones, Role::kRead},       {kDrill, Role::kOperate},
      {kDrillReport, Role::kRead}, {kDrillStop, Role::kOperate},
      {kExplain, Role::kRead}};
  const auto names = Names({"example.com"});
  for (const auto& [command, least] : table) {
    for (const Role role : {Role::kRead, Role::kFlush, Role::kOperate, Role::kAdmin}) {
      const auto may = Permit({.role = role, .token = {}}, command, {.names = names});
      EXPECT_EQ(may.has_value(), role >= least) << CommandName(command) << " " << RoleName(role);
      if (!may) {
        EXPECT_NE(may.error().find(RoleName(least)), std::string::npos) << may.error();
      }
    }
  }
}

class BoundToken : public testing::Test {
 protected:
  bool May(ControlCommand command, const std::vector<std::string>& texts,
           std::string_view made_by = {}) {
    const auto names = Names(texts);
    return Permit(rights_, command, {.names = names, .made_by = made_by}).has_value();
  }
  Rights rights_ = RightsOf({.name = "shop",
                             .hash = {},
                             .role = Role::kFlush,
                             .zones = Names({"example.com", "sub.example.net"})});
};

TEST_F(BoundToken, FlushesItsZonesAndWhatIsBelow) {
  for (const char* name : {"example.com", "EXAMPLE.com", "www.example.com", "a.b.example.com",
                           "sub.example.net", "x.sub.example.net"}) {
    EXPECT_TRUE(May(kFlush, {name})) << name;
  }
}

TEST_F(BoundToken, FlushesNothingAboveOrBeside) {
  for (const char* name : {".", "com", "example.net", "example.org", "badexample.com",
                           "example.com.evil.org", "xsub.example.net"}) {
    EXPECT_FALSE(May(kFlush, {name})) << name;
  }
}

TEST_F(BoundToken, MayFlushAListOnlyIfAllOfItIsInside) {
  EXPECT_TRUE(May(kFlush, {"example.com", "www.sub.example.net"}));
  EXPECT_FALSE(May(kFlush, {"example.com", "example.org"}));
  EXPECT_FALSE(May(kFlush, {}));
}

TEST_F(BoundToken, AddsNamesOfItsZonesToItsOwnListsOnly) {
  EXPECT_TRUE(May(kFlushListAdd, {"example.com"}, "shop"));
  EXPECT_TRUE(May(kFlushListAdd, {}, "shop"));  // lines of comments
  EXPECT_FALSE(May(kFlushListAdd, {"example.com", "example.org"}, "shop"));
  EXPECT_FALSE(May(kFlushListAdd, {"example.com"}, "other"));
  EXPECT_FALSE(May(kFlushListAdd, {"example.com"}, ""));
}

TEST_F(BoundToken, TakesBackItsOwnFlushesOnly) {
  EXPECT_TRUE(May(kUndo, {}, "shop"));
  EXPECT_FALSE(May(kUndo, {"example.com"}, "other"));
  EXPECT_FALSE(May(kUndo, {"example.com"}, ""));
}

TEST_F(BoundToken, ReadsAsItsRoleDoesAndNoMore) {
  for (const ControlCommand command : {kStatus, kServers, kZones, kFlushStatus}) {
    EXPECT_TRUE(May(command, {})) << CommandName(command);
  }
  EXPECT_FALSE(May(kServer, {"example.com"}));
  rights_.role = Role::kAdmin;
  EXPECT_FALSE(May(kServer, {"example.com"}));
  EXPECT_FALSE(May(kReloadCertificates, {"example.com"}));
}

// A command that changes something must say what zones do to it.
TEST(Permission, NothingThatChangesIsFreeForABoundToken) {
  for (int i = 0; i <= static_cast<int>(kLastCommand); ++i) {
    const auto command = static_cast<ControlCommand>(i);
    if (RequiredRole(command) > Role::kRead) {
      EXPECT_NE(ZoneRuleOf(command), ZoneRule::kFree) << CommandName(command);
    }
  }
}

}  // namespace
}  // namespace breakwater
