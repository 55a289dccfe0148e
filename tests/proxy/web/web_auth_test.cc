#include "proxy/web/web_auth.h"

#include <gtest/gtest.h>

#include <array>

#include "proxy/base/text.h"

namespace breakwater {
namespace {

std::string Basic(std::string_view credentials) {
  return "Basic " + Base64Encode(AsBytes(credentials));
}

TEST(HashPassword, MatchesWhatItHashed) {
  const auto hash = HashPassword("secret");
  ASSERT_TRUE(hash) << hash.error();
  EXPECT_TRUE(hash->starts_with("$scrypt$ln=10,p=1,r=8$")) << *hash;
  EXPECT_TRUE(PasswordMatches(*hash, "secret"));
  EXPECT_FALSE(PasswordMatches(*hash, "Secret"));
  EXPECT_FALSE(PasswordMatches(*hash, ""));
  EXPECT_NE(*hash, *HashPassword("secret"));
}

TEST(HashPassword, ReadsAHashMadeByDnsdist) {
  constexpr std::string_view kHash =
      "$scrypt$ln=10,p=1,r=8$S5Bq4CT/MEW+4/51+EZ5Gg==$VLZkO3ly2UufspZ6PFLIQgoCWXnst/"
      "DwuNsXIDNbrN0=";
  EXPECT_TRUE(PasswordMatches(kHash, "secret"));
  EXPECT_FALSE(PasswordMatches(kHash, "other"));
}

TEST(HashPassword, TakesAWorkFactorThatIsAPowerOfTwo) {
  EXPECT_TRUE(HashPassword("x", 2)->starts_with("$scrypt$ln=1,"));
  EXPECT_FALSE(HashPassword("x", 0));
  EXPECT_FALSE(HashPassword("x", 1000));
  EXPECT_FALSE(HashPassword("x", uint64_t{1} << 40));
}

TEST(HashPassword, ABrokenHashMatchesNothing) {
  for (const char* stored : {"$scrypt$", "$scrypt$ln=10,p=1,r=8$AAAA", "$scrypt$ln=10,p=1,r=8$$",
                             "$scrypt$ln=10,p=1$AAAAAAAAAAAAAAAAAAAAAA==$AAAA",
                             "$scrypt$ln=63,p=1,r=8$AAAA$AAAA", "$scrypt$ln=10,p=1,r=8$!!!!$AAAA",
                             "$scrypt$ln=20,p=16,r=64$AAAAAAAAAAAAAAAAAAAAAA==$"
                             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}) {
    EXPECT_FALSE(PasswordMatches(stored, "")) << stored;
    EXPECT_FALSE(PasswordMatches(stored, stored)) << stored;
  }
}

TEST(EqualInConstantTime, ComparesWholeTexts) {
  EXPECT_TRUE(EqualInConstantTime("", ""));
  EXPECT_TRUE(EqualInConstantTime("abc", "abc"));
  EXPECT_FALSE(EqualInConstantTime("abc", "abcd"));
  EXPECT_FALSE(EqualInConstantTime("abc", "abd"));
}

TEST(BasicCredentials, SplitAtTheFirstColon) {
  BasicCredentials basic;
  ASSERT_TRUE(ParseBasicCredentials(Basic("user:pass:word"), &basic));
  EXPECT_EQ(basic.user, "user");
  EXPECT_EQ(basic.password, "pass:word");
  EXPECT_TRUE(ParseBasicCredentials("bAsIc " + Basic("a:b").substr(6), &basic));
  for (const std::string bad : {"", "Basic", "Basic ", "Basic !!!!", "Bearer YTpi", "Basic YWJj"}) {
    EXPECT_FALSE(ParseBasicCredentials(bad, &basic)) << bad;
  }
}

// One row a path, one column a credential.
enum Credential { kNone, kPassword, kWrongPassword, kKey, kWrongKey, kKeyAsPassword, kCount };
struct MatrixRow {
  const char* path;
  std::array<bool, kCount> opens;
};
constexpr MatrixRow kMatrix[] = {
    //                                        none   passw  wrong  key    wrong  key as password
    {"/jsonstat", {false, true, false, true, false, false}},
    {"/metrics", {false, true, false, true, false, false}},
    {"/api/v1/servers/localhost", {false, true, false, true, false, false}},
    {"/api/v1/servers/localhost/", {false, false, false, true, false, false}},
    {"/api/v1/servers/localhost/statistics", {false, false, false, true, false, false}},
    {"/api/v1/servers/localhost/pool", {false, false, false, true, false, false}},
    {"/api/v1/cache", {false, false, false, true, false, false}},
    {"/", {false, true, false, false, false, false}},
    {"/index.html", {false, true, false, false, false, false}},
    {"/jsonstatx", {false, true, false, false, false, false}},
};

class AuthMatrix : public testing::TestWithParam<bool> {
 protected:
  AuthMatrix() {
    settings_.password = GetParam() ? *HashPassword("pw", 2) : "pw";
    settings_.api_key = GetParam() ? *HashPassword("key", 2) : "key";
  }
  bool Opens(std::string_view path, Credential credential) const {
    const std::string password = Basic("anyone:pw");
    const std::string wrong_password = Basic("anyone:pw2");
    const std::string key_as_password = Basic("anyone:key");
    const WebCredentials all[kCount] = {{},
                                        {.authorization = password, .api_key = {}},
                                        {.authorization = wrong_password, .api_key = {}},
                                        {.authorization = {}, .api_key = "key"},
                                        {.authorization = {}, .api_key = "pw"},
                                        {.authorization = key_as_password, .api_key = {}}};
    return IsAuthorized(path, all[credential], settings_);
  }
  WebServerSettings settings_;
};

TEST_P(AuthMatrix, EachPathTakesItsCredentials) {
  for (const MatrixRow& row : kMatrix) {
    for (int i = 0; i < kCount; ++i) {
      EXPECT_EQ(Opens(row.path, static_cast<Credential>(i)), row.opens[static_cast<size_t>(i)])
          << row.path << " credential " << i;
    }
  }
}

TEST_P(AuthMatrix, OpenStatisticsOpenNothingElse) {
  settings_.stats_require_authentication = false;
  EXPECT_TRUE(Opens("/metrics", kNone));
  EXPECT_TRUE(Opens("/jsonstat", kNone));
  EXPECT_FALSE(Opens("/", kNone));
  EXPECT_FALSE(Opens("/api/v1/servers/localhost", kNone));
}

TEST_P(AuthMatrix, AnOpenApiOpensNothingElse) {
  settings_.api_requires_authentication = false;
  EXPECT_TRUE(Opens("/api/v1/servers/localhost", kNone));
  EXPECT_TRUE(Opens("/api/v1/cache", kNone));
  EXPECT_FALSE(Opens("/metrics", kNone));
  EXPECT_FALSE(Opens("/", kNone));
}

TEST_P(AuthMatrix, AnOpenDashboardOpensWhateverAPasswordOpens) {
  settings_.dashboard_requires_authentication = false;
  EXPECT_TRUE(Opens("/", kNone));
  EXPECT_TRUE(Opens("/metrics", kNone));
  EXPECT_TRUE(Opens("/api/v1/servers/localhost", kNone));
  EXPECT_FALSE(Opens("/api/v1/cache", kNone));
}

INSTANTIATE_TEST_SUITE_P(PlainAndHashed, AuthMatrix, testing::Bool());

TEST(Auth, WithoutAPasswordAnyCredentialsPassButNone) {
  const WebServerSettings settings;
  const std::string any = Basic("a:b");
  const std::string no_user = Basic(":b");
  const std::string no_password = Basic("a:");
  EXPECT_TRUE(IsAuthorized("/", {.authorization = any, .api_key = {}}, settings));
  EXPECT_FALSE(IsAuthorized("/", {.authorization = no_user, .api_key = {}}, settings));
  EXPECT_FALSE(IsAuthorized("/", {.authorization = no_password, .api_key = {}}, settings));
  EXPECT_FALSE(IsAuthorized("/", {}, settings));
}

TEST(Auth, WithoutAKeyNoKeyPasses) {
  const WebServerSettings settings;
  EXPECT_FALSE(IsAuthorized("/api/v1/cache", {.authorization = {}, .api_key = "x"}, settings));
  EXPECT_FALSE(IsAuthorized("/api/v1/cache", {}, settings));
}

}  // namespace
}  // namespace breakwater
