#include "proxy/base/text.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

using Bytes = std::vector<uint8_t>;

TEST(TextTest, HexRoundTripsAndIsStrict) {
  EXPECT_EQ(HexEncode(Bytes{0x00, 0x9f, 0xff}), "009fff");
  EXPECT_EQ(HexDecode("009FfF"), (Bytes{0x00, 0x9f, 0xff}));
  EXPECT_EQ(HexDecode(""), Bytes{});
  for (const char* text : {"0", "0g", "0x00", "00 11", " 00"}) EXPECT_FALSE(HexDecode(text));
}

TEST(TextTest, Base64KnowsTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(Base64Encode(AsBytes(plain)), encoded);
    const auto decoded = Base64Decode(encoded);
    ASSERT_TRUE(decoded) << encoded;
    EXPECT_EQ(AsText(*decoded), plain);
  }
}

TEST(TextTest, Base64IsStrict) {
  for (const char* text :
       {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v\n", "Z m8=", "Zg==Zg==", "====", "=", "Zm-_"}) {
    EXPECT_FALSE(Base64Decode(text)) << text;
  }
}

TEST(TextTest, Base64UrlTakesBothPaddings) {
  const Bytes bytes = {0xfb, 0xff, 0xbf, 0x01};
  EXPECT_EQ(Base64UrlEncode(bytes), "-_-_AQ");
  EXPECT_EQ(Base64UrlDecode("-_-_AQ"), bytes);
  EXPECT_EQ(Base64UrlDecode("-_-_AQ=="), bytes);
  for (const char* text : {"-_-_AQ=", "+/+/AQ", "-_-_A", "-_-_AR", "AQ==AQ"}) {
    EXPECT_FALSE(Base64UrlDecode(text)) << text;
  }
}

TEST(TextTest, TrimAndSplit) {
  EXPECT_EQ(TrimSpace(" \t a b \r\n"), "a b");
  EXPECT_EQ(TrimSpace("  "), "");
  EXPECT_EQ(Split("a,,b,", ','), (std::vector<std::string_view>{"a", "", "b", ""}));
  EXPECT_EQ(Split("", ','), std::vector<std::string_view>{""});
}

TEST(TextTest, CaseIsAsciiOnly) {
  EXPECT_EQ(ToLowerAscii("AbZ[\xc4"), "abz[\xc4");
  EXPECT_TRUE(EqualsIgnoreCase("TCP", "tcp"));
  EXPECT_FALSE(EqualsIgnoreCase("tcp", "tcp2"));
}

TEST(TextTest, NearestNameFindsMisspellings) {
  const std::string_view known[] = {"address", "checkInterval", "maxCheckFailures", "name",
                                    "tcpOnly"};
  EXPECT_EQ(NearestName("adress", known), "address");
  EXPECT_EQ(NearestName("checkinterval", known), "checkInterval");
  EXPECT_EQ(NearestName("maxCheckFailiures", known), "maxCheckFailures");
  EXPECT_EQ(NearestName("nmae", known), "name");
  EXPECT_EQ(NearestName("tcponlly", known), "tcpOnly");
}

TEST(TextTest, NearestNameSuggestsNothingFarOff) {
  const std::string_view known[] = {"address", "name", "x"};
  EXPECT_EQ(NearestName("weight", known), "");
  EXPECT_EQ(NearestName("", known), "");
  EXPECT_EQ(NearestName("y", known), "");
  EXPECT_EQ(NearestName("addresses", std::vector<std::string>{"address"}), "address");
}

}  // namespace
}  // namespace breakwater
