#include "proxy/query/proxy_values.h"
#include "proxy/rules/selectors/client_selectors.h"
#include "proxy/rules/selectors/logic_selectors.h"
#include "proxy/rules/selectors/message_selectors.h"
#include "proxy/rules/selectors/name_selectors.h"
#include "tests/proxy/rules/rule_harness.h"

namespace breakwater::test {
namespace {

using ::testing::Test;
using SelectorTest = RuleHarness;
using Descriptions = std::vector<std::string>;

SelectorPtr Constant(std::string_view name) {
  return MakeQNameSelector(NameOf(name));
}

TEST_F(SelectorTest, AllMatchesEverything) {
  EXPECT_TRUE(Matches(MakeAllSelector(), ". ANY CH"));
  EXPECT_EQ(MakeAllSelector()->ToString(), "All");
}

TEST_F(SelectorTest, AndNeedsEveryPartAndIsTrueWithoutParts) {
  const auto both = MakeAndSelector({Constant("a.b"), MakeQTypeSelector(dns::Type::kAaaa)});
  EXPECT_EQ(Matching(both, {"a.b A", "a.b AAAA", "b AAAA"}), Descriptions{"a.b AAAA"});
  EXPECT_EQ(both->ToString(), "(qname==a.b.) && (qtype==AAAA)");
  EXPECT_TRUE(Matches(MakeAndSelector({}), "a"));
}

TEST_F(SelectorTest, OrNeedsOnePartAndIsFalseWithoutParts) {
  const auto either = MakeOrSelector({Constant("a.b"), MakeQTypeSelector(dns::Type::kAaaa)});
  EXPECT_EQ(Matching(either, {"a.b A", "b A", "b AAAA"}), (Descriptions{"a.b A", "b AAAA"}));
  EXPECT_EQ(either->ToString(), "(qname==a.b.) || (qtype==AAAA)");
  EXPECT_FALSE(Matches(MakeOrSelector({}), "a"));
}

TEST_F(SelectorTest, NotTurnsTheAnswerAround) {
  EXPECT_FALSE(Matches(MakeNotSelector(MakeAllSelector()), "a"));
  EXPECT_EQ(MakeNotSelector(MakeAndSelector({MakeAllSelector()}))->ToString(), "!((All))");
}

TEST_F(SelectorTest, LogicIsUndecidedOnlyWhereAnUndecidedPartMatters) {
  class Undecided : public Selector {
    bool Matches(const Query&, RuleContext&) const override { return true; }
    std::optional<bool> Peek(const Query&, RuleContext&) const override { return {}; }
    std::string ToString() const override { return "?"; }
  };
  const auto unknown = std::make_shared<Undecided>();
  const auto yes = MakeAllSelector(), no = MakeNotSelector(MakeAllSelector());
  const QueryPtr query = maker_.Make("a");
  const auto peek = [&](const SelectorPtr& s) { return s->Peek(*query, context_); };
  EXPECT_EQ(peek(MakeAndSelector({unknown, no})), false);
  EXPECT_EQ(peek(MakeAndSelector({unknown, yes})), std::nullopt);
  EXPECT_EQ(peek(MakeOrSelector({unknown, yes})), true);
  EXPECT_EQ(peek(MakeOrSelector({unknown, no})), std::nullopt);
  EXPECT_EQ(peek(MakeNotSelector(unknown)), std::nullopt);
  EXPECT_EQ(peek(MakeNotSelector(no)), true);
}

TEST_F(SelectorTest, ProxyValueMatchesByTypeAndByContentIfOneIsGiven) {
  const QueryPtr query = maker_.Make("a");
  const auto matches = [&](const SelectorPtr& selector) {
    return selector->Matches(*query, context_);
  };
  EXPECT_FALSE(matches(MakeProxyValueSelector(0xE0, "")));
  SetProxyValues(*query, {{0xE0, "one"}, {0xE0, "two"}});
  EXPECT_TRUE(matches(MakeProxyValueSelector(0xE0, "")));
  EXPECT_TRUE(matches(MakeProxyValueSelector(0xE0, "two")));
  EXPECT_FALSE(matches(MakeProxyValueSelector(0xE0, "three")));
  EXPECT_FALSE(matches(MakeProxyValueSelector(0xE1, "")));
  EXPECT_EQ(MakeProxyValueSelector(9, "x")->ToString(), "proxy protocol value of type 9 matches");
}

TEST_F(SelectorTest, QNameIsTheWholeNameWithoutCase) {
  EXPECT_EQ(Matching(Constant("www.Example.com"),
                     {"WWW.example.COM", "example.com", "a.www.example.com", "."}),
            Descriptions{"WWW.example.COM"});
  EXPECT_EQ(Constant("www.Example.com")->ToString(), "qname==www.Example.com.");
}

TEST_F(SelectorTest, QNameSuffixMatchesTheNameAndAllBelow) {
  SuffixMatchTree tree;
  tree.Add(NameOf("example.com"));
  tree.Add(NameOf("example.net"));
  EXPECT_EQ(Matching(MakeQNameSuffixSelector(tree),
                     {"example.com", "A.b.EXAMPLE.net", "badexample.com", "com", "."}),
            (Descriptions{"example.com", "A.b.EXAMPLE.net"}));
  EXPECT_EQ(MakeQNameSuffixSelector(tree)->ToString(), "qname in example.com., example.net.");
  EXPECT_EQ(MakeQNameSuffixSelector(tree, {.quiet = true})->ToString(), "qname==in-set");
}

TEST_F(SelectorTest, QNameSuffixKeepsTheNamesItWasMadeWith) {
  SuffixMatchTree tree;
  tree.Add(NameOf("a"));
  const auto selector = MakeQNameSuffixSelector(tree);
  tree.Add(NameOf("b"));
  tree.Remove(NameOf("a"));
  EXPECT_EQ(Matching(selector, {"x.a", "x.b"}), Descriptions{"x.a"});
}

TEST_F(SelectorTest, QNameSetIsExact) {
  NameSet set;
  set.Add(NameOf("a.b"));
  set.Add(NameOf("A.c"));
  EXPECT_EQ(Matching(MakeQNameSetSelector(set), {"A.B", "a.c", "x.a.b", "b"}),
            (Descriptions{"A.B", "a.c"}));
  EXPECT_EQ(MakeQNameSetSelector(set)->ToString(), "qname in DNSNameSet(2 FQDNs)");
}

TEST_F(SelectorTest, LabelCountAndWireLengthMatchOutsideTheRange) {
  const auto labels = MakeQNameLabelsCountSelector(2, 3);
  EXPECT_EQ(Matching(labels, {".", "a", "a.b", "a.b.c", "a.b.c.d"}),
            (Descriptions{".", "a", "a.b.c.d"}));
  EXPECT_EQ(labels->ToString(), "labels count < 2 || labels count > 3");
  const auto length = MakeQNameWireLengthSelector(3, 5);
  EXPECT_EQ(Matching(length, {".", "a", "abc", "abcd"}), (Descriptions{".", "abcd"}));
  EXPECT_EQ(length->ToString(), "wire length < 3 || wire length > 5");
}

TEST_F(SelectorTest, TypeClassOpcodeAndRd) {
  EXPECT_EQ(Matching(MakeQTypeSelector(dns::Type(65280)), {"a A", "a TYPE65280"}),
            Descriptions{"a TYPE65280"});
  EXPECT_EQ(MakeQTypeSelector(dns::Type(65280))->ToString(), "qtype==TYPE65280");
  EXPECT_EQ(Matching(MakeQClassSelector(dns::Class::kChaos), {"a", "a CH"}), Descriptions{"a CH"});
  EXPECT_EQ(MakeQClassSelector(dns::Class::kChaos)->ToString(), "qclass==3");
  EXPECT_EQ(Matching(MakeOpcodeSelector(4), {"a", "a +opcode=4"}), Descriptions{"a +opcode=4"});
  EXPECT_EQ(MakeOpcodeSelector(4)->ToString(), "opcode==4");
  EXPECT_EQ(Matching(MakeRdSelector(), {"a", "a +norec"}), Descriptions{"a"});
  EXPECT_EQ(MakeRdSelector()->ToString(), "rd==1");
}

TEST_F(SelectorTest, DnssecIsTheDoOrTheCdBit) {
  EXPECT_EQ(Matching(MakeDnssecSelector(), {"a +edns +ad", "a +dnssec", "a +cd"}),
            (Descriptions{"a +dnssec", "a +cd"}));
  EXPECT_EQ(MakeDnssecSelector()->ToString(), "DNSSEC");
}

TEST_F(SelectorTest, RCodesLookAtTheHeaderAndAtTheOpt) {
  EXPECT_EQ(Matching(MakeRCodeSelector(5), {"a +qr +rcode=5", "a +qr +rcode=21", "a +qr"}),
            (Descriptions{"a +qr +rcode=5", "a +qr +rcode=21"}));
  EXPECT_EQ(MakeRCodeSelector(5)->ToString(), "rcode==Query Refused");
  EXPECT_EQ(Matching(MakeERCodeSelector(16), {"a +qr +rcode=16", "a +qr +edns", "a +qr"}),
            Descriptions{"a +qr +rcode=16"});
  EXPECT_EQ(Matching(MakeERCodeSelector(3), {"a +qr +rcode=3", "a +qr +rcode=3 +edns"}),
            Descriptions{"a +qr +rcode=3 +edns"});
}

TEST_F(SelectorTest, EdnsVersionMatchesHigherOnesOnly) {
  EXPECT_EQ(Matching(MakeEdnsVersionSelector(0), {"a", "a +edns", "a +edns-version=1"}),
            Descriptions{"a +edns-version=1"});
  EXPECT_EQ(MakeEdnsVersionSelector(0)->ToString(), "ednsversion>0");
}

TEST_F(SelectorTest, EdnsOptionLooksAtQueriesAndAnswers) {
  const Descriptions with = {"a +option=3:aa +option=10:0102", "a +qr +option=10:01"};
  EXPECT_EQ(Matching(MakeEdnsOptionSelector(10), {"a", "a +option=8:00", with[0], with[1]}), with);
  EXPECT_EQ(MakeEdnsOptionSelector(8)->ToString(), "ednsoptcode==8");
}

TEST_F(SelectorTest, RecordsCountReadsTheHeader) {
  const auto one = MakeRecordsCountSelector(dns::Section::kAdditional, {1, 1});
  EXPECT_EQ(Matching(one, {"a", "a +edns", "a +edns / additional b 1 A 192.0.2.1"}),
            Descriptions{"a +edns"});
  EXPECT_EQ(one->ToString(), "1 <= records in AR <= 1");
}

TEST_F(SelectorTest, RecordsTypeCountCountsOneTypeOfOneSection) {
  const auto two = MakeRecordsTypeCountSelector(dns::Section::kAnswer, dns::Type::kA, {2, 3});
  const std::string record = " / answer a 1 A 192.0.2.1";
  EXPECT_EQ(
      Matching(two, {"a +qr" + record + record, "a +qr" + record + " / authority a 1 A 192.0.2.1",
                     "a +qr" + record + " / answer a 1 TXT x"}),
      Descriptions{"a +qr" + record + record});
  EXPECT_EQ(two->ToString(), "2 <= A records in AN <= 3");
}

TEST_F(SelectorTest, TrailingDataIsWhatFollowsTheLastRecord) {
  EXPECT_EQ(Matching(MakeTrailingDataSelector(), {"a", "a +edns", "a +edns +trail=00"}),
            Descriptions{"a +edns +trail=00"});
  EXPECT_EQ(MakeTrailingDataSelector()->ToString(), "trailing data");
}

TEST_F(SelectorTest, PayloadSizeCountsTrailingData) {
  // "." takes 12 + 1 + 4 octets.
  const Descriptions sizes = {".", ". +trail=00", ". +trail=0000"};
  const auto with = [&](const char* comparison) {
    return Matching(MakePayloadSizeSelector(comparison, 18).value(), sizes);
  };
  EXPECT_EQ(with("equal"), (Descriptions{sizes[1]}));
  EXPECT_EQ(with("greater"), (Descriptions{sizes[2]}));
  EXPECT_EQ(with("greaterOrEqual"), (Descriptions{sizes[1], sizes[2]}));
  EXPECT_EQ(with("smaller"), (Descriptions{sizes[0]}));
  EXPECT_EQ(with("smallerOrEqual"), (Descriptions{sizes[0], sizes[1]}));
  EXPECT_FALSE(MakePayloadSizeSelector("==", 18).has_value());
}

TEST_F(SelectorTest, NetmaskLooksAtTheClientOrAtTheAddressAsked) {
  NetmaskGroup group;
  ASSERT_TRUE(group.Add("192.0.2.0/24").has_value());
  ASSERT_TRUE(group.Add("!192.0.2.7").has_value());
  const Descriptions queries = {"a from=192.0.2.1:5 to=10.0.0.1:53", "a from=192.0.2.7:5",
                                "a from=10.0.0.1:5 to=192.0.2.1:53"};
  EXPECT_EQ(Matching(MakeNetmaskSelector(group), queries), Descriptions{queries[0]});
  EXPECT_EQ(Matching(MakeNetmaskSelector(group, {.destination = true}), queries),
            Descriptions{queries[2]});
  EXPECT_EQ(MakeNetmaskSelector(group)->ToString(), "Src: " + group.ToString());
  EXPECT_EQ(MakeNetmaskSelector(group, {.destination = true, .quiet = true})->ToString(),
            "Dst: in-group");
}

TEST_F(SelectorTest, TransportAndPort) {
  EXPECT_EQ(Matching(MakeTcpSelector(), {"a", "a +tcp", "a +dot"}),
            (Descriptions{"a +tcp", "a +dot"}));
  EXPECT_EQ(Matching(MakeUdpSelector(), {"a", "a +tcp"}), Descriptions{"a"});
  EXPECT_EQ(MakeTcpSelector()->ToString(), "TCP");
  EXPECT_EQ(MakeUdpSelector()->ToString(), "UDP");
  EXPECT_EQ(Matching(MakeDstPortSelector(5300), {"a to=[::1]:5300", "a from=[::1]:5300"}),
            Descriptions{"a to=[::1]:5300"});
  EXPECT_EQ(MakeDstPortSelector(53)->ToString(), "dst port==53");
}

TEST_F(SelectorTest, IncomingProtocolIsSpelledExactly) {
  EXPECT_EQ(Matching(MakeIncomingProtocolSelector("DoT").value(), {"a", "a +tcp", "a +dot"}),
            Descriptions{"a +dot"});
  EXPECT_FALSE(Matches(MakeIncomingProtocolSelector("DoH3").value(), "a +doh"));
  EXPECT_FALSE(MakeIncomingProtocolSelector("dot").has_value());
}

TEST_F(SelectorTest, TagWithAnEmptyValueMatchesAnEmptyTagOnly) {
  const QueryPtr query = maker_.Make("a");
  const auto any = MakeTagSelector("t"), empty = MakeTagSelector("t", "");
  const auto value = MakeTagSelector("t", "v");
  EXPECT_FALSE(any->Matches(*query, context_));
  query->SetTag("t", "v");
  EXPECT_TRUE(any->Matches(*query, context_));
  EXPECT_FALSE(empty->Matches(*query, context_));
  EXPECT_TRUE(value->Matches(*query, context_));
  query->SetTag("t", "");
  EXPECT_TRUE(empty->Matches(*query, context_));
  EXPECT_EQ(any->ToString(), "tag 't' is set");
  EXPECT_EQ(empty->ToString(), "tag 't' is set to ''");
}

}  // namespace
}  // namespace breakwater::test
