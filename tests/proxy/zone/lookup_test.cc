#include "proxy/zone/lookup.h"

#include <gmock/gmock.h>

#include "proxy/dns/question.h"
#include "tests/proxy/dns/records.h"
#include "tests/proxy/zone/zone_maker.h"

namespace breakwater {
namespace {

constexpr const char* kServers =
    "; ns: example.org 3600 NS ns1.example.org; ar: ns1.example.org 3600 A 192.0.2.1; ar: "
    "ns1.example.org 3600 AAAA 2001:db8::1";
constexpr const char* kSoa =
    "; ns: example.org 300 SOA ns1.example.org hostmaster.example.org 1 7200 3600 1209600 300";
constexpr const char* kWww =
    "; an: www.example.org 300 A 192.0.2.80; an: www.example.org 300 A 192.0.2.81";

class LookupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    zones_.Add("example.org", R"(
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
www 300 A 192.0.2.80
www 300 A 192.0.2.81
alias 60 CNAME www
twice CNAME alias
out CNAME www.elsewhere.test.
over CNAME www.example.net.
loop1 CNAME loop2
loop2 CNAME loop1
dangling CNAME nothing
deep.empty.terminal A 192.0.2.5
*.wild 60 A 192.0.2.42
*.wild MX 10 www
blocker.wild A 192.0.2.43
below.blocker2.wild A 192.0.2.44
*.wildcname CNAME www
*.wildloop CNAME a.wildloop
x.*.emptywild A 192.0.2.45
@ MX 10 mail
@ MX 20 mail.example.net.
mail A 192.0.2.25
srv SRV 0 0 5060 www
mx2 MX 10 host.sub
sub NS ns.sub
sub NS ns.elsewhere.test.
sub DS 1 8 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
ns.sub A 192.0.2.53
host.sub A 192.0.2.54
dname 60 DNAME target
host.target A 192.0.2.66
)");
    zones_.Add("example.net", "ns1 A 192.0.2.101\nwww A 192.0.2.180\nmail A 192.0.2.125\n");
  }
  std::string Ask(std::string_view description) const { return zones_.Ask(description); }

  test::ZoneMaker zones_;
};

TEST_F(LookupTest, AnAnswerHasTheZonesNameServersAndTheirAddresses) {
  EXPECT_EQ(Ask("www.example.org A"),
            std::string("qr aa rd NOERROR; www.example.org A") + kWww + kServers);
}

TEST_F(LookupTest, NamesAreFoundWhateverTheirSpellingAndTheQuestionKeepsIts) {
  EXPECT_EQ(Ask("wWw.EXAMPLE.org A +norec").substr(0, 64),
            "qr aa NOERROR; wWw.EXAMPLE.org A; an: wWw.EXAMPLE.org 300 A 192.");
}

TEST_F(LookupTest, ANameWithoutThatTypeHasTheSoaWithTheNegativeTtl) {
  EXPECT_EQ(Ask("www.example.org AAAA"),
            std::string("qr aa rd NOERROR; www.example.org AAAA") + kSoa);
}

TEST_F(LookupTest, ANameThatIsNotThereIsNxDomain) {
  EXPECT_EQ(Ask("nothing.example.org A"),
            std::string("qr aa rd NXDOMAIN; nothing.example.org A") + kSoa);
  EXPECT_EQ(Ask("below.www.example.org A"),
            std::string("qr aa rd NXDOMAIN; below.www.example.org A") + kSoa);
}

TEST_F(LookupTest, AnEmptyNonTerminalIsThere) {
  EXPECT_EQ(Ask("empty.terminal.example.org A"),
            std::string("qr aa rd NOERROR; empty.terminal.example.org A") + kSoa);
  EXPECT_EQ(Ask("terminal.example.org A"),
            std::string("qr aa rd NOERROR; terminal.example.org A") + kSoa);
}

