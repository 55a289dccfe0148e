#include "proxy/lookup/lookup_key.h"

#include <gmock/gmock.h>

#include "proxy/base/text.h"
#include "tests/support/query_maker.h"

namespace breakwater::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::string_literals;

std::vector<std::string> Keys(const LookupKeyPtr& key, std::string_view description) {
  QueryMaker maker;
  const QueryPtr query = maker.Make(description);
  query->SetTag("customer", "seven");
  std::vector<std::string> keys;
  key->ForEach(*query, [&](std::span<const uint8_t> bytes) {
    keys.emplace_back(AsText(bytes));
    return true;
  });
  return keys;
}

TEST(LookupKey, NamesAreInLowerCase) {
  EXPECT_THAT(Keys(MakeQNameKey(NameForm::kWire), "WWW.Example.org A"),
              ElementsAre("\3www\7example\3org\0"s));
  EXPECT_THAT(Keys(MakeQNameKey(NameForm::kText), "WWW.Example.org A"),
              ElementsAre("www.example.org"));
  EXPECT_THAT(Keys(MakeQNameKey(NameForm::kText), ". NS"), ElementsAre("."));
  EXPECT_THAT(Keys(MakeQNameKey(NameForm::kText), "a\\.b\\001.org A"),
              ElementsAre("a\\.b\\001.org"));
}

TEST(LookupKey, SuffixesComeFromTheLongestToTheShortest) {
  EXPECT_THAT(Keys(MakeSuffixKey(0, NameForm::kText), "A.b.org A"),
              ElementsAre("a.b.org", "b.org", "org"));
  EXPECT_THAT(Keys(MakeSuffixKey(2, NameForm::kWire), "a.b.org A"),
              ElementsAre("\1a\1b\3org\0"s, "\1b\3org\0"s));
  EXPECT_THAT(Keys(MakeSuffixKey(4, NameForm::kText), "a.b.org A"), IsEmpty());
  EXPECT_THAT(Keys(MakeSuffixKey(0, NameForm::kText), ". A"), IsEmpty());
}

TEST(LookupKey, AddressesAreMasked) {
  EXPECT_THAT(Keys(MakeSourceIpKey({}), "a A from=192.0.2.77:5353"), ElementsAre("\xc0\0\2\x4d"s));
  const SourceIpKeyOptions masked{.mask_v4 = 24, .mask_v6 = 16, .include_port = true};
  EXPECT_THAT(Keys(MakeSourceIpKey(masked), "a A from=192.0.2.77:258"),
              ElementsAre("\xc0\0\2\0\1\2"s));
  EXPECT_THAT(Keys(MakeSourceIpKey(masked), "a A from=[2001:db8::1]:258"),
              ElementsAre("\x20\1"s + std::string(14, '\0') + "\1\2"));
}

TEST(LookupKey, ATagThatIsNotSetGivesNoKey) {
  EXPECT_THAT(Keys(MakeTagKey("customer"), "a A"), ElementsAre("seven"));
  EXPECT_THAT(Keys(MakeTagKey("other"), "a A"), IsEmpty());
}

TEST(LookupKey, StopsWhereNoMoreAreWanted) {
  size_t count = 0;
  VisitSuffixKeys(QueryMaker::WireName("a.b.c"), {}, [&](auto) { return ++count < 2; });
  EXPECT_EQ(count, 2u);
}

}  // namespace
}  // namespace breakwater::test
