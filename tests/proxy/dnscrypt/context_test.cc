#include "proxy/dnscrypt/context.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/proxy/dnscrypt/maker.h"
#include "tests/support/test_certificate.h"

namespace breakwater::dnscrypt {
namespace {

class DnscryptContextTest : public testing::Test {
 protected:
  CertificateFiles Write(const std::string& name, const CertificateAndKey& made) {
    CertificateFiles files{folder.path() + "/" + name + ".cert",
                           folder.path() + "/" + name + ".key"};
    const auto written = WriteCertificate(made, files);
    EXPECT_TRUE(written) << written.error();
    return files;
  }
  // "7 8-": the serials, with a minus where they are inactive.
  std::string Serials() {
    std::string text;
    for (const auto& pair : *context.certificates()) {
      text += (text.empty() ? "" : " ") + std::to_string(pair->certificate.serial());
      if (!*pair->active) text += "-";
    }
    return text;
  }

  breakwater::test::CertificateFolder folder;
  Context context{*dns::Name::Parse("2.example")};
};

TEST_F(DnscryptContextTest, FilesAreReadAsTheyWereWritten) {
  const auto made = test::Make(7, Suite::kXChaCha20);
  const CertificateFiles files = Write("one", made);
  const auto read = ReadCertificate(files);
  ASSERT_TRUE(read) << read.error();
  EXPECT_TRUE(std::ranges::equal(read->certificate.bytes(), made.certificate.bytes()));
  EXPECT_EQ(read->secret.bytes, made.secret.bytes);
  struct stat status {};
  ASSERT_EQ(stat(files.secret.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(status.st_size, 32);
}

TEST_F(DnscryptContextTest, ProviderKeysAreReadAsTheyWereWritten) {
  const ProviderKeyFiles files{folder.path() + "/public", folder.path() + "/private"};
  const auto key = WriteProviderKeys(files);
  ASSERT_TRUE(key) << key.error();
  EXPECT_EQ(*ReadProviderKey(files.public_key), *key);
  const auto secret = ReadProviderSecret(files.secret);
  ASSERT_TRUE(secret) << secret.error();
  EXPECT_EQ(PublicKeyOf(*secret), *key);
  struct stat status {};
  ASSERT_EQ(stat(files.secret.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  // A new secret does not take its place without what is public.
  EXPECT_FALSE(WriteProviderKeys({"/nowhere/public", files.secret}));
  EXPECT_EQ(PublicKeyOf(*ReadProviderSecret(files.secret)), *key);
  EXPECT_FALSE(WriteProviderKeys({files.public_key, "/nowhere/private"}));
  EXPECT_EQ(*ReadProviderKey(files.public_key), *key);
}

TEST_F(DnscryptContextTest, WhatIsLeftOfAWriteThatWasCutOffIsNoHindrance) {
  folder.Write("one.key.new-" + std::to_string(getpid()), "part");
  const auto made = test::Make(7);
  EXPECT_EQ(ReadCertificate(Write("one", made))->secret.bytes, made.secret.bytes);
}

TEST_F(DnscryptContextTest, FilesThatAreWrongAreNamed) {
  const CertificateFiles good = Write("one", test::Make(7));
  const CertificateFiles other = Write("two", test::Make(8));
  const auto expect = [](const CertificateFiles& files, const std::string& text) {
    const auto read = ReadCertificate(files);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().find(text), std::string::npos) << read.error();
  };
  expect({good.certificate, other.secret}, "is not that of the certificate " + good.certificate);
  expect({folder.path() + "/none", good.secret}, "cannot read the certificate");
  expect({good.certificate, folder.path() + "/none"}, "cannot read the private key");
  expect({folder.path(), good.secret}, "it is no file");
  expect({good.secret, good.secret}, "should have 124 octets, it has 32");
  expect({folder.Write("long", std::string(125, 'x')), good.secret}, "it has 125");
  expect({folder.Write("odd", std::string(124, 'x')), good.secret}, "does not begin with DNSC");
  const auto nowhere = WriteCertificate(test::Make(9), {"/nowhere/cert", "/nowhere/key"});
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().find("cannot write /nowhere/key"), std::string::npos);
}

TEST_F(DnscryptContextTest, ACheckFindsWhatItWouldHaveWritten) {
  const auto kept = std::make_shared<KeptFiles>();
  const ProviderKeyFiles keys{folder.path() + "/public", folder.path() + "/private"};
  const CertificateFiles files{folder.path() + "/./one.cert", folder.path() + "/one.key"};
  const auto key = WriteProviderKeys(keys, kept.get());
  ASSERT_TRUE(key) << key.error();
  EXPECT_EQ(*ReadProviderKey(keys.public_key, kept.get()), *key);
  const auto secret = ReadProviderSecret(keys.secret, kept.get());
  ASSERT_TRUE(secret) << secret.error();
  ASSERT_TRUE(WriteCertificate(MakeCertificate(*secret, {.serial = 7}), files, kept.get()));
  EXPECT_NE(access(keys.public_key.c_str(), F_OK), 0);
  EXPECT_NE(access(files.secret.c_str(), F_OK), 0);

  Context checked{*dns::Name::Parse("2.example"), kept};
  const CertificateFiles spelt_otherwise{folder.path() + "/one.cert", files.secret};
  ASSERT_TRUE(checked.Load(spelt_otherwise, Use::kActive));
  EXPECT_TRUE(checked.Reload());
  // What is wrong is so all the same, and what is on disk is found.
  EXPECT_FALSE(checked.Load({files.secret, files.secret}, Use::kActive));
  EXPECT_TRUE(checked.Load(Write("two", test::Make(8)), Use::kActive));
  EXPECT_FALSE(context.Load(files, Use::kActive));
}

TEST_F(DnscryptContextTest, ANewCertificateComesBesideTheOldOne) {
  ASSERT_TRUE(context.Add(test::Make(7), Use::kActive));
  const auto before = context.certificates();
  const uint64_t version = context.version();
  ASSERT_TRUE(context.Load(Write("two", test::Make(8)), Use::kInactive));
  EXPECT_EQ(Serials(), "7 8-");
  EXPECT_NE(context.version(), version);
  EXPECT_EQ(before->size(), 1u);
  ASSERT_TRUE(context.Mark(8, Use::kActive));
  ASSERT_TRUE(context.Mark(7, Use::kInactive));
  EXPECT_EQ(Serials(), "7- 8");
  ASSERT_TRUE(context.RemoveInactive(7));
  EXPECT_EQ(Serials(), "8");
}

TEST_F(DnscryptContextTest, SerialsAndMagicsAreUnambiguous) {
  const auto made = test::Make(7);
  ASSERT_TRUE(context.Add(made, Use::kActive));
  EXPECT_EQ(context.Add(test::Make(7), Use::kActive).error(),
            "there is a certificate with the serial 7 already");
  // The same key once more.
  CertificateAndKey twin = made;
  std::array<uint8_t, kCertificateSize> bytes;
  std::ranges::copy(made.certificate.bytes(), bytes.begin());
  bytes[115] = 8;
  twin.certificate = *Certificate::Parse(bytes);
  EXPECT_NE(context.Add(twin, Use::kActive).error().find("the same client magic"),
            std::string::npos);
  EXPECT_EQ(Serials(), "7");
}

TEST_F(DnscryptContextTest, WhatIsActiveOrUnknownIsNotRemoved) {
  ASSERT_TRUE(context.Add(test::Make(7), Use::kActive));
  EXPECT_NE(context.RemoveInactive(7).error().find("mark it inactive first"), std::string::npos);
  EXPECT_EQ(context.RemoveInactive(8).error(), "no certificate has the serial 8");
  EXPECT_EQ(context.Mark(8, Use::kActive).error(), "no certificate has the serial 8");
  EXPECT_EQ(Serials(), "7");
}

TEST_F(DnscryptContextTest, AReloadTakesWhatTheFilesHoldNow) {
  ASSERT_TRUE(context.Load(Write("one", test::Make(1)), Use::kActive));
  ASSERT_TRUE(context.Load(Write("two", test::Make(2)), Use::kInactive));
  ASSERT_TRUE(context.Load(Write("three", test::Make(3)), Use::kInactive));
  ASSERT_TRUE(context.Add(test::Make(4), Use::kActive));
  Write("one", test::Make(11));
  const auto three = test::Make(13);
  Write("three", three);
  ASSERT_TRUE(context.Reload());
  EXPECT_EQ(Serials(), "11 2- 13 4");
  EXPECT_EQ((*context.certificates())[2]->secret.bytes, three.secret.bytes);
}

TEST_F(DnscryptContextTest, ABadFileKeepsAllAsTheyAre) {
  const CertificateFiles files = Write("one", test::Make(1));
  ASSERT_TRUE(context.Load(files, Use::kActive));
  ASSERT_TRUE(context.Load(Write("two", test::Make(2)), Use::kActive));
  Write("one", test::Make(11));
  folder.Write("two.cert", "broken");
  const auto before = context.certificates();
  const auto reloaded = context.Reload();
  ASSERT_FALSE(reloaded);
  EXPECT_NE(reloaded.error().find("two.cert"), std::string::npos);
  EXPECT_EQ(context.certificates(), before);
  Write("two", test::Make(11));
  EXPECT_NE(context.Reload().error().find("serial 11 already"), std::string::npos);
  EXPECT_EQ(Serials(), "1 2");
}

}  // namespace
}  // namespace breakwater::dnscrypt
