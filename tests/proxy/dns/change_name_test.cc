#include <gtest/gtest.h>

#include "proxy/dns/rewrite.h"
#include "tests/proxy/dns/packet.h"
#include "tests/proxy/dns/records.h"

namespace breakwater::dns {
namespace {

using test::Bytes;
using test::operator+;
using test::DescribeRecords;
using test::Option;
using test::Packet;
using test::Room;
using test::WireName;

const Bytes kOwner = {0xc0, 12};
const Bytes kV4 = {192, 0, 2, 1};

Result<void> Change(Room& room, std::string_view name, ChangeNameOptions options = {}) {
  const Bytes message = room.message();
  return ChangeName(room.edit(), *ParseQuestion(message), *Name::Parse(name), options);
}

TEST(ChangeNameTest, QueryGrowsAndShrinks) {
  const Bytes cookie = Option(10, Bytes(8, 1));
  Room room(Packet::Query("b.example").Opt(cookie).Raw({7}).bytes(), 128);
  ASSERT_TRUE(Change(room, "much.longer.example.org"));
  EXPECT_EQ(room.message(), Packet::Query("much.longer.example.org").Opt(cookie).Raw({7}).bytes());
  ASSERT_TRUE(Change(room, "."));
  EXPECT_EQ(room.message(), Packet::Query("").Opt(cookie).Raw({7}).bytes());
}

Packet Answer() {
  Packet packet = Packet::Reply("www.example.com");
  packet.Rr(Section::kAnswer, kOwner, Type::kCname, 1, Bytes{2, 'w', '2', 0xc0, 16});
  packet.Rr(Section::kAnswer, Bytes{2, 'w', '2', 0xc0, 16}, Type::kMx, 1,
            Bytes{0, 5, 4, 'm', 'a', 'i', 'l', 0xc0, 16});
  packet.Rr(Section::kAnswer, WireName("WWW.example.com"), Type::kSrv, 1,
            Bytes{0, 1, 0, 2, 0, 3} + kOwner);
  packet.Rr(Section::kAuthority, {0xc0, 16}, Type::kSoa, 1,
            Bytes{2, 'n', 's', 0xc0, 16} + kOwner + Bytes(20, 9));
  return packet.Opt(Option(15, {0, 1}));
}

TEST(ChangeNameTest, AnswerKeepsItsRdataAndItsOtherOwners) {
  const Packet packet = Answer();
  Room room(packet.bytes(), 512);
  ASSERT_TRUE(Change(room, "alias.example.net", {.owners = true}));
  const Bytes message = room.message();
  const auto question = ParseQuestion(message);
  ASSERT_TRUE(question);
  const std::vector<std::string> wanted = {
      "1 alias.example.net. CNAME IN 1  w2.example.com. ",
      "1 w2.example.com. MX IN 1 0005 mail.example.com. ",
      "1 alias.example.net. SRV IN 1 000100020003 www.example.com. ",
      "2 example.com. SOA IN 1  ns.example.com. www.example.com. "
      "0909090909090909090909090909090909090909",
      "3 . OPT CLASS1232 0 000f00020001",
  };
  EXPECT_EQ(DescribeRecords(message, question->end()), wanted);
}

TEST(ChangeNameTest, OwnersStayUnlessAskedFor) {
  const Packet packet = Answer();
  Room room(packet.bytes(), 512);
  const auto before = DescribeRecords(packet.bytes(), packet.question_end());
  ASSERT_TRUE(Change(room, "x"));
  const Bytes message = room.message();
  EXPECT_EQ(DescribeRecords(message, ParseQuestion(message)->end()), before);
  ASSERT_TRUE(Change(room, "www.example.com"));
  const Bytes again = room.message();
  EXPECT_EQ(DescribeRecords(again, ParseQuestion(again)->end()), before);
}

TEST(ChangeNameTest, UnknownTypesForbidIt) {
  for (const Type type : {Type::kHttps, Type::kSvcb, Type::kNaptr, static_cast<Type>(65280)}) {
    Packet packet = Packet::Reply("example.com");
    packet.Rr(Section::kAnswer, kOwner, type, 1, Bytes(5, 0));
    Room room(packet.bytes(), 512);
    EXPECT_EQ(Change(room, "x").error(), Error::kUnsupported);
    EXPECT_EQ(room.message(), packet.bytes());
  }
}

TEST(ChangeNameTest, BadNamesInRdataForbidIt) {
  Packet packet = Packet::Reply("example.com");
  packet.Rr(Section::kAnswer, kOwner, Type::kCname, 1, Bytes{0xc0, 0xff});
  Room room(packet.bytes(), 512);
  EXPECT_EQ(Change(room, "x").error(), Error::kBadPointer);
  Packet past = Packet::Reply("example.com");
  past.Rr(Section::kAnswer, kOwner, Type::kCname, 1, Bytes{1});
  past.Raw({'a', 0});
  Room room2(past.bytes(), 512);
  EXPECT_EQ(Change(room2, "x").error(), Error::kTruncated);
  EXPECT_EQ(room2.message(), past.bytes());
}

class ChangeNameGrowthTest : public testing::TestWithParam<size_t> {};

TEST_P(ChangeNameGrowthTest, RecordsFitExactlyOrNothingChanges) {
  const size_t capacity = GetParam();
  for (const size_t spare : {size_t{4}, size_t{3}}) {
    Packet packet = Packet::Reply("example.com");
    const size_t fixed = packet.bytes().size() + 12;
    packet.Rr(Section::kAnswer, kOwner, Type::kTxt, 1, Bytes(capacity - spare - fixed, 7));
    Room room(packet.bytes(), capacity);
    const auto changed = Change(room, "www.example.com", {.owners = true});
    EXPECT_EQ(changed.has_value(), spare == 4);
    if (changed) {
      EXPECT_EQ(room.edit().size, capacity);
    } else {
      EXPECT_EQ(changed.error(), Error::kNoSpace);
      EXPECT_EQ(room.message(), packet.bytes());
    }
  }
}

TEST_P(ChangeNameGrowthTest, QueryFitsExactlyOrNothingChanges) {
  const size_t capacity = GetParam();
  for (const size_t spare : {size_t{4}, size_t{3}}) {
    const Packet bare = Packet::Query("example.com").Opt();
    const size_t padding = capacity - spare - bare.bytes().size() - 4;
    const Packet packet = Packet::Query("example.com").Opt(Option(12, Bytes(padding, 0)));
    Room room(packet.bytes(), capacity);
    const auto changed = Change(room, "www.example.com");
    EXPECT_EQ(changed.has_value(), spare == 4);
    if (!changed) {
      EXPECT_EQ(room.message(), packet.bytes());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Capacities, ChangeNameGrowthTest, testing::Values(512, 4096, 65535));

TEST(ChangeNameTest, ManyNamesAreCompressedAgain) {
  Packet packet = Packet::Reply("example.com");
  for (int i = 0; i < 100; ++i) {
    packet.Rr(Section::kAnswer, kOwner, Type::kNs, 1, WireName("ns.example.com"));
  }
  Room room(packet.bytes(), packet.bytes().size() + 32);
  const auto before = DescribeRecords(packet.bytes(), packet.question_end());
  ASSERT_TRUE(Change(room, "x"));
  const Bytes message = room.message();
  EXPECT_LT(message.size(), 12 + 7 + 100 * 14 + 30u);
  EXPECT_EQ(DescribeRecords(message, ParseQuestion(message)->end()), before);
}

}  // namespace
}  // namespace breakwater::dns
