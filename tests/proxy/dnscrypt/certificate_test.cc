#include "proxy/dnscrypt/certificate.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/proxy/dnscrypt/maker.h"

namespace breakwater::dnscrypt {
namespace {

template <typename Key>
Key KeyFrom(const std::vector<uint8_t>& bytes) {
  Key key;
  std::copy(bytes.begin(), bytes.end(), std::begin(key));
  return key;
}
TEST(DnscryptCertificateTest, ReadsWhatOthersMade) {
  const auto one = Certificate::Parse(test::kXSalsa20Certificate);
  ASSERT_TRUE(one) << one.error();
  EXPECT_EQ(one->suite(), Suite::kXSalsa20);
  EXPECT_EQ(one->serial(), 8u);
  EXPECT_EQ(one->valid_from(), 1'700'000'000u);
  EXPECT_EQ(one->valid_until(), 1'900'000'000u);
  EXPECT_TRUE(one->IsSignedBy(KeyFrom<PublicKey>(test::kProviderKey)));
  EXPECT_TRUE(std::ranges::equal(one->client_magic(), one->resolver_key().first(8)));
  const auto two = Certificate::Parse(test::kXChaCha20Certificate);
  ASSERT_TRUE(two) << two.error();
  EXPECT_EQ(two->suite(), Suite::kXChaCha20);
  EXPECT_EQ(two->serial(), 9u);
}

TEST(DnscryptCertificateTest, IsValidFromItsFirstSecondToItsLast) {
  const auto certificate = Certificate::Parse(test::kXSalsa20Certificate);
  EXPECT_FALSE(certificate->IsValidAt(1'699'999'999));
  EXPECT_TRUE(certificate->IsValidAt(1'700'000'000));
  EXPECT_TRUE(certificate->IsValidAt(1'900'000'000));
  EXPECT_FALSE(certificate->IsValidAt(1'900'000'001));
}

TEST(DnscryptCertificateTest, EveryOctetBehindTheSignatureIsSigned) {
  const auto provider = KeyFrom<PublicKey>(test::kProviderKey);
  for (size_t at = 8; at < kCertificateSize; ++at) {
    auto bytes = test::kXSalsa20Certificate;
    bytes[at] ^= 1;
    EXPECT_FALSE(Certificate::Parse(bytes)->IsSignedBy(provider)) << at;
  }
}

TEST(DnscryptCertificateTest, OtherBytesAreNoCertificate) {
  auto bytes = test::kXSalsa20Certificate;
  bytes.pop_back();
  EXPECT_EQ(Certificate::Parse(bytes).error(),
            "a DNSCrypt certificate has 124 octets, this has 123");
  bytes.push_back(0);
  bytes[0] = 'd';
  EXPECT_NE(Certificate::Parse(bytes).error().find("DNSC"), std::string::npos);
  bytes[0] = 'D';
  bytes[5] = 3;
  EXPECT_NE(Certificate::Parse(bytes).error().find("version 3"), std::string::npos);
}

TEST(DnscryptCertificateTest, WhatIsMadeIsSignedAndHasItsDates) {
  for (const Suite suite : {Suite::kXSalsa20, Suite::kXChaCha20}) {
    const auto made = MakeCertificate(
        test::Provider(), {.serial = 42, .valid_from = 100, .valid_until = 200, .suite = suite});
    EXPECT_TRUE(made.certificate.IsSignedBy(KeyFrom<PublicKey>(test::kProviderKey)));
    EXPECT_EQ(made.certificate.suite(), suite);
    EXPECT_EQ(made.certificate.serial(), 42u);
    EXPECT_EQ(made.certificate.valid_from(), 100u);
    EXPECT_EQ(made.certificate.valid_until(), 200u);
    EXPECT_TRUE(std::ranges::equal(PublicKeyOf(made.secret), made.certificate.resolver_key()));
    const auto another = MakeCertificate(test::Provider(), {.serial = 43});
    EXPECT_FALSE(
        std::ranges::equal(another.certificate.client_magic(), made.certificate.client_magic()));
  }
}

TEST(DnscryptCertificateTest, TheFingerprintIsTheKeyInGroups) {
  EXPECT_EQ(Fingerprint(std::vector<uint8_t>{0x01, 0xab, 0xff, 0x00}), "01AB:FF00");
  EXPECT_EQ(PublicKeyOf(test::Provider()), KeyFrom<PublicKey>(test::kProviderKey));
}

TEST(DnscryptCertificateTest, TwoVersionsOfTheEncryptionAreKnown) {
  EXPECT_EQ(*SuiteOfVersion(1), Suite::kXSalsa20);
  EXPECT_EQ(*SuiteOfVersion(2), Suite::kXChaCha20);
  EXPECT_FALSE(SuiteOfVersion(0));
  EXPECT_FALSE(SuiteOfVersion(3));
}

}  // namespace
}  // namespace breakwater::dnscrypt
