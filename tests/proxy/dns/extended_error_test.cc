#include "proxy/dns/extended_error.h"

#include <gtest/gtest.h>

#include "tests/proxy/dns/packet.h"

namespace breakwater::dns {
namespace {

using test::Bytes;
using test::operator+;
using test::Option;
using test::Packet;
using test::Room;

TEST(ExtendedErrorTest, ReadsCodeAndText) {
  const Bytes data = {0, 15, 'n', 'o', 0};
  const auto error = ParseExtendedError(data);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, 15);
  EXPECT_EQ(error->text, "no");
  EXPECT_EQ(ParseExtendedError(Bytes{1, 0})->code, 256);
  EXPECT_EQ(ParseExtendedError(Bytes{0}).error(), Error::kBadOption);
}

TEST(ExtendedErrorTest, AppendsToTheOpt) {
  const Packet packet = Packet::Reply("a").Opt(Option(15, {0, 3}));
  Room room(packet.bytes(), 128);
  ASSERT_TRUE(AppendExtendedError(room.edit(), packet.question_end(), {15, "blocked"}));
  const Bytes message = room.message();
  const auto errors = ListExtendedErrors(message, *FindEdns(message, packet.question_end()));
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0].code, 3);
  EXPECT_EQ(errors[1].code, 15);
  EXPECT_EQ(errors[1].text, "blocked");
}

TEST(ExtendedErrorTest, NothingChangesWithoutOptOrRoom) {
  const Packet bare = Packet::Reply("a");
  Room without(bare.bytes(), 128);
  EXPECT_EQ(AppendExtendedError(without.edit(), bare.question_end(), {0, ""}).error(),
            Error::kNotFound);
  EXPECT_EQ(without.message(), bare.bytes());
  const Packet packet = Packet::Reply("a").Opt();
  Room tight(packet.bytes(), packet.bytes().size() + 7);
  EXPECT_EQ(AppendExtendedError(tight.edit(), packet.question_end(), {0, "xx"}).error(),
            Error::kNoSpace);
  EXPECT_EQ(tight.message(), packet.bytes());
  EXPECT_TRUE(AppendExtendedError(tight.edit(), packet.question_end(), {0, "x"}));
}

TEST(ExtendedErrorTest, LongTextIsCutBetweenCharacters) {
  const Packet packet = Packet::Reply("a").Opt();
  Room room(packet.bytes(), 4096);
  const std::string text = std::string(511, 'a') + "\xc3\xa9\xc3\xa9";
  ASSERT_TRUE(AppendExtendedError(room.edit(), packet.question_end(), {0, text}));
  const Bytes message = room.message();
  const auto errors = ListExtendedErrors(message, *FindEdns(message, packet.question_end()));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].text, std::string(511, 'a'));
}

TEST(ExtendedErrorTest, NamesOfTheRegistry) {
  EXPECT_EQ(ExtendedErrorName(0), "Other");
  EXPECT_EQ(ExtendedErrorName(3), "Stale Answer");
  EXPECT_EQ(ExtendedErrorName(19), "Stale NXDOMAIN Answer");
  EXPECT_EQ(ExtendedErrorName(29), "Synthesized");
  EXPECT_EQ(ExtendedErrorName(30), "EDE30");
}

}  // namespace
}  // namespace breakwater::dns
