#include "proxy/dns/reply_match.h"

#include <gtest/gtest.h>

#include "tests/proxy/dns/packet.h"

namespace breakwater::dns {
namespace {

using test::Bytes;
using test::operator+;
using test::Packet;

ReplyMatch Match(const Bytes& reply, ReplyMatchOptions options = {}) {
  const Packet query = Packet::Query("www.example.com");
  return MatchReply(query.bytes(), 17, reply, options);
}

TEST(ReplyMatchTest, SameQuestionMatchesInAnyCase) {
  EXPECT_EQ(Match(Packet::Reply("www.example.com").bytes()), ReplyMatch::kMatch);
  EXPECT_EQ(Match(Packet::Reply("wWw.eXample.COM").Opt().bytes()), ReplyMatch::kMatch);
}

TEST(ReplyMatchTest, QueryIsNotAReply) {
  EXPECT_EQ(Match(Packet::Query("www.example.com").bytes()), ReplyMatch::kNotAReply);
  EXPECT_EQ(Match({}), ReplyMatch::kNotAReply);
  EXPECT_EQ(Match(Bytes(11, 0xff)), ReplyMatch::kNotAReply);
}

TEST(ReplyMatchTest, OtherOpcodeDoesNotMatch) {
  Bytes reply = Packet::Reply("www.example.com").bytes();
  reply[2] = static_cast<uint8_t>(reply[2] | 0x20);
  EXPECT_EQ(Match(reply), ReplyMatch::kOtherOpcode);
}

TEST(ReplyMatchTest, LaterMessagesOfATransferMayComeWithoutTheQuestion) {
  Bytes reply = Packet::Reply("").bytes();
  reply.resize(12);
  reply[5] = 0;
  reply.resize(40, 0xee);
  EXPECT_EQ(Match(reply), ReplyMatch::kBadQuestion);
  EXPECT_EQ(Match(reply, {.allow_no_question = true}), ReplyMatch::kMatch);
  EXPECT_EQ(Match(Packet::Reply("other.example").bytes(), {.allow_no_question = true}),
            ReplyMatch::kOtherQuestion);
}

TEST(ReplyMatchTest, OtherQuestionsDoNotMatch) {
  for (const char* name : {"www.example.org", "ww.example.com", "www.example.com.x", "", "com"}) {
    EXPECT_EQ(Match(Packet::Reply(name).bytes()), ReplyMatch::kOtherQuestion) << name;
  }
  EXPECT_EQ(Match(Packet::Reply("www.example.com", Type::kAaaa).bytes()),
            ReplyMatch::kOtherQuestion);
  Bytes chaos = Packet::Reply("www.example.com").bytes();
  chaos.back() = 3;
  EXPECT_EQ(Match(chaos), ReplyMatch::kOtherQuestion);
}

TEST(ReplyMatchTest, BrokenQuestionsDoNotMatch) {
  const Bytes whole = Packet::Reply("www.example.com").bytes();
  for (size_t size = 12; size < whole.size(); ++size) {
    EXPECT_EQ(Match(Bytes(whole.begin(), whole.begin() + static_cast<long>(size))),
              ReplyMatch::kBadQuestion)
        << size;
  }
  EXPECT_EQ(Match(Packet::Reply("www.example.com").Count(Section::kQuestion).bytes()),
            ReplyMatch::kBadQuestion);
  EXPECT_EQ(Match(Packet::Reply("www.example.com").Count(Section::kQuestion, -1).bytes()),
            ReplyMatch::kBadQuestion);
}

TEST(ReplyMatchTest, WithoutTheQuestionABareErrorMatchesAndAnythingWhereAllowed) {
  const Bytes refused = {0x12, 0x34, 0x81, 0x85, 0, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(Match(refused), ReplyMatch::kMatch);
  const auto both = [](const Bytes& reply) {
    EXPECT_EQ(Match(reply), ReplyMatch::kBadQuestion);
    EXPECT_EQ(Match(reply, {.allow_empty_response = true}), ReplyMatch::kMatch);
  };
  both(refused + Bytes{0});
  const Bytes opt = {0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0};
  Bytes with_opt = refused + opt;
  both(with_opt);  // which the header does not count
  with_opt[11] = 1;
  EXPECT_EQ(Match(with_opt), ReplyMatch::kMatch);
  both(with_opt + Bytes{0});
  Bytes with_tsig = refused + Bytes{1, 'k', 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 1, 9} + opt;
  with_tsig[11] = 2;
  EXPECT_EQ(Match(with_tsig), ReplyMatch::kMatch);
  Bytes other = with_opt;
  other[14] = 1;  // an A record
  both(other);
  other = with_opt;
  other[22] = 1;  // longer than the message
  both(other);
  other = with_opt;
  other[7] = 1;  // the record counts as an answer
  both(other);
  for (const int rcode : {0, 3}) {
    Bytes reply = refused;
    reply[3] = static_cast<uint8_t>(0x80 | rcode);
    both(reply);
  }
  Bytes query = refused;
  query[2] = 0x01;
  EXPECT_EQ(Match(query, {.allow_empty_response = true}), ReplyMatch::kNotAReply);
}

}  // namespace
}  // namespace breakwater::dns
