#include "proxy/net/doh_message.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace breakwater {
namespace {

std::optional<std::string> Decode(std::string_view text, size_t room = 64) {
  std::vector<uint8_t> bytes(room);
  const auto size = DecodeBase64Url(text, bytes);
  if (!size) return std::nullopt;
  return std::string(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(*size));
}

TEST(DohTarget, IsSplitAtTheFirstQuestionMark) {
  EXPECT_EQ(SplitDohTarget("/dns-query").path, "/dns-query");
  EXPECT_EQ(SplitDohTarget("/dns-query").query, "");
  EXPECT_EQ(SplitDohTarget("/dns-query?dns=AA?b").path, "/dns-query");
  EXPECT_EQ(SplitDohTarget("/dns-query?dns=AA?b").query, "?dns=AA?b");
}

TEST(DnsParameter, IsFoundFirstOrLater) {
  EXPECT_EQ(FindDnsParameter("?dns=AAA"), "AAA");
  EXPECT_EQ(FindDnsParameter("?ct=x&dns=AAA&other=1"), "AAA");
  EXPECT_EQ(FindDnsParameter("?dns="), "");
  EXPECT_FALSE(FindDnsParameter(""));
  EXPECT_FALSE(FindDnsParameter("?mydns=AAA"));
  EXPECT_FALSE(FindDnsParameter("?DNS=AAA"));
}

// RFC 4648, 10, without padding.
TEST(Base64Url, DecodesTheVectorsOfTheRfc) {
  EXPECT_EQ(Decode(""), "");
  EXPECT_EQ(Decode("Zg"), "f");
  EXPECT_EQ(Decode("Zm8"), "fo");
  EXPECT_EQ(Decode("Zm9v"), "foo");
  EXPECT_EQ(Decode("Zm9vYg"), "foob");
  EXPECT_EQ(Decode("Zm9vYmFy"), "foobar");
  EXPECT_EQ(Decode("-_-_"), "\xFB\xFF\xBF");
  EXPECT_EQ(Decode("+/+/"), "\xFB\xFF\xBF");
}

TEST(Base64Url, MayBePadded) {
  EXPECT_EQ(Decode("Zg=="), "f");
  EXPECT_EQ(Decode("Zm8="), "fo");
  EXPECT_EQ(Decode("Zm9vYg==", 4), "foob");
  for (const char* more : {"Zm9v=", "Zm9v=="}) EXPECT_EQ(Decode(more, 3), "foo") << more;
  for (const char* less : {"Zg=", "Zg%3D"}) EXPECT_EQ(Decode(less), "f") << less;
}

TEST(Base64Url, MayBePercentEncoded) {
  EXPECT_EQ(Decode("Zg%3D%3D"), "f");
  EXPECT_EQ(Decode("Zg%3d="), "f");
  EXPECT_EQ(Decode("Zm9v%3D%3D", 3), "foo");
  EXPECT_EQ(Decode("%2B%2f+/", 3), "\xFB\xFF\xBF");
  EXPECT_EQ(Decode("Zm9%76", 3), "foo");
}

TEST(Base64Url, RefusesOtherAlphabetsAndImpossibleLengths) {
  for (const char* bad :
       {"Zm9v===", "====", "Z===", "Z=", "Zg==Zg==", "*/*/", "Zm9v\n", "Zm 9v", "Z", "Zm9vY",
        "Zm9v%", "Zm9v%7", "Zm9v%7G", "Zm9v%-1", "Zm9v%00", "Zg%3D%3D%3D", "%3D%3D%3D"}) {
    EXPECT_FALSE(Decode(bad)) << bad;
  }
}

TEST(Base64Url, FillsItsRoomAndNoMore) {
  EXPECT_EQ(Decode("Zm9vYmFy", 6), "foobar");
  EXPECT_FALSE(Decode("Zm9vYmFy", 5));
  EXPECT_EQ(Decode("Zm9vYg", 4), "foob");
  EXPECT_FALSE(Decode("Zm9vYg", 3));
}

TEST(ForwardedFor, LastEntryCounts) {
  EXPECT_EQ(LastForwarded("192.0.2.1")->ToString(), "192.0.2.1");
  EXPECT_EQ(LastForwarded("10.0.0.1, 192.0.2.2")->ToString(), "192.0.2.2");
  EXPECT_EQ(LastForwarded("10.0.0.1,192.0.2.3:4711 ")->ToString(), "192.0.2.3");
  EXPECT_EQ(LastForwarded("2001:db8::1")->ToString(), "2001:db8::1");
  EXPECT_EQ(LastForwarded("[2001:db8::2]:443")->ToString(), "2001:db8::2");
}

TEST(ForwardedFor, WhatIsNoAddressIsNothing) {
  for (const char* bad :
       {"", "unknown", "192.0.2.1,", "192.0.2.1, -", "1.2.3", "192.0.2.1:99999"}) {
    EXPECT_FALSE(LastForwarded(bad)) << bad;
  }
}

}  // namespace
}  // namespace breakwater
