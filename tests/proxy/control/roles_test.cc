#include "proxy/control/roles.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/unique_fd.h"

namespace breakwater {
namespace {

struct RoleCase {
  const char* who;
  PeerCredentials peer;
  RoleTable table;
  Role role;
};

class RoleTableTest : public testing::TestWithParam<RoleCase> {};

TEST_P(RoleTableTest, GivesTheRole) {
  EXPECT_EQ(RoleOf(GetParam().peer, GetParam().table), GetParam().role) << GetParam().who;
}

const RoleTable kTable{.own_uid = 200, .groups = {{300, Role::kOperate}}};
const RoleTable kNamed{.own_uid = 200,
                       .users = {{201, Role::kFlush}, {200, Role::kRead}},
                       .groups = {{300, Role::kOperate}, {301, Role::kFlush}}};

INSTANTIATE_TEST_SUITE_P(
    All, RoleTableTest,
    testing::Values(RoleCase{"root", {0, 1, {0}}, kTable, Role::kAdmin},
                    RoleCase{"own user", {200, 1, {1}}, kTable, Role::kAdmin},
                    RoleCase{"primary group", {201, 1, {300}}, kTable, Role::kOperate},
                    RoleCase{"supplementary group", {201, 1, {5, 6, 300}}, kTable, Role::kOperate},
                    RoleCase{"stranger", {201, 1, {5, 200, 0}}, kTable, Role::kRead},
                    RoleCase{"own user, named as well", {200, 1, {1}}, kNamed, Role::kAdmin},
                    RoleCase{"named, and in a higher group", {201, 1, {300}}, kNamed, Role::kFlush},
                    RoleCase{"in two groups", {202, 1, {301, 300}}, kNamed, Role::kOperate},
                    RoleCase{"in a lower group", {202, 1, {5, 301}}, kNamed, Role::kFlush},
                    RoleCase{"no group", {201, 1, {300}}, {.own_uid = 200}, Role::kRead},
                    RoleCase{"uid unknown, own unknown as well", {7, 1, {}}, {}, Role::kRead}));

TEST(RoleTableMade, TakesTheSocketsGroupForOperatorsUnlessItIsNamed) {
  const RoleTable plain = MakeRoleTable({}, 300);
  EXPECT_EQ(RoleOf({201, 1, {300}}, plain), Role::kOperate);
  ControlAccess access;
  access.groups[300] = Role::kFlush;
  const RoleTable named = MakeRoleTable(access, 300);
  EXPECT_EQ(RoleOf({201, 1, {300}}, named), Role::kFlush);
}

TEST(PeerCredentials, AreReadFromTheKernel) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  const UniqueFd a(pair[0]);
  const UniqueFd b(pair[1]);
  const auto peer = ReadPeerCredentials(a.get());
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->uid, geteuid());
  EXPECT_EQ(peer->pid, getpid());
  EXPECT_EQ(peer->groups.front(), getegid());
}

TEST(PeerCredentials, AreAnErrorOnWhatIsNoUnixSocket) {
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  const UniqueFd a(pipe_fds[0]);
  const UniqueFd b(pipe_fds[1]);
  EXPECT_FALSE(ReadPeerCredentials(a.get()));
}

TEST(Roles, AHigherRoleIncludesTheLower) {
  EXPECT_TRUE(Allows(Role::kAdmin, Role::kFlush));
  EXPECT_TRUE(Allows(Role::kFlush, Role::kFlush));
  EXPECT_FALSE(Allows(Role::kRead, Role::kFlush));
  EXPECT_FALSE(Allows(Role::kFlush, Role::kOperate));
}

}  // namespace
}  // namespace breakwater
