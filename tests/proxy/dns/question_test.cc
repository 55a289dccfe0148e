#include "proxy/dns/question.h"

#include <gtest/gtest.h>

#include "tests/proxy/dns/packet.h"

namespace breakwater::dns {
namespace {

using test::Bytes;
using test::operator+;
using test::Packet;

TEST(QuestionTest, ReadsNameTypeAndClass) {
  const Packet packet = Packet::Query("www.example.com", Type::kAaaa);
  const auto question = ParseQuestion(packet.bytes());
  ASSERT_TRUE(question);
  EXPECT_EQ(question->name_length, 17);
  EXPECT_EQ(question->type, Type::kAaaa);
  EXPECT_EQ(question->cls, Class::kIn);
  EXPECT_EQ(question->end(), packet.bytes().size());
}

TEST(QuestionTest, EveryTruncationIsNoticed) {
  const Bytes whole = Packet::Query("www.example.com").bytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<long>(size));
    EXPECT_EQ(ParseQuestion(part).error(), Error::kTruncated) << size;
  }
}

TEST(QuestionTest, BadNamesAreRefused) {
  Bytes header = Packet::Query("").bytes();
  header.resize(12);
  EXPECT_EQ(ParseQuestion(header + Bytes{0xc0, 12, 0, 1, 0, 1}).error(), Error::kBadPointer);
  EXPECT_EQ(ParseQuestion(header + Bytes{0x40, 0, 0, 1, 0, 1}).error(), Error::kBadLabel);
  EXPECT_EQ(ParseQuestion(header + Bytes{0x80, 0, 0, 1, 0, 1}).error(), Error::kBadLabel);
  Bytes name;
  for (int i = 0; i < 127; ++i) name = name + Bytes{1, 'a'};
  EXPECT_EQ(ParseQuestion(header + name + Bytes{0, 0, 1, 0, 1})->name_length, 255);
  EXPECT_EQ(ParseQuestion(header + name + Bytes{1, 'a', 0, 0, 1, 0, 1}).error(),
            Error::kNameTooLong);
}

TEST(QuestionTest, NoQuestionIsABadCount) {
  Bytes bytes = Packet::Query("a").bytes();
  bytes[5] = 0;
  EXPECT_EQ(ParseQuestion(bytes).error(), Error::kBadCount);
}

}  // namespace
}  // namespace breakwater::dns
