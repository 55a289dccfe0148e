#include "proxy/dns/record_walker.h"

#include <gtest/gtest.h>

#include "tests/proxy/dns/packet.h"

namespace breakwater::dns {
namespace {

using test::Bytes;
using test::operator+;
using test::Packet;
using test::WireName;

const Bytes kOwner = {0xc0, 12};

Packet Sample() {
  Packet packet = Packet::Reply("www.example.com");
  packet.Rr(Section::kAnswer, kOwner, Type::kA, 300, {192, 0, 2, 1});
  packet.Rr(Section::kAuthority, {0xc0, 16}, Type::kNs, 600, Bytes{2, 'n', 's', 0xc0, 16});
  packet.Rr(Section::kAdditional, WireName("ns.example.com"), Type::kAaaa, 900, Bytes(16, 1));
  return packet;
}

TEST(RecordWalkerTest, WalksAllSectionsInOrder) {
  const Packet packet = Sample();
  RecordWalker walker(packet.bytes(), packet.question_end());
  ASSERT_TRUE(walker.Next());
  EXPECT_EQ(walker.record().section, Section::kAnswer);
  EXPECT_EQ(walker.record().type, Type::kA);
  EXPECT_EQ(walker.record().ttl, 300u);
  EXPECT_EQ(walker.record().rdata_length, 4);
  EXPECT_EQ(packet.bytes()[walker.record().rdata_offset], 192);
  EXPECT_EQ(walker.OwnerName()->ToString(), "www.example.com.");
  ASSERT_TRUE(walker.Next());
  EXPECT_EQ(walker.record().section, Section::kAuthority);
  EXPECT_EQ(walker.OwnerName()->ToString(), "example.com.");
  ASSERT_TRUE(walker.Next());
  EXPECT_EQ(walker.record().section, Section::kAdditional);
  EXPECT_EQ(walker.record().cls, Class::kIn);
  EXPECT_EQ(walker.OwnerName()->ToString(), "ns.example.com.");
  EXPECT_FALSE(walker.Next());
  EXPECT_TRUE(walker.ok());
  EXPECT_EQ(walker.end_offset(), packet.bytes().size());
}

TEST(RecordWalkerTest, TrailingBytesAreNotRecords) {
  Packet packet = Sample();
  const size_t size = packet.bytes().size();
  packet.Raw({1, 2, 3});
  RecordWalker walker(packet.bytes(), packet.question_end());
  while (walker.Next()) continue;
  EXPECT_TRUE(walker.ok());
  EXPECT_EQ(walker.end_offset(), size);
}

TEST(RecordWalkerTest, EveryTruncationIsNoticed) {
  const Packet packet = Sample();
  for (size_t size = 12; size < packet.bytes().size(); ++size) {
    const Bytes part(packet.bytes().begin(), packet.bytes().begin() + static_cast<long>(size));
    RecordWalker walker(part, packet.question_end());
    while (walker.Next()) continue;
    EXPECT_FALSE(walker.ok()) << size;
    EXPECT_FALSE(walker.Next()) << size;
  }
}

TEST(RecordWalkerTest, InflatedCountIsABadCount) {
  Packet packet = Sample();
  packet.Count(Section::kAdditional);
  RecordWalker walker(packet.bytes(), packet.question_end());
  int records = 0;
  while (walker.Next()) ++records;
  EXPECT_EQ(records, 3);
  EXPECT_FALSE(walker.ok());
  EXPECT_EQ(walker.error(), Error::kBadCount);
}

TEST(RecordWalkerTest, SecondQuestionIsABadCount) {
  Packet packet = Sample();
  packet.Count(Section::kQuestion);
  RecordWalker walker(packet.bytes(), packet.question_end());
  EXPECT_FALSE(walker.Next());
  EXPECT_EQ(walker.error(), Error::kBadCount);
}

TEST(RecordWalkerTest, BadOwnersAreNamed) {
  const auto walk = [](const Bytes& owner) {
    Packet packet = Packet::Reply("a");
    packet.Rr(Section::kAnswer, owner, Type::kA, 1, {1, 2, 3, 4});
    RecordWalker walker(packet.bytes(), packet.question_end());
    EXPECT_FALSE(walker.Next());
    return walker.error();
  };
  EXPECT_EQ(walk({0xc0, 19}), Error::kBadPointer);
  EXPECT_EQ(walk({0xc0, 0}), Error::kBadPointer);
  EXPECT_EQ(walk({0xff, 0xff}), Error::kBadPointer);
  EXPECT_EQ(walk({0x40, 0}), Error::kBadLabel);
  EXPECT_EQ(walk(Bytes(300, 1)), Error::kNameTooLong);
}

TEST(RecordWalkerTest, RecordsStartBehindTheOnlyQuestion) {
  EXPECT_EQ(*RecordsStart(Packet::Query("ab").bytes()), 20u);
  EXPECT_EQ(*RecordsStart(Bytes(12, 0)), 12u);
  EXPECT_EQ(RecordsStart(Bytes(11, 0)).error(), Error::kTruncated);
  EXPECT_EQ(RecordsStart(Packet::Query("ab").Count(Section::kQuestion).bytes()).error(),
            Error::kBadCount);
}

}  // namespace
}  // namespace breakwater::dns
