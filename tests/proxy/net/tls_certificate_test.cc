#include "proxy/net/tls_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/test_certificate.h"

namespace breakwater {
namespace {

using testing::HasSubstr;

class TlsCertificateTest : public testing::Test {
 protected:
  test::CertificateFolder folder;
};

TEST_F(TlsCertificateTest, HasTheNamesOfItsSanAndCnInLowerCase) {
  const auto loaded = LoadTlsCertificate(folder.Make({.names = {"DNS.example", "b.example"}}));
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_THAT(loaded->names, testing::ElementsAre("dns.example", "b.example"));
}

TEST_F(TlsCertificateTest, Pkcs12NeedsItsPassword) {
  TlsCertificateFiles files = folder.MakePkcs12({.names = {"a.example"}}, "secret");
  const auto loaded = LoadTlsCertificate(files);
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_THAT(loaded->names, testing::ElementsAre("a.example"));
  files.password = "wrong";
  const auto refused = LoadTlsCertificate(files);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr(files.certificate));
}

TEST_F(TlsCertificateTest, AnotherCertificatesKeyIsToldWithBothFiles) {
  TlsCertificateFiles files = folder.Make({.names = {"a.example"}});
  files.key = folder.Make({.names = {"b.example"}}).key;
  const auto refused = LoadTlsCertificate(files);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr(files.certificate));
  EXPECT_THAT(refused.error(), HasSubstr(files.key));
}

TEST_F(TlsCertificateTest, ExpiredIsRefused) {
  const auto refused = LoadTlsCertificate(folder.Make({.names = {"a.example"}, .valid_s = -60}));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("expired"));
}

TEST_F(TlsCertificateTest, FilesThatAreNoneAreToldByName) {
  const TlsCertificateFiles good = folder.Make({.names = {"a.example"}});
  auto missing = good;
  missing.certificate = folder.path() + "/none.pem";
  EXPECT_THAT(LoadTlsCertificate(missing).error(), HasSubstr("none.pem: No such file"));
  auto garbage = good;
  garbage.key = folder.Write("garbage.key", "not a key");
  EXPECT_THAT(LoadTlsCertificate(garbage).error(), HasSubstr("garbage.key: no PEM key"));
  auto alone = good;
  alone.key.clear();
  EXPECT_THAT(LoadTlsCertificate(alone).error(), HasSubstr("no key was given"));
}

}  // namespace
}  // namespace breakwater
