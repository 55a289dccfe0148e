#include "proxy/backend/drill_compare.h"

#include <gmock/gmock.h>

#include "tests/support/query_maker.h"

namespace breakwater::test {
namespace {

using testing::HasSubstr;

const char kQuestion[] = "www.example.org A +qr ";

std::optional<std::string> Compare(const std::string& first, const std::string& standby) {
  return DifferenceOf(QueryMaker::Message(kQuestion + first),
                      QueryMaker::Message(kQuestion + standby));
}
bool Equal(const std::string& first, const std::string& standby) {
  return !Compare(first, standby) && !Compare(standby, first);
}

TEST(DrillCompareTest, OrderTtlsAndLettersMeanNothing) {
  EXPECT_TRUE(Equal(
      "+aa / answer www.example.org 60 CNAME a.Example.org / answer a.example.org 60 A 192.0.2.1",
      "+aa / answer a.example.ORG 7 A 192.0.2.1 / answer www.example.org 9 CNAME A.example.org"));
  EXPECT_TRUE(
      Equal("+aa / answer www.example.org 60 A 192.0.2.1",
            "+aa / answer www.example.org 60 A 192.0.2.1 / answer www.example.org 60 A 192.0.2.1"));
}

TEST(DrillCompareTest, OtherDataIsADifference) {
  EXPECT_EQ(
      Compare("+aa / answer www.example.org 60 A 192.0.2.1 / answer www.example.org 60 A 192.0.2.2",
              "+aa / answer www.example.org 60 A 192.0.2.1"),
      "only the first tier has www.example.org. A 192.0.2.2");
  EXPECT_EQ(
      Compare("+aa / answer www.example.org 60 A 192.0.2.1",
              "+aa / answer www.example.org 60 MX 1 a.example / answer www.example.org 60 MX 2 "
              "a.example"),
      "only the first tier has www.example.org. A 192.0.2.1, only the standby has "
      "www.example.org. MX 1 a.example. and 1 more");
  EXPECT_EQ(Compare("+aa / answer www.example.org 60 TXT v=1 a",
                    "+aa / answer www.example.org 60 TXT v=1 b\\"),
            "only the first tier has www.example.org. TXT \"v=1\" \"a\", only the standby has "
            "www.example.org. TXT \"v=1\" \"b\\\\\"");
  EXPECT_EQ(Compare("+aa / answer www.example.org 60 TYPE52 0301012a", "+aa"),
            "only the first tier has www.example.org. TLSA \\# 4 0301012a");
  EXPECT_EQ(Compare("+aa / answer www.example.org 60 TYPE33 000100020035016100", "+aa"),
            "only the first tier has www.example.org. SRV 1 2 53 a.");
  const std::string longest(200, 'x');
  EXPECT_THAT(
      Compare("+aa / answer www.example.org 60 TXT \"" + longest + "\"", "+aa").value_or(""),
      testing::EndsWith("xx..."));
  // Letters in text do count.
  EXPECT_FALSE(Equal("+aa / answer www.example.org 60 TXT \"a\"",
                     "+aa / answer www.example.org 60 TXT \"A\""));
}

TEST(DrillCompareTest, RcodeAndAuthorityCount) {
  EXPECT_THAT(Compare("+aa +rcode=3", "+rcode=5").value_or(""),
              HasSubstr("the standby Query Refused"));
  EXPECT_EQ(Compare("+aa / answer www.example.org 60 A 192.0.2.1",
                    "/ answer www.example.org 60 A 192.0.2.1"),
            "only the first tier answers with authority (AA)");
}

TEST(DrillCompareTest, OfANegativeAnswerTheZoneCounts) {
  const std::string soa = " 60 SOA ns.example.org host.example.org ";
  EXPECT_TRUE(Equal("+aa / authority example.org" + soa + "1 2 3 4 5",
                    "+aa / authority Example.org" + soa + "9 2 3 4 6"));
  EXPECT_THAT(Compare("+aa / authority example.org" + soa + "1 2 3 4 5",
                      "+aa / authority org" + soa + "1 2 3 4 5")
                  .value_or(""),
              HasSubstr("only the standby has org. SOA"));
  // Where it was asked for, its data is an answer.
  EXPECT_FALSE(Equal("+aa / answer example.org" + soa + "1 2 3 4 5",
                     "+aa / answer example.org" + soa + "2 2 3 4 5"));
}

TEST(DrillCompareTest, OfAReferralTheServersCount) {
  EXPECT_TRUE(
      Equal("/ authority sub.example.org 60 NS a.example / additional a.example 60 A 192.0.2.1",
            "/ authority sub.example.org 9 NS A.example"));
  EXPECT_FALSE(Equal("/ authority sub.example.org 60 NS a.example",
                     "/ authority sub.example.org 60 NS b.example"));
  EXPECT_TRUE(
      Equal("+aa / answer www.example.org 60 A 192.0.2.1 / authority example.org 60 NS a.example",
            "+aa / answer www.example.org 60 A 192.0.2.1"));
}

TEST(DrillCompareTest, EdnsIsEachServersOwn) {
  EXPECT_TRUE(Equal("+aa +edns / answer www.example.org 60 A 192.0.2.1",
                    "+aa / answer www.example.org 60 A 192.0.2.1"));
}

// Type covered, algorithm, labels, TTL, two dates, key tag, signer, signature.
TEST(DrillCompareTest, OfASignatureTheKeyCounts) {
  const std::string signer = "076578616d706c65036f726700";
  const auto record = [&](const std::string& dates, const std::string& tag) {
    return "+aa / answer www.example.org 60 RRSIG 000108030000003c" + dates + tag + signer + dates;
  };
  EXPECT_TRUE(Equal(record("0000000100000002", "0001"), record("0000000300000004", "0001")));
  EXPECT_FALSE(Equal(record("0000000100000002", "0001"), record("0000000100000002", "0002")));
  EXPECT_FALSE(Equal(record("0000000100000002", "0001"), "+aa"));
}

TEST(DrillCompareTest, WhatIsNotSoundOrCutIsNotCompared) {
  EXPECT_TRUE(IsComparable(QueryMaker::Message("www.example.org A +qr +aa")));
  EXPECT_FALSE(IsComparable(QueryMaker::Message("www.example.org A +qr +tc")));
  EXPECT_FALSE(IsComparable(QueryMaker::Message("www.example.org A")));
  std::vector<uint8_t> broken =
      QueryMaker::Message("www.example.org A +qr / answer www.example.org 60 A 192.0.2.1");
  const std::vector<uint8_t> whole = broken;
  broken.resize(broken.size() - 1);
  EXPECT_FALSE(IsComparable(broken));
  EXPECT_EQ(DifferenceOf(whole, broken), "the standby's answer is malformed");
  EXPECT_EQ(DifferenceOf(broken, whole), "the first tier's answer is malformed");
  EXPECT_FALSE(IsComparable({}));
}

}  // namespace
}  // namespace breakwater::test
