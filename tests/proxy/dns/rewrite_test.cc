#include "proxy/dns/rewrite.h"

#include <gtest/gtest.h>

#include "tests/proxy/dns/packet.h"

namespace breakwater::dns {
namespace {

using test::Bytes;
using test::operator+;
using test::Option;
using test::Packet;
using test::Room;

const Bytes kOwner = {0xc0, 12};
const Bytes kV4 = {192, 0, 2, 1};

Packet WithTtls(std::initializer_list<uint32_t> ttls) {
  Packet packet = Packet::Reply("example.com");
  for (const uint32_t ttl : ttls) packet.Rr(Section::kAnswer, kOwner, Type::kA, ttl, kV4);
  return packet.Opt({}, 1232, 0x00008000);
}

std::vector<uint32_t> Ttls(const Bytes& message, size_t question_end) {
  std::vector<uint32_t> ttls;
  RecordWalker walker(message, question_end);
  while (walker.Next()) ttls.push_back(walker.record().ttl);
  return ttls;
}

std::vector<uint32_t> Limited(const Packet& packet, const TtlLimits& limits) {
  Bytes message = packet.bytes();
  EXPECT_TRUE(LimitTtls(message, packet.question_end(), limits));
  return Ttls(message, packet.question_end());
}

using Numbers = std::vector<uint32_t>;

TEST(TtlTest, LimitsApplyToAllButTheOpt) {
  const Packet packet = WithTtls({0, 10, 1000});
  EXPECT_EQ(Limited(packet, {.min = 60}), (Numbers{60, 60, 1000, 0x8000}));
  EXPECT_EQ(Limited(packet, {.max = 60}), (Numbers{0, 10, 60, 0x8000}));
  EXPECT_EQ(Limited(packet, {.min = 20, .max = 30}), (Numbers{20, 20, 30, 0x8000}));
}

TEST(TtlTest, MaximumWinsAndZeroIsNeverWritten) {
  EXPECT_EQ(Limited(WithTtls({10}), {.min = 60, .max = 30}), (Numbers{30, 0x8000}));
  EXPECT_EQ(Limited(WithTtls({10}), {.max = 0}), (Numbers{10, 0x8000}));
}

TEST(TtlTest, RecordsBehindTheOptAreLeftAlone) {
  Packet packet = WithTtls({10});
  packet.Rr(Section::kAdditional, kOwner, Type::kA, 5, kV4);
  EXPECT_EQ(Limited(packet, {.min = 60}), (Numbers{60, 0x8000, 5}));
  EXPECT_EQ(**LowestTtl(packet.bytes(), packet.question_end()), 10u);
}

TEST(TtlTest, TypesLimitItWithinClassInOnly) {
  Packet packet = Packet::Reply("a");
  packet.Rr(Section::kAnswer, kOwner, Type::kA, 1, kV4);
  packet.Rr(Section::kAnswer, kOwner, Type::kTxt, 1, kV4);
  const size_t chaos_at = packet.bytes().size();
  packet.Rr(Section::kAnswer, kOwner, Type::kTxt, 1, kV4);
  Bytes message = packet.bytes();
  message[chaos_at + 5] = 3;
  const Type types[] = {Type::kA};
  ASSERT_TRUE(LimitTtls(message, packet.question_end(), {.min = 60, .types = types}));
  EXPECT_EQ(Ttls(message, packet.question_end()), (Numbers{60, 1, 60}));
}

TEST(TtlTest, ReducedTtlIsRoundedDownButNotToZero) {
  const Packet packet = WithTtls({1, 101, UINT32_MAX});
  Bytes message = packet.bytes();
  ASSERT_TRUE(ReduceTtls(message, packet.question_end(), 50));
  EXPECT_EQ(Ttls(message, packet.question_end()), (Numbers{1, 50, UINT32_MAX / 2, 0x8000}));
}

TEST(TtlTest, LowestOfNothingIsNothing) {
  const Packet packet = WithTtls({});
  const auto lowest = LowestTtl(packet.bytes(), packet.question_end());
  ASSERT_TRUE(lowest);
  EXPECT_FALSE(*lowest);
  EXPECT_EQ(**LowestTtl(WithTtls({30, 20, 40}).bytes(), packet.question_end()), 20u);
  EXPECT_FALSE(LowestTtl(Packet::Reply("a").Count(Section::kAnswer).bytes(), 19));
}

TEST(TrailingDataTest, StandsBehindTheLastRecord) {
  const Packet packet = WithTtls({10});
  const Bytes tail = {1, 2, 3};
  Room room(packet.bytes() + Bytes{9, 9}, packet.bytes().size() + 3);
  ASSERT_TRUE(SetTrailingData(room.edit(), packet.question_end(), tail));
  EXPECT_EQ(room.message(), packet.bytes() + tail);
  ASSERT_TRUE(SetTrailingData(room.edit(), packet.question_end(), {}));
  EXPECT_EQ(room.message(), packet.bytes());
}

TEST(TrailingDataTest, WhatDoesNotFitOrCannotBeReadStays) {
  const Packet packet = WithTtls({10});
  const Bytes tail = {1, 2, 3};
  Room small(packet.bytes(), packet.bytes().size() + 2);
  EXPECT_EQ(SetTrailingData(small.edit(), packet.question_end(), tail).error(), Error::kNoSpace);
  Packet broken = packet;
  broken.Count(Section::kAdditional);
  Room room(broken.bytes(), 512);
  EXPECT_FALSE(SetTrailingData(room.edit(), packet.question_end(), tail));
  EXPECT_EQ(room.message(), broken.bytes());
}

TEST(DropTest, TruncatedAnswerKeepsQuestionAndOpt) {
  const Packet packet = WithTtls({1, 2, 3}).Raw({1, 2, 3});
  Room room(packet.bytes(), packet.bytes().size());
  TruncateAnswer(room.edit(), packet.question_end());
  Bytes wanted = Packet::Reply("example.com").Opt({}, 1232, 0x8000).bytes();
  wanted[2] |= 0x02;
  EXPECT_EQ(room.message(), wanted);
}

TEST(DropTest, BrokenRecordsLeaveTheQuestionAlone) {
  const Packet packet = WithTtls({1}).Count(Section::kAnswer);
  Room room(packet.bytes(), packet.bytes().size());
  DropRecords(room.edit(), packet.question_end(), {});
  EXPECT_EQ(room.message(), Packet::Reply("example.com").bytes());
}

TEST(DropTest, OptGoesToo) {
  const Packet packet = WithTtls({1});
  Room room(packet.bytes(), packet.bytes().size());
  DropRecords(room.edit(), packet.question_end(), {.keep_opt = false});
  EXPECT_EQ(room.message(), Packet::Reply("example.com").bytes());
}

TEST(ClearRecordTypesTest, ListedTypesGoFromAllSections) {
  const auto make = [](bool with_aaaa) {
    Packet packet = Packet::Reply("example.com");
    packet.Rr(Section::kAnswer, kOwner, Type::kA, 1, kV4);
    if (with_aaaa) packet.Rr(Section::kAnswer, kOwner, Type::kAaaa, 1, Bytes(16, 1));
    if (with_aaaa) packet.Rr(Section::kAuthority, kOwner, Type::kNs, 1, kOwner);
    packet.Opt(Option(15, {0, 1}));
    packet.Rr(Section::kAdditional, Bytes{1, 'w', 0xc0, 12}, Type::kA, 1, kV4);
    return packet.Raw({9});
  };
  const Packet packet = make(true);
  Room room(packet.bytes(), packet.bytes().size());
  const Type types[] = {Type::kAaaa, Type::kNs};
  const auto cleared = ClearRecordTypes(room.edit(), packet.question_end(), types);
  ASSERT_TRUE(cleared);
  EXPECT_TRUE(*cleared);
  EXPECT_EQ(room.message(), make(false).bytes());
  EXPECT_FALSE(*ClearRecordTypes(room.edit(), packet.question_end(), types));
}

TEST(ClearRecordTypesTest, NamesThatMayBeCompressedForbidIt) {
  Packet packet = Packet::Reply("example.com");
  packet.Rr(Section::kAnswer, kOwner, Type::kCname, 1, Bytes{1, 'w', 0xc0, 12});
  packet.Rr(Section::kAnswer, Bytes{1, 'w', 0xc0, 12}, Type::kA, 1, kV4);
  Room room(packet.bytes(), 512);
  const Type types[] = {Type::kA};
  EXPECT_EQ(ClearRecordTypes(room.edit(), packet.question_end(), types).error(),
            Error::kUnsupported);
  EXPECT_EQ(room.message(), packet.bytes());
}

}  // namespace
}  // namespace breakwater::dns
