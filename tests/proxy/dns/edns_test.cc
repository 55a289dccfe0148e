#include "proxy/dns/edns.h"

#include <gtest/gtest.h>

#include "proxy/dns/record_walker.h"
#include "tests/proxy/dns/packet.h"

namespace breakwater::dns {
namespace {

using test::Bytes;
using test::operator+;
using test::Option;
using test::Packet;
using test::Room;
using test::WireName;

constexpr auto kCookieCode = OptionCode::kCookie;
const Bytes kCookie = Option(10, {1, 2, 3, 4, 5, 6, 7, 8});
const Bytes kPadding = Option(12, Bytes(5, 0));

Result<Edns> Find(const Packet& packet) {
  return FindEdns(packet.bytes(), packet.question_end());
}

TEST(EdnsTest, NoOptIsNoError) {
  const auto edns = Find(Packet::Query("a"));
  ASSERT_TRUE(edns);
  EXPECT_FALSE(edns->present);
}

TEST(EdnsTest, FieldsOfALoneOpt) {
  const Packet packet = Packet::Query("a").Opt(kCookie + kPadding, 4096, 0x01028000);
  const auto edns = Find(packet);
  ASSERT_TRUE(edns && edns->present);
  EXPECT_EQ(edns->udp_size, 4096);
  EXPECT_EQ(edns->extended_rcode, 1);
  EXPECT_EQ(edns->version, 2);
  EXPECT_TRUE(edns->dnssec_ok);
  EXPECT_EQ(edns->offset, packet.question_end());
  EXPECT_EQ(edns->end(), packet.bytes().size());
  EXPECT_EQ(FindOption(packet.bytes(), *edns, kCookieCode)->size(), 8u);
  EXPECT_EQ(FindOption(packet.bytes(), *edns, OptionCode::kPadding)->size(), 5u);
  EXPECT_FALSE(FindOption(packet.bytes(), *edns, OptionCode::kClientSubnet));
}

TEST(EdnsTest, OptIsFoundBehindOtherRecords) {
  Packet packet = Packet::Reply("a");
  packet.Rr(Section::kAnswer, {0xc0, 12}, Type::kA, 1, {1, 2, 3, 4}).Opt(kCookie);
  packet.Rr(Section::kAdditional, {0xc0, 12}, Type::kA, 1, {1, 2, 3, 4});
  const auto edns = Find(packet);
  ASSERT_TRUE(edns);
  EXPECT_TRUE(edns->present);
  EXPECT_EQ(edns->offset, packet.question_end() + 16);
}

TEST(EdnsTest, OddOptsAreRefused) {
  EXPECT_EQ(Find(Packet::Query("a").Opt().Opt()).error(), Error::kBadOpt);
  EXPECT_EQ(Find(Packet::Query("a").Rr(Section::kAnswer, {0}, Type::kOpt, 0, {})).error(),
            Error::kBadOpt);
  EXPECT_EQ(
      Find(Packet::Query("a").Rr(Section::kAdditional, {0xc0, 12}, Type::kOpt, 0, {})).error(),
      Error::kBadOpt);
  EXPECT_EQ(Find(Packet::Query("a").Opt({0, 10, 0, 8, 1})).error(), Error::kBadOpt);
  EXPECT_EQ(Find(Packet::Query("a").Opt({0, 10, 0})).error(), Error::kBadOpt);
}

TEST(EdnsTest, CountsThatDoNotAddUpAreRefused) {
  EXPECT_EQ(Find(Packet::Query("a").Count(Section::kAdditional)).error(), Error::kBadCount);
  EXPECT_EQ(Find(Packet::Query("a").Opt().Count(Section::kAdditional)).error(), Error::kBadCount);
  const Packet whole = Packet::Query("a").Opt(kCookie);
  for (size_t size = whole.question_end() + 1; size < whole.bytes().size(); ++size) {
    const Bytes part(whole.bytes().begin(), whole.bytes().begin() + static_cast<long>(size));
    EXPECT_EQ(FindEdns(part, whole.question_end()).error(), Error::kTruncated) << size;
  }
}

TEST(EdnsTest, AddOptWritesItsFields) {
  Room room(Packet::Query("a").bytes(), 64);
  ASSERT_TRUE(AddOpt(room.edit(), {.udp_size = 1400, .extended_rcode = 1, .dnssec_ok = true}));
  EXPECT_EQ(room.message(), Packet::Query("a").Opt({}, 1400, 0x01008000).bytes());
  EXPECT_EQ(AddOpt(room.edit(), {}).error(), Error::kBadOpt);
}

TEST(EdnsTest, AddOptGoesInFrontOfTrailingBytes) {
  Room room(Packet::Query("a").Raw({7, 7}).bytes(), 64);
  ASSERT_TRUE(AddOpt(room.edit(), {}));
  EXPECT_EQ(room.message(), Packet::Query("a").Opt().Raw({7, 7}).bytes());
}

TEST(EdnsTest, SetOptionReplacesAllOfItsCode) {
  const Packet packet = Packet::Query("a").Opt(kCookie + kPadding + kCookie);
  Room room(packet.bytes(), 128);
  const Bytes data = {9, 9};
  ASSERT_TRUE(SetOption(room.edit(), packet.question_end(), kCookieCode, data));
  EXPECT_EQ(room.message(), Packet::Query("a").Opt(kPadding + Option(10, data)).bytes());
}

TEST(EdnsTest, SetOptionAddsAnOpt) {
  const Packet packet = Packet::Query("a");
  Room room(packet.bytes(), 128);
  ASSERT_TRUE(SetOption(room.edit(), packet.question_end(), kCookieCode, Bytes{9}));
  EXPECT_EQ(room.message(), Packet::Query("a").Opt(Option(10, {9})).bytes());
}

TEST(EdnsTest, RemovingKeepsTheRecordsBehind) {
  const auto make = [](const Bytes& options) {
    Packet packet = Packet::Query("a");
    packet.Opt(options);
    packet.Rr(Section::kAdditional, {0xc0, 12}, Type::kA, 1, {1, 2, 3, 4}).Raw({5});
    return packet;
  };
  const Packet packet = make(kCookie + kPadding);
  Room room(packet.bytes(), packet.bytes().size());
  ASSERT_TRUE(RemoveOption(room.edit(), packet.question_end(), kCookieCode));
  EXPECT_EQ(room.message(), make(kPadding).bytes());
  ASSERT_TRUE(RemoveOption(room.edit(), packet.question_end(), kCookieCode));
  EXPECT_EQ(room.message(), make(kPadding).bytes());
  ASSERT_TRUE(RemoveOption(room.edit(), packet.question_end(), OptionCode::kPadding));
  EXPECT_EQ(room.message(), make({}).bytes());
  ASSERT_TRUE(RemoveOpt(room.edit(), packet.question_end()));
  Packet bare = Packet::Query("a");
  bare.Rr(Section::kAdditional, {0xc0, 12}, Type::kA, 1, {1, 2, 3, 4}).Raw({5});
  EXPECT_EQ(room.message(), bare.bytes());
}

TEST(EdnsTest, KeepOptionsDropsTheOthers) {
  const Packet packet = Packet::Query("a").Opt(kCookie + kPadding + Option(15, {0, 3}));
  Room room(packet.bytes(), packet.bytes().size());
  const auto keep = [](OptionCode code, std::span<const uint8_t> data) {
    return code == OptionCode::kExtendedError && data.size() == 2;
  };
  ASSERT_TRUE(KeepOptions(room.edit(), packet.question_end(), keep));
  EXPECT_EQ(room.message(), Packet::Query("a").Opt(Option(15, {0, 3})).bytes());
}

TEST(EdnsTest, AppendOptionKeepsTheSameCode) {
  const Packet packet = Packet::Query("a").Opt(Option(15, {0, 3}));
  Room room(packet.bytes(), 128);
  const Bytes data = {0, 4};
  ASSERT_TRUE(AppendOption(room.edit(), packet.question_end(), OptionCode::kExtendedError, data));
  EXPECT_EQ(room.message(),
            Packet::Query("a").Opt(Option(15, {0, 3}) + Option(15, {0, 4})).bytes());
  Room bare(Packet::Query("a").bytes(), 128);
  EXPECT_EQ(AppendOption(bare.edit(), packet.question_end(), kCookieCode, data).error(),
            Error::kNotFound);
}

TEST(EdnsTest, SignedMessagesAreNotEdited) {
  Packet packet = Packet::Query("a").Opt(kCookie);
  packet.Rr(Section::kAdditional, WireName("key"), Type::kTsig, 0, Bytes(20, 0));
  Room room(packet.bytes(), 256);
  const size_t end = packet.question_end();
  EXPECT_EQ(SetOption(room.edit(), end, kCookieCode, Bytes{1}).error(), Error::kUnsupported);
  EXPECT_EQ(RemoveOption(room.edit(), end, kCookieCode).error(), Error::kUnsupported);
  EXPECT_EQ(RemoveOpt(room.edit(), end).error(), Error::kUnsupported);
  EXPECT_TRUE(RemoveOption(room.edit(), end, OptionCode::kPadding));  // nothing to take out
  EXPECT_EQ(room.message(), packet.bytes());
}

TEST(EdnsTest, PointersBehindTheOptForbidMovingIt) {
  Packet packet = Packet::Query("a").Opt(kCookie);
  const size_t at = packet.bytes().size();
  packet.Rr(Section::kAdditional, WireName("b"), Type::kA, 1, {1, 2, 3, 4});
  packet.Rr(Section::kAdditional, {0xc0, static_cast<uint8_t>(at)}, Type::kA, 1, {1, 2, 3, 4});
  Room room(packet.bytes(), 256);
  EXPECT_EQ(RemoveOpt(room.edit(), packet.question_end()).error(), Error::kUnsupported);
  EXPECT_EQ(room.message(), packet.bytes());
}

class EdnsGrowthTest : public testing::TestWithParam<size_t> {};

// A message that leaves exactly `spare` bytes of a buffer of `capacity`.
Packet Filled(size_t capacity, size_t spare) {
  Packet packet = Packet::Query("example.com");
  const size_t rdata = capacity - spare - packet.bytes().size() - 12;
  packet.Rr(Section::kAnswer, {0xc0, 12}, Type::kTxt, 1, Bytes(rdata, 7));
  return packet;
}

TEST_P(EdnsGrowthTest, OptFitsExactlyOrNotAtAll) {
  const size_t capacity = GetParam();
  {
    Room room(Filled(capacity, 11).bytes(), capacity);
    EXPECT_TRUE(AddOpt(room.edit(), {}));
    EXPECT_EQ(room.edit().size, capacity);
  }
  const Packet packet = Filled(capacity, 10);
  Room room(packet.bytes(), capacity);
  EXPECT_EQ(AddOpt(room.edit(), {}).error(), Error::kNoSpace);
  EXPECT_EQ(room.message(), packet.bytes());
}

TEST_P(EdnsGrowthTest, OptionFitsExactlyOrNotAtAll) {
  const size_t capacity = GetParam();
  const Bytes data = {1, 2, 3};
  for (const size_t spare : {size_t{18}, size_t{17}}) {
    const Packet packet = Filled(capacity, spare);
    Room room(packet.bytes(), capacity);
    const auto set = SetOption(room.edit(), packet.question_end(), kCookieCode, data);
    EXPECT_EQ(set.has_value(), spare == 18);
    if (set) {
      EXPECT_EQ(room.edit().size, capacity);
      EXPECT_TRUE(FindEdns(room.message(), packet.question_end())->present);
    } else {
      EXPECT_EQ(set.error(), Error::kNoSpace);
      EXPECT_EQ(room.message(), packet.bytes());
    }
  }
}

TEST_P(EdnsGrowthTest, ReplacedOptionUsesTheRoomOfTheOldOne) {
  const size_t capacity = GetParam();
  const Packet packet = Filled(capacity, 11 + 12).Opt(kCookie);
  Room room(packet.bytes(), capacity);
  const size_t end = packet.question_end();
  EXPECT_TRUE(SetOption(room.edit(), end, kCookieCode, Bytes(8, 1)));
  EXPECT_EQ(SetOption(room.edit(), end, kCookieCode, Bytes(9, 1)).error(), Error::kNoSpace);
  EXPECT_EQ(AppendOption(room.edit(), end, kCookieCode, {}).error(), Error::kNoSpace);
  EXPECT_EQ(room.edit().size, capacity);
}

INSTANTIATE_TEST_SUITE_P(Capacities, EdnsGrowthTest, testing::Values(512, 4096, 65535));

TEST(EdnsTest, MessagesNeverGrowPast65535) {
  const Packet packet = Filled(65535, 10);
  Room room(packet.bytes(), 70000);
  EXPECT_EQ(AddOpt(room.edit(), {}).error(), Error::kNoSpace);
}

}  // namespace
}  // namespace breakwater::dns
