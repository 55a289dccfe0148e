#include "proxy/base/uuid.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

TEST(UuidTest, RandomOnesAreVersion4AndDiffer) {
  const Uuid uuid = Uuid::Random();
  const std::string text = uuid.ToString();
  EXPECT_EQ(text.size(), 36u);
  EXPECT_EQ(text[14], '4');
  EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
  EXPECT_NE(uuid, Uuid::Random());
  EXPECT_EQ(Uuid::Parse(text), uuid);
  EXPECT_TRUE(uuid.IsSet());
}

TEST(UuidTest, TextIsReadInAnyCase) {
  const auto uuid = Uuid::Parse("00112233-4455-6677-8899-AABBccddEEff");
  ASSERT_TRUE(uuid);
  EXPECT_EQ(uuid->ToString(), "00112233-4455-6677-8899-aabbccddeeff");
  EXPECT_EQ(uuid->bytes()[15], 0xff);
}

TEST(UuidTest, OtherTextIsRefused) {
  for (const char* text :
       {"", "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeef",
        "00112233-4455-6677-8899-aabbccddeeff0", "00112233-4455-6677-88990aabbccddeeff",
        "g0112233-4455-6677-8899-aabbccddeeff", "0011223-34455-6677-8899-aabbccddeeff"}) {
    EXPECT_FALSE(Uuid::Parse(text)) << text;
  }
  EXPECT_FALSE(Uuid().IsSet());
}

}  // namespace
}  // namespace breakwater
