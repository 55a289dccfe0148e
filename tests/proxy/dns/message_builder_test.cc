#include "proxy/dns/message_builder.h"

#include <gtest/gtest.h>

#include "tests/proxy/dns/packet.h"
#include "tests/proxy/dns/records.h"

namespace breakwater::dns {
namespace {

using test::Bytes;
using test::operator+;
using test::Packet;
using test::Room;
using test::WireName;

TEST(MessageBuilderTest, BuildsAQueryFromNothing) {
  Bytes room(512, 0xee);
  MessageBuilder builder(room, 0x1234, kFlagRd);
  builder.AddQuestion(*Name::Parse("example.com"), Type::kAaaa, Class::kIn);
  builder.AddOpt({.udp_size = 1232, .dnssec_ok = true});
  const auto size = builder.Finish();
  ASSERT_TRUE(size);
  room.resize(*size);
  EXPECT_EQ(room, Packet::Query("example.com", Type::kAaaa).Opt({}, 1232, 0x8000).bytes());
}

TEST(MessageBuilderTest, AnswersInPlaceOfAQuery) {
  const Packet query = Packet::Query("example.com").Opt();
  Room room(query.bytes(), 512);
  auto builder = MessageBuilder::OverQuestion(room.edit(), *ParseQuestion(query.bytes()));
  builder.header().set_flags(0x8180);
  builder.AddAddress({.ttl = 60}, *Address::Parse("192.0.2.1"));
  builder.AddAddress({.ttl = 60}, *Address::Parse("2001:db8::1"));
  builder.AddCname({.ttl = 5}, *Name::Parse("a.org"));
  const auto size = builder.Finish();
  ASSERT_TRUE(size);
  room.edit().size = *size;
  Packet wanted = Packet::Reply("example.com");
  const Bytes owner = {0xc0, 12};
  wanted.Rr(Section::kAnswer, owner, Type::kA, 60, {192, 0, 2, 1});
  wanted.Rr(Section::kAnswer, owner, Type::kAaaa, 60,
            Bytes{0x20, 0x01, 0x0d, 0xb8} + Bytes(11, 0) + Bytes{1});
  wanted.Rr(Section::kAnswer, owner, Type::kCname, 5, WireName("a.org"));
  EXPECT_EQ(room.message(), wanted.bytes());
}

TEST(MessageBuilderTest, SoaWithItsOwnOwner) {
  Bytes room(512);
  MessageBuilder builder(room, 1, 0x8403);
  builder.AddQuestion(*Name::Parse("x.example.com"), Type::kA, Class::kIn);
  const Name zone = *Name::Parse("example.com");
  const SoaData soa = {
      *Name::Parse("ns.example.com"), *Name::Parse("mail.example.com"), 1, 2, 3, 4, 5};
  builder.AddSoa({.section = Section::kAuthority, .owner = &zone, .ttl = 7}, soa);
  const auto size = builder.Finish();
  ASSERT_TRUE(size);
  room.resize(*size);
  const auto records = test::DescribeRecords(room, ParseQuestion(room)->end());
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0],
            "2 example.com. SOA IN 7  ns.example.com. mail.example.com. "
            "0000000100000002000000030000000400000005");
}

TEST(MessageBuilderTest, WantOfRoomIsToldAndNothingIsWrittenPastTheEnd) {
  const Packet query = Packet::Query("example.com");
  for (size_t spare = 0; spare < 32; ++spare) {
    Room room(query.bytes(), query.bytes().size() + spare);
    auto builder = MessageBuilder::OverQuestion(room.edit(), *ParseQuestion(query.bytes()));
    const RecordHead head = {.type = Type::kA, .ttl = 1};
    builder.AddRecord(head, Bytes(4, 1));
    builder.AddRecord(head, Bytes(4, 1));
    EXPECT_EQ(builder.Finish().has_value(), spare >= 2 * MessageBuilder::RecordSize(head, 4));
  }
}

TEST(MessageBuilderTest, MisuseIsToldInsteadOfSent) {
  Bytes room(512);
  MessageBuilder out_of_order(room, 1, 0);
  const Name root;
  out_of_order.AddOpt({});
  out_of_order.AddRecord({.owner = &root, .type = Type::kA}, Bytes(4));
  EXPECT_EQ(out_of_order.Finish().error(), Error::kUnsupported);
  MessageBuilder no_question(room, 1, 0);
  no_question.AddRecord({.type = Type::kA}, Bytes(4));
  EXPECT_EQ(no_question.Finish().error(), Error::kUnsupported);
}

TEST(MessageBuilderTest, NoMessageIsOver65535) {
  Bytes room(80000);
  MessageBuilder builder(room, 1, 0);
  builder.AddQuestion(Name(), Type::kTxt, Class::kIn);
  builder.AddRecord({.type = Type::kTxt}, Bytes(65535));
  EXPECT_EQ(builder.Finish().error(), Error::kNoSpace);
}

}  // namespace
}  // namespace breakwater::dns