TEST_F(LookupTest, AliasesAreFollowedWithinTheZone) {
  EXPECT_EQ(Ask("twice.example.org A"),
            std::string("qr aa rd NOERROR; twice.example.org A; an: twice.example.org 3600 CNAME "
                        "alias.example.org; an: alias.example.org 60 CNAME www.example.org") +
                kWww + kServers);
  EXPECT_EQ(Ask("alias.example.org AAAA"),
            std::string("qr aa rd NOERROR; alias.example.org AAAA; an: alias.example.org 60 CNAME "
                        "www.example.org") +
                kSoa);
}

TEST_F(LookupTest, AnAliasIsTheAnswerWhereItIsAskedFor) {
  EXPECT_EQ(Ask("twice.example.org CNAME"),
            std::string("qr aa rd NOERROR; twice.example.org CNAME; an: twice.example.org 3600 "
                        "CNAME alias.example.org") +
                kServers);
}

TEST_F(LookupTest, AnAliasThatLeadsNowhereIsNxDomain) {
  EXPECT_EQ(Ask("dangling.example.org A"),
            std::string("qr aa rd NXDOMAIN; dangling.example.org A; an: dangling.example.org 3600 "
                        "CNAME nothing.example.org") +
                kSoa);
}

TEST_F(LookupTest, AnAliasToAnotherZoneHeldIsFollowed) {
  EXPECT_EQ(Ask("over.example.org A"),
            "qr aa rd NOERROR; over.example.org A; an: over.example.org 3600 CNAME "
            "www.example.net; an: www.example.net 3600 A 192.0.2.180; ns: example.net 3600 NS "
            "ns1.example.net; ar: ns1.example.net 3600 A 192.0.2.101");
}

TEST_F(LookupTest, AnAliasToSomewhereElseIsTheWholeAnswer) {
  EXPECT_EQ(Ask("out.example.org A"),
            "qr aa rd NOERROR; out.example.org A; an: out.example.org 3600 CNAME "
            "www.elsewhere.test");
}

TEST_F(LookupTest, AliasesThatGoInACircleEnd) {
  EXPECT_EQ(Ask("loop1.example.org A"),
            "qr aa rd NOERROR; loop1.example.org A; an: loop1.example.org 3600 CNAME "
            "loop2.example.org; an: loop2.example.org 3600 CNAME loop1.example.org");
  EXPECT_EQ(Ask("x.wildloop.example.org A"),
            "qr aa rd NOERROR; x.wildloop.example.org A; an: x.wildloop.example.org 3600 CNAME "
            "a.wildloop.example.org; an: a.wildloop.example.org 3600 CNAME a.wildloop.example.org");
}

TEST_F(LookupTest, AWildcardAnswersUnderTheNameAsked) {
  EXPECT_EQ(Ask("Any.thing.wild.example.org A"),
            std::string("qr aa rd NOERROR; Any.thing.wild.example.org A; an: "
                        "Any.thing.wild.example.org 60 A 192.0.2.42") +
                kServers);
  EXPECT_EQ(Ask("x.wild.example.org TXT"),
            std::string("qr aa rd NOERROR; x.wild.example.org TXT") + kSoa);
  EXPECT_EQ(Ask("x.wildcname.example.org A"),
            std::string("qr aa rd NOERROR; x.wildcname.example.org A; an: x.wildcname.example.org "
                        "3600 CNAME www.example.org") +
                kWww + kServers);
}

TEST_F(LookupTest, ANameThatIsThereBlocksTheWildcardForWhatLiesBelow) {
  EXPECT_EQ(Ask("x.blocker.wild.example.org A"),
            std::string("qr aa rd NXDOMAIN; x.blocker.wild.example.org A") + kSoa);
  EXPECT_EQ(Ask("x.blocker2.wild.example.org A"),
            std::string("qr aa rd NXDOMAIN; x.blocker2.wild.example.org A") + kSoa);
  EXPECT_EQ(Ask("blocker2.wild.example.org A"),
            std::string("qr aa rd NOERROR; blocker2.wild.example.org A") + kSoa);
  EXPECT_EQ(Ask("blocker.wild.example.org MX"),
            std::string("qr aa rd NOERROR; blocker.wild.example.org MX") + kSoa);
}

