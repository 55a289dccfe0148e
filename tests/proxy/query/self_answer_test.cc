#include "proxy/query/self_answer.h"

#include <gtest/gtest.h>

#include "tests/support/query_maker.h"

namespace breakwater::test {
namespace {

class SelfAnswerTest : public ::testing::Test {
 protected:
  std::string Message() const { return Describe(query_->message()); }
  QueryMaker maker_;
  SelfAnswerContext context_{maker_.pool().packets()};
  QueryPtr query_;
};

TEST_F(SelfAnswerTest, RecordsGoToTheirSectionsWithTheirOwners) {
  query_ = maker_.Make("a.b +edns");
  const uint8_t data[4] = {192, 0, 2, 1};
  const auto other = QueryMaker::WireName("x");
  const AnswerRecord records[3] = {
      {dns::Section::kAnswer, dns::Type::kA, dns::Class::kIn, 1, {}, data},
      {dns::Section::kAuthority, dns::Type::kA, dns::Class::kChaos, 2, other, data},
      {dns::Section::kAdditional, dns::Type::kTxt, dns::Class::kIn, 3, other, {}}};
  ASSERT_TRUE(MakeAnswer(*query_, context_, {}, records));
  EXPECT_EQ(Message(),
            "qr rd ra NOERROR; a.b A; an: a.b 1 A 192.0.2.1; ns: x "
            "2 CLASS3 A 192.0.2.1; "
            "ar: x 3 TXT ; ar: OPT 1232");
  const auto found = dns::FindEdns(query_->message(), query_->question.end()).value();
  EXPECT_EQ(query_->edns.offset, found.offset);
  EXPECT_EQ(query_->edns.udp_size, 1232);
}

TEST_F(SelfAnswerTest, TheSizeLimitIsExact) {
  // Header, question of ".", pointer and fixed fields, then the data; no OPT.
  const std::vector<uint8_t> most(kMaxSelfAnswerUdp - 17 - 12, 'x');
  const AnswerRecord fits = {dns::Section::kAnswer, dns::Type::kTxt, dns::Class::kIn, 1, {}, most};
  query_ = maker_.Make(". +room=0");
  ASSERT_TRUE(MakeAnswer(*query_, context_, {}, {&fits, 1}));
  EXPECT_EQ(query_->size, kMaxSelfAnswerUdp);
  const std::vector<uint8_t> more(most.size() + 1, 'x');
  const AnswerRecord too_big = {
      dns::Section::kAnswer, dns::Type::kTxt, dns::Class::kIn, 1, {}, more};
  query_ = maker_.Make(". +room=0");
  EXPECT_FALSE(MakeAnswer(*query_, context_, {}, {&too_big, 1}));
  EXPECT_EQ(Message(), "rd NOERROR; . A");
  EXPECT_FALSE(query_->is_response || query_->self_answered || query_->detached());
}

TEST_F(SelfAnswerTest, AnAnswerInOwnMemoryKeepsTheClientsSpelling) {
  query_ = maker_.Make("Www.X TXT +room=0");
  const std::vector<uint8_t> data(100, 0);
  const AnswerRecord record = {
      dns::Section::kAnswer, dns::Type::kTxt, dns::Class::kIn, 1, {}, data};
  ASSERT_TRUE(MakeAnswer(*query_, context_, {}, {&record, 1}));
  EXPECT_TRUE(query_->detached() && query_->client_name_saved);
  const auto name = QueryMaker::WireName("Www.X");
  EXPECT_TRUE(std::equal(name.begin(), name.end(), query_->client_name.begin()));
  EXPECT_TRUE(std::equal(name.begin(), name.end(), query_->name().begin()));
}

TEST_F(SelfAnswerTest, OpcodeStaysZBitGoes) {
  query_ = maker_.Make("a +opcode=4");
  query_->header().Set(0x0040, true);
  ASSERT_TRUE(MakeAnswer(*query_, context_, {}));
  EXPECT_EQ(query_->header().flags(), 0x8000 | 4 << 11 | 0x0100 | 0x0080);
}

TEST_F(SelfAnswerTest, APacketIsTakenAsItIsAndNeedsAHeader) {
  query_ = maker_.Make("a");
  const std::vector<uint8_t> short_one(11, 0);
  EXPECT_FALSE(MakePacketAnswer(*query_, context_, short_one));
  const std::vector<uint8_t> header_only(12, 0);
  EXPECT_TRUE(MakePacketAnswer(*query_, context_, header_only));
  EXPECT_EQ(query_->size, 12u);
  EXPECT_EQ(query_->header().id(), 0x1234);
  EXPECT_EQ(Message(), "qr rd NOERROR");
  EXPECT_TRUE(query_->raw_answer);
}

TEST_F(SelfAnswerTest, ATurnedQueryGetsItsOptReplaced) {
  query_ = maker_.Make("a +dnssec +bufsize=4000 +option=10:0102 +room=0");
  query_->header().set_flags(dns::kFlagQr | dns::kFlagAa | dns::kFlagCd | 3);
  FinishTurnedAnswer(*query_, context_);
  EXPECT_EQ(Message(), "qr aa rd NXDOMAIN; a A; ar: OPT 1232 do");
  EXPECT_TRUE(query_->is_response && query_->self_answered);
}

TEST_F(SelfAnswerTest, ATurnedQueryWithoutEdnsGetsNone) {
  query_ = maker_.Make("a");
  query_->header().Set(dns::kFlagQr, true);
  FinishTurnedAnswer(*query_, context_);
  EXPECT_EQ(Message(), "qr rd NOERROR; a A");
}

TEST_F(SelfAnswerTest, ATurnedQueryThatIsNoMessageGoesOutAsItIs) {
  query_ = maker_.Make("a +edns");
  query_->header().Set(dns::kFlagQr, true);
  query_->header().set_count(dns::Section::kAnswer, 9);
  const size_t size = query_->size;
  FinishTurnedAnswer(*query_, context_);
  EXPECT_EQ(query_->size, size);
}

}  // namespace
}  // namespace breakwater::test
