#include "proxy/query/transport_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/query_maker.h"

namespace breakwater {
namespace {

using testing::HasSubstr;
using testing::Not;

class TransportOptionsTest : public testing::Test {
 protected:
  QueryPtr Noted(std::string_view description) {
    QueryPtr query = maker.Make(description);
    NoteTransportOptions(*query);
    return query;
  }
  // The answer to what `asked` noted.
  QueryPtr Written(std::string_view answer, const Query& asked, uint32_t idle_s = 2) {
    QueryPtr query = maker.Make(answer);
    query->client_pads = asked.client_pads;
    query->client_keepalive = asked.client_keepalive;
    WriteTransportOptions(*query, maker.pool().packets(), idle_s);
    return query;
  }
  test::QueryMaker maker;
};

TEST_F(TransportOptionsTest, PaddingIsForEncryptedTransportsAlone) {
  EXPECT_TRUE(Noted("a.example +dot +option=12:0000")->client_pads);
  EXPECT_TRUE(Noted("a.example +doh +option=12:")->client_pads);
  EXPECT_FALSE(Noted("a.example +tcp +option=12:0000")->client_pads);
  EXPECT_FALSE(Noted("a.example +dot +edns")->client_pads);
}

TEST_F(TransportOptionsTest, KeepaliveIsForStreamsButNotHttp) {
  EXPECT_TRUE(Noted("a.example +tcp +option=11:")->client_keepalive);
  EXPECT_TRUE(Noted("a.example +dot +option=11:")->client_keepalive);
  EXPECT_FALSE(Noted("a.example +doh +option=11:")->client_keepalive);
}

TEST_F(TransportOptionsTest, AnswersFillBlocksOf468Octets) {
  const QueryPtr asked = Noted("a.example +dot +option=12:00");
  const std::string answer = "a.example +qr +dot / answer a.example 60 A 192.0.2.1";
  EXPECT_EQ(Written(answer, *asked)->size, 468u);
  EXPECT_EQ(Written(answer + " +edns", *asked)->size, 468u);
  EXPECT_EQ(Written(answer + " +option=12:000000000000", *asked)->size, 468u);
  std::string long_answer = "a.example +qr +dot +edns";
  for (int i = 0; i < 40; ++i) long_answer += " / answer a.example 60 A 192.0.2.1";
  const QueryPtr padded = Written(long_answer, *asked);
  EXPECT_EQ(padded->size % 468, 0u);
  EXPECT_GT(padded->size, 468u);
}

TEST_F(TransportOptionsTest, AnAnswerThatAlreadyFillsItsBlocksGetsAnEmptyOption) {
  const QueryPtr asked = Noted("a.example +dot +option=12:00");
  const size_t bare = Written("a.example +qr +dot +edns", *asked)->size;
  ASSERT_EQ(bare, 468u);
  // The question, OPT and two options' headers leave so much for the filler to end at 468.
  const size_t filler = 468 - 12 - 15 - 11 - 4 - 4;
  const QueryPtr full =
      Written("a.example +qr +dot +option=65001:" + std::string(2 * filler, '0'), *asked);
  EXPECT_EQ(full->size, 468u);
  EXPECT_THAT(test::Describe(full->message()), HasSubstr(" 12:"));
}

TEST_F(TransportOptionsTest, KeepaliveTellsOurOwnTimeInPlaceOfTheNameservers) {
  const QueryPtr asked = Noted("a.example +tcp +option=11:");
  const auto describe = [&](std::string_view answer, uint32_t idle_s) {
    return test::Describe(Written(answer, *asked, idle_s)->message());
  };
  EXPECT_THAT(describe("a.example +qr +tcp +option=11:ffff", 2), HasSubstr("11:0014"));
  EXPECT_THAT(describe("a.example +qr +tcp +option=11:ffff", 2), Not(HasSubstr("ffff")));
  EXPECT_THAT(describe("a.example +qr +tcp +edns", 0), HasSubstr("11:ffff"));
}

TEST_F(TransportOptionsTest, NoRoomIn65535OctetsLeavesTheAnswerAlone) {
  const QueryPtr asked = Noted("a.example +dot +option=12:00");
  const std::string txt(2 * 65460, '0');
  QueryPtr query =
      Written("a.example TYPE65280 +qr +dot +edns / answer a.example 60 TYPE65280 " + txt, *asked);
  EXPECT_LE(query->size, 65535u);
  EXPECT_THAT(test::Describe(query->message()), Not(HasSubstr(" 12:")));
}

}  // namespace
}  // namespace breakwater