TEST_F(LookupTest, AWildcardWithoutRecordsMakesNoData) {
  EXPECT_EQ(Ask("y.emptywild.example.org A"),
            std::string("qr aa rd NOERROR; y.emptywild.example.org A") + kSoa);
}

TEST_F(LookupTest, TheWildcardsOwnNameIsOrdinary) {
  EXPECT_EQ(Ask("*.wild.example.org A"),
            std::string("qr aa rd NOERROR; *.wild.example.org A; an: *.wild.example.org 60 A "
                        "192.0.2.42") +
                kServers);
}

TEST_F(LookupTest, WhatLiesBelowADelegationIsReferred) {
  const std::string referral =
      "; ns: sub.example.org 3600 NS ns.sub.example.org; ns: sub.example.org 3600 NS "
      "ns.elsewhere.test; ar: ns.sub.example.org 3600 A 192.0.2.53";
  EXPECT_EQ(Ask("x.sub.example.org A"), "qr rd NOERROR; x.sub.example.org A" + referral);
  EXPECT_EQ(Ask("sub.example.org NS"), "qr rd NOERROR; sub.example.org NS" + referral);
  // Glue is no answer.
  EXPECT_EQ(Ask("ns.sub.example.org A"), "qr rd NOERROR; ns.sub.example.org A" + referral);
}

TEST_F(LookupTest, TheKeysOfADelegationAreTheParents) {
  EXPECT_THAT(Ask("sub.example.org DS"),
              ::testing::StartsWith("qr aa rd NOERROR; sub.example.org TYPE43; an: "
                                    "sub.example.org 3600 TYPE43 0001080200"));
  zones_.Add("sub.example.org", "ns1 A 192.0.2.9\n");
  EXPECT_THAT(Ask("sub.example.org DS"),
              ::testing::StartsWith("qr aa rd NOERROR; sub.example.org TYPE43; an: "));
  EXPECT_THAT(Ask("sub.example.org NS"), ::testing::StartsWith("qr aa rd NOERROR"));
}

TEST_F(LookupTest, MailServersAndServicesBringTheirAddresses) {
  EXPECT_EQ(Ask("example.org MX"),
            "qr aa rd NOERROR; example.org MX; an: example.org 3600 MX 10 mail.example.org; an: "
            "example.org 3600 MX 20 mail.example.net; ns: example.org 3600 NS ns1.example.org; "
            "ar: mail.example.org 3600 A 192.0.2.25; ar: "
            "ns1.example.org 3600 A 192.0.2.1; ar: ns1.example.org 3600 AAAA 2001:db8::1");
  EXPECT_THAT(Ask("srv.example.org TYPE33"),
              ::testing::HasSubstr("ar: www.example.org 300 A 192.0.2.80"));
}

TEST_F(LookupTest, GlueIsNoAddressOfAMailServer) {
  EXPECT_THAT(Ask("mx2.example.org MX"),
              ::testing::Not(::testing::HasSubstr("ar: host.sub.example.org")));
}

TEST_F(LookupTest, ADnameRenamesWhatLiesBelow) {
  EXPECT_EQ(Ask("Host.dname.example.org A"),
            std::string("qr aa rd NOERROR; Host.dname.example.org A; an: dname.example.org 60 "
                        "TYPE39 06746172676574076578616d706c65036f726700; an: "
                        "Host.dname.example.org 60 CNAME Host.target.example.org; an: "
                        "Host.target.example.org 3600 A 192.0.2.66") +
                kServers);
  EXPECT_EQ(Ask("dname.example.org A"),
            std::string("qr aa rd NOERROR; dname.example.org A") + kSoa);
  EXPECT_THAT(Ask("host.dname.example.org CNAME"),
              ::testing::EndsWith("an: host.dname.example.org 60 CNAME host.target.example.org"));
  EXPECT_THAT(Ask("no.dname.example.org A"), ::testing::StartsWith("qr aa rd NXDOMAIN"));
}

