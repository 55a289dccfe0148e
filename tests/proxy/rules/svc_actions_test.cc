#include "proxy/rules/actions/svc_actions.h"

#include "tests/proxy/rules/rule_harness.h"

namespace breakwater::test {
namespace {

using SvcActionTest = RuleHarness;

SvcRecord Full() {
  SvcRecord record;
  record.priority = 1;
  record.target = NameOf("t");
  record.mandatory = {3};
  record.alpns = {"h2", "dot"};
  record.port = 853;
  record.ipv4_hints = {Address::Parse("192.0.2.1").value()};
  record.ipv6_hints = {Address::Parse("2001:db8::1").value()};
  record.additional[7] = "/q";
  return record;
}

TEST_F(SvcActionTest, KeysAreInAscendingOrder) {
  const std::string rdata = EncodeSvcRecord(Full()).value();
  const std::string expected(
      "\0\1\1t\0"
      "\0\0\0\2\0\3"
      "\0\1\0\7\2h2\3dot"
      "\0\3\0\2\3\x55"
      "\0\4\0\4\xc0\0\2\1"
      "\0\6\0\x10\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
      "\0\7\0\2/q",
      5 + 6 + 11 + 6 + 8 + 20 + 6);
  EXPECT_EQ(rdata, expected);
}

TEST_F(SvcActionTest, WhatCannotBeEncodedIsAnError) {
  SvcRecord alias;
  alias.target = NameOf("t");
  EXPECT_TRUE(MakeSpoofSvcAction({alias}).has_value());
  alias.port = 1;
  EXPECT_FALSE(MakeSpoofSvcAction({alias}).has_value());
  SvcRecord missing = Full();
  missing.mandatory = {5};
  EXPECT_FALSE(MakeSpoofSvcAction({missing}).has_value());
  SvcRecord wrong_family = Full();
  std::swap(wrong_family.ipv4_hints, wrong_family.ipv6_hints);
  EXPECT_FALSE(MakeSpoofSvcAction({wrong_family}).has_value());
  SvcRecord long_alpn = Full();
  long_alpn.alpns = {std::string(256, 'x')};
  EXPECT_FALSE(MakeSpoofSvcAction({long_alpn}).has_value());
  SvcRecord taken_key = Full();
  taken_key.additional[3] = "xx";
  EXPECT_FALSE(MakeSpoofSvcAction({taken_key}).has_value());
}

TEST_F(SvcActionTest, HintsAreAdditionalRecordsEachOnce) {
  SvcRecord own;
  own.priority = 2;
  own.ipv4_hints = {Address::Parse("192.0.2.2").value()};
  const auto action = MakeSpoofSvcAction({Full(), Full(), own}, {.ttl = 9}).value();
  const QueryPtr query = maker_.Make("a.b HTTPS +edns");
  ASSERT_EQ(action->Apply(*query, context_), Flow::kAnswer);
  const std::string answer = Describe(query->message());
  EXPECT_EQ(query->header().count(dns::Section::kAnswer), 3);
  EXPECT_NE(answer.find("; ar: t 9 A 192.0.2.1; ar: t 9 AAAA 2001:db8::1; "
                        "ar: a.b 9 A 192.0.2.2; ar: OPT 1232"),
            std::string::npos)
      << answer;
  EXPECT_EQ(action->ToString(), "spoof SVC record ");
}

}  // namespace
}  // namespace breakwater::test
