#include "proxy/config/control_access.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace breakwater {
namespace {

TEST(ControlAccess, LooksUpUsersAndGroups) {
  ControlAccess access;
  ASSERT_TRUE(AddRole(access, "nobody", Role::kOperate));
  ASSERT_TRUE(AddRole(access, "4711", Role::kFlush));
  ASSERT_TRUE(AddRole(access, "@root", Role::kRead));
  ASSERT_TRUE(AddRole(access, "@4712", Role::kAdmin));
  EXPECT_EQ(access.users, (std::map<uid_t, Role>{{65534, Role::kOperate}, {4711, Role::kFlush}}));
  EXPECT_EQ(access.groups, (std::map<gid_t, Role>{{0, Role::kRead}, {4712, Role::kAdmin}}));
}

TEST(ControlAccess, NamesWhoIsUnknown) {
  ControlAccess access;
  EXPECT_EQ(AddRole(access, "no-such-user", Role::kRead).error(),
            "there is no user 'no-such-user'");
  EXPECT_EQ(AddRole(access, "@no-such-group", Role::kRead).error(),
            "there is no group 'no-such-group'");
  EXPECT_EQ(AddRole(access, "", Role::kRead).error(), "there is no user ''");
  EXPECT_EQ(AddRole(access, "@", Role::kRead).error(), "there is no group ''");
  EXPECT_EQ(AddRole(access, "root", Role::kRead).error(), "root is admin in any case");
}

TEST(ControlAccess, RolesHaveTheirNames) {
  for (const Role role : {Role::kRead, Role::kFlush, Role::kOperate, Role::kAdmin}) {
    EXPECT_EQ(ParseRole(RoleName(role)), role);
  }
  EXPECT_FALSE(ParseRole("root"));
  EXPECT_FALSE(ParseRole(""));
}

TEST(ControlTokens, AreFoundByTheirWholeText) {
  const std::vector<ControlToken> tokens = {
      {.name = "one", .hash = HashToken("0123456789abcdef"), .zones = {}},
      {.name = "two", .hash = HashToken("0123456789abcdeg"), .zones = {}}};
  EXPECT_EQ(FindToken(tokens, "0123456789abcdeg"), &tokens[1]);
  EXPECT_EQ(FindToken(tokens, "0123456789abcdef"), &tokens[0]);
  for (const char* wrong : {"", "0123456789abcde", "0123456789abcdefg", "0123456789ABCDEF"}) {
    EXPECT_EQ(FindToken(tokens, wrong), nullptr) << wrong;
  }
  EXPECT_EQ(FindToken({}, "0123456789abcdef"), nullptr);
}

class TokenFile : public testing::Test {
 protected:
  TokenFile() {
    char pattern[] = "/tmp/bw-token-XXXXXX";
    close(mkstemp(pattern));
    path_ = pattern;
  }
  ~TokenFile() override { unlink(path_.c_str()); }
  std::string Read(const std::string& text) {
    std::ofstream(path_) << text;
    const auto token = ReadTokenFile(path_);
    return token ? *token : "error: " + token.error();
  }
  std::string path_;
};

TEST_F(TokenFile, GivesItsFirstLine) {
  EXPECT_EQ(Read("0123456789abcdef\n"), "0123456789abcdef");
  EXPECT_EQ(Read("  0123456789abcdef \r\nmore\n"), "0123456789abcdef");
  EXPECT_EQ(Read("0123456789abcdef"), "0123456789abcdef");
}

TEST_F(TokenFile, MustHoldOne) {
  EXPECT_NE(Read("\nx\n").find("begins with no token"), std::string::npos);
  EXPECT_NE(Read("").find("begins with no token"), std::string::npos);
}

TEST_F(TokenFile, ThatEverybodyCanReadIsRefused) {
  ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  EXPECT_NE(Read("0123456789abcdef\n").find("open to everybody"), std::string::npos);
}

TEST_F(TokenFile, ThatIsNoneIsNamed) {
  EXPECT_EQ(ReadTokenFile("/nonexistent/token").error(),
            "cannot read the token file /nonexistent/token: No such file or directory");
  EXPECT_EQ(ReadTokenFile("/").error(), "the token file / is no file");
}

}  // namespace
}  // namespace breakwater