TEST_F(LookupTest, ADnameThatMakesANameTooLongIsYxDomain) {
  const std::string label(60, 'x');
  const std::string below = label + "." + label + "." + label + "." + std::string(52, 'y');
  EXPECT_THAT(Ask(below + ".dname.example.org A"),
              ::testing::AllOf(::testing::StartsWith("qr aa rd RCODE6; "),
                               ::testing::HasSubstr("an: dname.example.org 60 TYPE39"),
                               ::testing::Not(::testing::HasSubstr("CNAME"))));
}

TEST_F(LookupTest, AnyGetsEverySetOfTheName) {
  EXPECT_EQ(Ask("ns1.example.org ANY"),
            "qr aa rd NOERROR; ns1.example.org ANY; an: ns1.example.org 3600 A 192.0.2.1; an: "
            "ns1.example.org 3600 AAAA 2001:db8::1");
  EXPECT_EQ(Ask("alias.example.org ANY"),
            "qr aa rd NOERROR; alias.example.org ANY; an: alias.example.org 60 CNAME "
            "www.example.org");
}

TEST_F(LookupTest, WhatIsNotServedIsRefused) {
  EXPECT_EQ(Ask("www.elsewhere.test A"), "qr rd REFUSED; www.elsewhere.test A");
  EXPECT_EQ(Ask("org A +edns"), "qr rd REFUSED; org A; ar: OPT 1232");
  EXPECT_EQ(Ask("example.org TYPE252"), "qr rd REFUSED; example.org TYPE252");
  EXPECT_EQ(Ask("example.org TYPE251"), "qr rd REFUSED; example.org TYPE251");
  EXPECT_EQ(Ask("www.example.org A CH"), "qr rd REFUSED; www.example.org A CLASS3");
  EXPECT_EQ(Ask("example.org SOA +opcode=4"), "qr rd opcode4 REFUSED; example.org SOA");
  EXPECT_EQ(Ask("example.org SOA +opcode=5"), "qr rd opcode5 NOTIMP; example.org SOA");
}

TEST_F(LookupTest, EdnsIsAnsweredWithEdns) {
  EXPECT_THAT(Ask("www.example.org A +dnssec +cd"),
              ::testing::AllOf(::testing::StartsWith("qr aa rd cd NOERROR"),
                               ::testing::EndsWith("; ar: OPT 1232 do")));
  EXPECT_EQ(Ask("www.example.org A +edns-version=1"),
            "qr rd NOERROR; www.example.org A; ar: OPT 1232 rcode+16");
}

TEST_F(LookupTest, WhatMayBeLeftOutIsLeftOutOfALongAnswer) {
  const std::string whole = zones_.Ask("example.org MX", 512);
  EXPECT_THAT(whole, ::testing::HasSubstr("AAAA"));
  const size_t size = zones_.Answer("example.org MX").size();
  EXPECT_EQ(zones_.Answer("example.org MX", size).size(), size);
  EXPECT_EQ(zones_.Ask("example.org MX", size - 1),
            whole.substr(0, whole.rfind("; ar: ns1.example.org")));
  EXPECT_EQ(zones_.Ask("example.org MX", 1),
            "qr aa rd NOERROR; example.org MX; an: example.org 3600 MX 10 mail.example.org; an: "
            "example.org 3600 MX 20 mail.example.net");
  // Glue is not left out.
  EXPECT_THAT(zones_.Ask("x.sub.example.org A", 1), ::testing::HasSubstr("ar: ns.sub"));
}

TEST_F(LookupTest, ALongTextIsWholeAndOneThatNoMessageHoldsIsTruncated) {
  std::string text;
  for (int i = 0; i < 20; ++i)
    text += "big TXT \"" + std::to_string(i) + std::string(200, 'x') + "\"\n";
  for (int i = 0; i < 300; ++i) {
    text += "huge TXT \"" + std::to_string(i) + std::string(240, 'x') + "\"\n";
  }
  zones_.Add("long.test", text);
  EXPECT_GT(zones_.Answer("big.long.test TXT").size(), 4000u);
  EXPECT_EQ(Ask("huge.long.test TXT"), "qr aa tc rd NOERROR; huge.long.test TXT");
}

