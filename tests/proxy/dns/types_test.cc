#include "proxy/dns/types.h"

#include <gtest/gtest.h>

namespace breakwater::dns {
namespace {

TEST(TypesTest, EveryTypeRoundTripsThroughItsName) {
  for (unsigned number = 0; number <= 0xffff; ++number) {
    const auto type = static_cast<Type>(number);
    EXPECT_EQ(ParseType(TypeName(type)), type) << number;
  }
}

TEST(TypesTest, TypeNamesAreReadInAnyCase) {
  EXPECT_EQ(ParseType("aaaa"), Type::kAaaa);
  EXPECT_EQ(ParseType("Type65"), Type::kHttps);
  EXPECT_EQ(TypeName(static_cast<Type>(65280)), "TYPE65280");
}

TEST(TypesTest, TextThatIsNoTypeIsRefused) {
  for (const char* text : {"", "AAAAA", "TYPE", "TYPE65536", "TYPE-1", "TYPE1x", "1"}) {
    EXPECT_FALSE(ParseType(text)) << text;
  }
}

TEST(TypesTest, UnknownNumbersPrintAsNumbers) {
  EXPECT_EQ(ClassName(Class::kChaos), "CH");
  EXPECT_EQ(ClassName(static_cast<Class>(7)), "CLASS7");
  EXPECT_EQ(OpcodeName(Opcode::kNotify), "Notify");
  EXPECT_EQ(OpcodeName(static_cast<Opcode>(3)), "3");
  EXPECT_EQ(RCodeName(RCode::kNxDomain), "Non-Existent domain");
  EXPECT_EQ(RCodeName(static_cast<RCode>(12)), "Err#12");
  EXPECT_EQ(RCodeMnemonic(RCode::kBadCookie), "BADCOOKIE");
  EXPECT_EQ(RCodeMnemonic(static_cast<RCode>(12)), "RCODE12");
}

}  // namespace
}  // namespace breakwater::dns
