#include "proxy/cache/last_good.h"

#include <gtest/gtest.h>

#include "tests/proxy/cache/cache_fixture.h"

namespace breakwater {
namespace {

const char kSoa[] = "60 SOA ns.example.org host.example.org 1 2 3 4 60";

struct Row {
  const char* why;
  std::string answer;  // to www.sub.example.org A
  KnownAnswer known;
  AnswerClass cls;
  std::optional<BadKind> kind{};
  bool removes = false;
};

std::string Authority(const std::string& owner, const std::string& rest) {
  return " / authority " + owner + " " + rest;
}

const KnownAnswer kNothing{};
const KnownAnswer kWithOptions{.with_options = true};
const KnownAnswer kAuthoritative{.held = true, .authoritative = true, .apex_labels = 3};

const std::string kAnswer = " / answer www.sub.example.org 60 A 192.0.2.1";

std::vector<Row> Table() {
  using enum AnswerClass;
  return {
      {"SERVFAIL", "+rcode=2", kNothing, kBad, BadKind::kServFail},
      {"REFUSED, whatever it carries", "+rcode=5" + kAnswer, kNothing, kBad, BadKind::kRefused},
      {"FORMERR", "+rcode=1", kNothing, kBad, BadKind::kFormErr},
      {"NOTIMP", "+rcode=4", kNothing, kBad, BadKind::kNotImp},
      {"NOTAUTH", "+rcode=9", kNothing, kBad, BadKind::kNotAuth},
      {"FORMERR to options", "+rcode=1", kWithOptions, kNeutral, BadKind::kFormErr},
      {"NOTIMP to options", "+rcode=4", kWithOptions, kNeutral, BadKind::kNotImp},
      {"REFUSED to options", "+rcode=5", kWithOptions, kBad, BadKind::kRefused},
      {"TC", "+tc +aa" + kAnswer, kNothing, kNeutral},
      {"BADVERS", "+rcode=16", kNothing, kNeutral},
      {"BADCOOKIE", "+rcode=23", kNothing, kNeutral},
      {"an answer", "+aa" + kAnswer, kAuthoritative, kGood},
      {"an answer without AA", kAnswer, kAuthoritative, kGood},
      {"NXDOMAIN behind a CNAME", "+rcode=3 / answer www.sub.example.org 60 CNAME gone.example.net",
       kNothing, kGood},
      {"YXDOMAIN with the DNAME", "+rcode=6 / answer sub.example.org 60 DNAME 00", kNothing, kGood},
      {"YXDOMAIN without", "+rcode=6", kNothing, kNeutral},
      {"NXDOMAIN of the zone", "+aa +rcode=3" + Authority("sub.example.org", kSoa), kAuthoritative,
       kGood},
      {"NODATA of the zone", "+aa" + Authority("sub.example.org", kSoa), kAuthoritative, kGood},
      {"NODATA of a zone below", "+aa" + Authority("www.sub.example.org", kSoa), kAuthoritative,
       kGood},
      {"NXDOMAIN of the parent", "+aa +rcode=3" + Authority("example.org", kSoa), kAuthoritative,
       kBad, BadKind::kVanished},
      {"NODATA of the parent", "+aa" + Authority("example.org", kSoa), kAuthoritative, kBad,
       BadKind::kVanished},
      {"NXDOMAIN of the parent, apex not known",
       "+aa +rcode=3" + Authority("example.org", kSoa),
       {.held = true, .authoritative = true},
       kGood},
      {"a denial with the SOA of somebody else",
       "+aa +rcode=3" + Authority("example.net", kSoa),
       kAuthoritative,
       kGood,
       {},
       true},
      {"a referral below the apex", Authority("www.sub.example.org", "60 NS ns.example.net"),
       kAuthoritative, kGood},
      {"a referral to the apex itself", Authority("sub.example.org", "60 NS ns.example.net"),
       kAuthoritative, kBad, BadKind::kLame},
      {"a referral upwards", Authority("org", "60 NS ns.example.net"), kAuthoritative, kBad,
       BadKind::kLame},
      {"a referral where nothing is known", Authority("example.org", "60 NS ns.example.net"),
       kNothing, kGood},
      {"a referral to the root where nothing is known", Authority(".", "60 NS ns.example.net"),
       kNothing, kBad, BadKind::kLame},
      {"empty with AA", "+aa", kAuthoritative, kGood, {}, true},
      {"NXDOMAIN with AA and no SOA", "+aa +rcode=3", kAuthoritative, kGood, {}, true},
      {"empty without AA, where it had been", "", kAuthoritative, kBad, BadKind::kLame},
      {"empty without AA, where it had not",
       "",
       {.held = true, .authoritative = false, .apex_labels = 3},
       kNeutral},
      {"empty without AA, where nothing is known", "", kNothing, kNeutral},
      {"NOTZONE", "+rcode=10", kNothing, kNeutral},
  };
}

AnswerFacts FactsOf(const std::vector<uint8_t>& message) {
  const auto question = dns::ParseQuestion(message);
  return FactsOfAnswer(message, question->end(),
                       std::span(message).subspan(dns::kHeaderSize, question->name_length));
}

TEST(JudgeAnswerTest, FollowsTheTable) {
  for (const Row& row : Table()) {
    const auto message = test::QueryMaker::Message("www.sub.example.org A +qr " + row.answer);
    const Judgement judgement = JudgeAnswer(FactsOf(message), row.known);
    EXPECT_EQ(judgement.cls, row.cls) << row.why;
    if (row.kind) {
      EXPECT_EQ(NameOf(judgement.kind), NameOf(*row.kind)) << row.why;
    }
    EXPECT_EQ(judgement.removes, row.removes) << row.why;
    EXPECT_EQ(judgement.by_option, row.cls == AnswerClass::kNeutral && row.kind) << row.why;
  }
}

TEST(JudgeAnswerTest, RecordsThatDoNotAddUpAreBad) {
  auto message = test::QueryMaker::Message(
      "www.sub.example.org A +qr +aa / answer www.sub.example.org 60 A 192.0.2.1");
  message.pop_back();
  const Judgement judgement = JudgeAnswer(FactsOf(message), kNothing);
  EXPECT_EQ(judgement.cls, AnswerClass::kBad);
  EXPECT_EQ(judgement.kind, BadKind::kMalformed);
}

TEST(JudgeAnswerTest, TheApexIsToldByTheSoaOrTheNsRecords) {
  const auto apex = [](const std::string& rest) {
    return FactsOf(test::QueryMaker::Message("www.sub.example.org A +qr +aa " + rest)).Apex();
  };
  EXPECT_EQ(apex(Authority("example.org", kSoa)), 2);
  EXPECT_EQ(apex(Authority("sub.example.org", "60 NS ns.example.org")), 3);
  EXPECT_EQ(apex(Authority("example.net", "60 NS ns.example.org")), std::nullopt);
  EXPECT_EQ(apex(""), std::nullopt);
}

TEST(JudgeAnswerTest, GoodAnswersOfAServerThatHasLostTheZoneAreAWildcards) {
  const Judgement judged =
      JudgeAnswer(FactsOf(test::QueryMaker::Message(
                      "www.sub.example.org A +qr +aa / answer www.sub.example.org 60 A 192.0.2.1")),
                  {.older_server = true, .lost_zone = true});
  EXPECT_EQ(judged.cls, AnswerClass::kBad);
  EXPECT_EQ(judged.kind, BadKind::kVanished);
}

TEST(JudgeAnswerTest, GoodAnswersOfAServerThatIsBehindAreBad) {
  const KnownAnswer behind{.older_server = true};
  const auto judged = [&](const std::string& rest) {
    return JudgeAnswer(FactsOf(test::QueryMaker::Message("www.sub.example.org A +qr " + rest)),
                       behind);
  };
  for (const auto* good : {"+aa / answer www.sub.example.org 60 A 192.0.2.1",
                           "/ authority sub.example.org 60 NS ns.example.org", "+aa"}) {
    EXPECT_EQ(judged(good).cls, AnswerClass::kBad) << good;
    EXPECT_EQ(judged(good).kind, BadKind::kOlder) << good;
    EXPECT_FALSE(judged(good).removes) << good;
  }
  EXPECT_EQ(judged("+rcode=5").kind, BadKind::kRefused);
  EXPECT_EQ(judged("+tc +aa").cls, AnswerClass::kNeutral);
}

TEST(JudgeAnswerTest, TheSerialIsThatOfTheZonesSoa) {
  const auto facts = [](const std::string& rest) {
    return FactsOf(test::QueryMaker::Message("www.sub.example.org A +qr " + rest));
  };
  const std::string soa = "60 SOA ns.example.org host.example.org 2026112801 2 3 4 60";
  EXPECT_EQ(facts("+aa" + Authority("sub.example.org", soa)).serial, 2026112801u);
  EXPECT_EQ(facts("+aa / answer www.sub.example.org " + soa).serial, 2026112801u);
  EXPECT_EQ(facts("+aa" + Authority("example.net", soa)).serial, std::nullopt);
  EXPECT_EQ(facts("+aa" + Authority("sub.example.org", "60 NS ns.example.org")).serial,
            std::nullopt);
  // Too short to hold one.
  EXPECT_EQ(facts("+aa" + Authority("sub.example.org", "60 SOA \\# 0000000102030405")).serial,
            std::nullopt);
}

TEST(JudgeAnswerTest, OnlyAServerOfTheZoneSpeaksForIt) {
  const auto speaks = [](const std::string& flags) {
    return FactsOf(test::QueryMaker::Message("www.sub.example.org A +qr " + flags +
                                             Authority("sub.example.org", kSoa)))
        .SpeaksForZone();
  };
  EXPECT_TRUE(speaks("+aa"));
  EXPECT_TRUE(speaks("+aa +rcode=3"));
  EXPECT_FALSE(speaks(""));
  EXPECT_FALSE(speaks("+aa +rcode=5"));
}

TEST(BadKindTest, NamesAreReadAsTheyAreWritten) {
  for (size_t i = 0; i < kBadKinds; ++i) {
    const auto kind = static_cast<BadKind>(i);
    EXPECT_EQ(BadKindOf(NameOf(kind)), kind);
  }
  EXPECT_EQ(BadKindOf("nonsense"), std::nullopt);
}

}  // namespace
}  // namespace breakwater