TEST_F(LookupTest, SignaturesGoAlongWhereTheyAreAskedFor) {
  const std::string times = " 20400101000000 20200101000000 1 signed.test. AQID\n";
  zones_.Add("signed.test", "ns1 A 192.0.2.1\nns1 RRSIG A 8 3 3600" + times +
                                "@ RRSIG SOA 8 2 3600" + times + "@ RRSIG NS 8 2 3600" + times +
                                "x NSEC ns1 A\nsub NS ns1\nsub DS 1 8 2 00\nsub RRSIG DS 8 3 3600" +
                                times +
                                "hash NSEC3 1 0 1 ab "
                                "2t7b4g4vsa5smi47k61mv5bv1a22bojr A\n");
  EXPECT_THAT(Ask("ns1.signed.test A"), ::testing::Not(::testing::HasSubstr("TYPE46")));
  EXPECT_THAT(Ask("ns1.signed.test A +dnssec"),
              ::testing::AllOf(::testing::HasSubstr("an: ns1.signed.test 3600 TYPE46 0001"),
                               ::testing::HasSubstr("ns: signed.test 3600 TYPE46 0002")));
  EXPECT_THAT(Ask("no.signed.test A +dnssec"),
              ::testing::AllOf(::testing::HasSubstr("ns: signed.test 300 TYPE46 0006"),
                               ::testing::Not(::testing::HasSubstr("TYPE46 0002"))));
  EXPECT_THAT(Ask("ns1.signed.test TYPE46"),
              ::testing::HasSubstr("an: ns1.signed.test 3600 TYPE46"));
  EXPECT_THAT(Ask("x.sub.signed.test A +dnssec"),
              ::testing::AllOf(::testing::HasSubstr("ns: sub.signed.test 3600 TYPE43 0001080200"),
                               ::testing::HasSubstr("ns: sub.signed.test 3600 TYPE46 002b")));
  EXPECT_THAT(Ask("x.sub.signed.test A"), ::testing::Not(::testing::HasSubstr("TYPE43")));
  EXPECT_THAT(Ask("hash.signed.test A"), ::testing::StartsWith("qr aa rd NXDOMAIN"));
}

TEST_F(LookupTest, NamesAreCompressedAndTheSameWhenUnpacked) {
  const auto answer = zones_.Answer("example.org MX");
  EXPECT_LT(answer.size(), 200u);
  const auto question = dns::ParseQuestion(answer);
  ASSERT_TRUE(question);
  EXPECT_EQ(dns::test::DescribeRecords(answer, question->end()).size(), 6u);
}

TEST_F(LookupTest, WhatIsNoQuestionIsNotAnswered) {
  std::vector<uint8_t> room(kAnswerRoom);
  const auto answer = test::QueryMaker::Message("www.example.org A +qr");
  EXPECT_EQ(AnswerFromZones(zones_.set(), answer, room, 512).error(), Error::kUnsupported);
  EXPECT_EQ(AnswerFromZones(zones_.set(), std::span(answer).first(11), room, 512).error(),
            Error::kTruncated);
  auto broken = test::QueryMaker::Message("www.example.org A");
  broken.resize(20);
  const auto size = AnswerFromZones(zones_.set(), broken, room, 512);
  ASSERT_EQ(size.value_or(0), 12u);
  EXPECT_EQ(test::Describe(std::span(room).first(12)), "qr rd FORMERR");
}

TEST(DatagramLimitTest, IsWhatTheSenderSaysAnd512AtLeast) {
  using test::QueryMaker;
  EXPECT_EQ(DatagramLimit(QueryMaker::Message("a.test A")), 512u);
  EXPECT_EQ(DatagramLimit(QueryMaker::Message("a.test A +bufsize=100")), 512u);
  EXPECT_EQ(DatagramLimit(QueryMaker::Message("a.test A +bufsize=1400")), 1400u);
}

}  // namespace
}  // namespace breakwater
