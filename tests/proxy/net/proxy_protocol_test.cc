#include "proxy/net/proxy_protocol.h"

#include <gtest/gtest.h>

#include "proxy/net/proxy_signature.h"

namespace breakwater {
namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string Header(uint8_t command, uint8_t family, const std::string& content) {
  std::string out = kSignature;
  out += {static_cast<char>(command), static_cast<char>(family),
          static_cast<char>(content.size() >> 8), static_cast<char>(content.size())};
  return out + content;
}
// 192.0.2.1:53281 to 198.51.100.2:53.
std::string V4() {
  return {"\xC0\0\2\1\xC6\x33\x64\2\xD0\x21\0\x35", 12};
}

ProxyParsed Parse(const std::string& bytes, size_t most = 512) {
  return ParseProxyHeader({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, most);
}
ProxyParse StatusOf(const std::string& bytes, size_t most = 512) {
  return Parse(bytes, most).status;
}

TEST(ProxyProtocolTest, SignatureIsFoundWholeInPartOrNot) {
  const auto find = [](std::string_view bytes) {
    return FindProxySignature({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  };
  EXPECT_EQ(find(kSignature), ProxySignature::kWhole);
  EXPECT_EQ(find(kSignature + "more"), ProxySignature::kWhole);
  for (size_t size = 0; size < kSignature.size(); ++size) {
    EXPECT_EQ(find(kSignature.substr(0, size)), ProxySignature::kPart) << size;
    EXPECT_EQ(find(kSignature.substr(0, size) + "x"), ProxySignature::kNone) << size;
  }
}

TEST(ProxyProtocolTest, ReadsV4OverTcpAndNoMoreThanTheHeader) {
  const ProxyParsed parsed = Parse(Header(0x21, 0x11, V4()) + "query");
  ASSERT_EQ(parsed.status, ProxyParse::kWhole);
  EXPECT_EQ(parsed.size, 28u);
  EXPECT_FALSE(parsed.header.local);
  EXPECT_TRUE(parsed.header.stream);
  EXPECT_EQ(parsed.header.source.ToStringWithPort(), "192.0.2.1:53281");
  EXPECT_EQ(parsed.header.destination.ToStringWithPort(), "198.51.100.2:53");
  EXPECT_TRUE(parsed.header.values.empty());
}

TEST(ProxyProtocolTest, ReadsV6OverUdpWithValues) {
  const std::string address(15, '\0');
  const std::string ports("\0\1\0\2", 4);
  const std::string values("\xE0\0\3foo\xE1\0\0", 9);
  const ProxyParsed parsed =
      Parse(Header(0x21, 0x22, address + "\1" + address + "\2" + ports + values));
  ASSERT_EQ(parsed.status, ProxyParse::kWhole);
  EXPECT_FALSE(parsed.header.stream);
  EXPECT_EQ(parsed.header.source.ToStringWithPort(), "[::1]:1");
  EXPECT_EQ(parsed.header.destination.ToStringWithPort(), "[::2]:2");
  EXPECT_EQ(parsed.header.values, (ProxyValues{{0xE0, "foo"}, {0xE1, ""}}));
}

// A sender's own check; what it carries is to be skipped (proxy-protocol.txt, 2.2).
TEST(ProxyProtocolTest, LocalNamesNobodyWhateverFollows) {
  for (const std::string& content : {std::string(), std::string("\xE0\0\3foo", 6), V4()}) {
    const ProxyParsed parsed = Parse(Header(0x20, 0x00, content));
    EXPECT_EQ(parsed.status, ProxyParse::kWhole);
    EXPECT_TRUE(parsed.header.local);
    EXPECT_EQ(parsed.size, 16 + content.size());
    EXPECT_FALSE(parsed.header.source.IsSet());
    EXPECT_TRUE(parsed.header.values.empty());
  }
}

TEST(ProxyProtocolTest, EveryPrefixIsAPartAndTellsHowMuchDecides) {
  const std::string whole = Header(0x21, 0x11, V4() + std::string("\xE0\0\1x", 4));
  for (size_t size = 0; size < whole.size(); ++size) {
    const ProxyParsed parsed = Parse(whole.substr(0, size));
    EXPECT_EQ(parsed.status, ProxyParse::kPartial) << size;
    EXPECT_EQ(parsed.size, size < 16 ? 16u : whole.size());
  }
}

TEST(ProxyProtocolTest, WhatIsNoHeaderIsBadAtItsFirstWrongByte) {
  EXPECT_EQ(StatusOf("x"), ProxyParse::kBad);
  EXPECT_EQ(StatusOf("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"), ProxyParse::kBad);  // version 1
  EXPECT_EQ(StatusOf(kSignature.substr(0, 11) + "x"), ProxyParse::kBad);
  EXPECT_EQ(StatusOf(Header(0x11, 0x11, V4())), ProxyParse::kBad);  // version
  EXPECT_EQ(StatusOf(Header(0x22, 0x11, V4())), ProxyParse::kBad);  // command
  EXPECT_EQ(StatusOf(Header(0x21, 0x10, V4())), ProxyParse::kBad);  // no transport
  EXPECT_EQ(StatusOf(Header(0x21, 0x13, V4())), ProxyParse::kBad);
  EXPECT_EQ(StatusOf(Header(0x21, 0x01, V4())), ProxyParse::kBad);                   // no family
  EXPECT_EQ(StatusOf(Header(0x21, 0x31, std::string(216, 'u'))), ProxyParse::kBad);  // Unix
}

TEST(ProxyProtocolTest, ContentMustFit) {
  EXPECT_EQ(StatusOf(Header(0x21, 0x11, V4().substr(0, 11))), ProxyParse::kBad);
  EXPECT_EQ(StatusOf(Header(0x21, 0x21, V4())), ProxyParse::kBad);
  EXPECT_EQ(StatusOf(Header(0x21, 0x11, V4() + "\xE0")), ProxyParse::kBad);
  EXPECT_EQ(StatusOf(Header(0x21, 0x11, V4() + std::string("\xE0\0\2x", 4))), ProxyParse::kBad);
}

TEST(ProxyProtocolTest, TooLongIsBadBeforeItsContentCame) {
  const std::string values = std::string("\xE0\1\xE1", 3) + std::string(481, 'x');
  const std::string whole = Header(0x21, 0x11, V4() + values);
  ASSERT_EQ(whole.size(), 512u);
  EXPECT_EQ(StatusOf(whole, 512), ProxyParse::kWhole);
  EXPECT_EQ(StatusOf(whole, 511), ProxyParse::kBad);
  EXPECT_EQ(StatusOf(whole.substr(0, 16), 511), ProxyParse::kBad);
  EXPECT_EQ(StatusOf(Header(0x20, 0, std::string(497, 'x')), 512), ProxyParse::kBad);
}

TEST(ProxyProtocolTest, WhatIsBuiltIsRead) {
  for (const char* source : {"192.0.2.1:5", "[2001:db8::1]:5"}) {
    const ProxyHeader header{.stream = true,
                             .source = *Address::Parse(source),
                             .destination = *Address::Parse("192.0.2.2:53"),
                             .values = {{1, "a"}, {0x20, ""}}};
    const std::string built = BuildProxyHeader(header);
    const ProxyParsed parsed = Parse(built);
    ASSERT_EQ(parsed.status, ProxyParse::kWhole);
    EXPECT_EQ(parsed.size, built.size());
    EXPECT_TRUE(parsed.header.stream);
    EXPECT_EQ(parsed.header.source, header.source);
    EXPECT_EQ(parsed.header.destination.MappedToV4(), header.destination);
    EXPECT_EQ(parsed.header.values, header.values);
  }
}

TEST(ProxyProtocolTest, BuildsALocalHeaderAndNoneOfWhatDoesNotFit) {
  EXPECT_EQ(BuildProxyHeader({.local = true}), Header(0x20, 0, ""));
  ProxyHeader header{.source = *Address::Parse("192.0.2.1:5"),
                     .destination = *Address::Parse("192.0.2.2:53")};
  header.values = {{1, std::string(65535 - 12 - 3, 'x')}};
  EXPECT_EQ(BuildProxyHeader(header).size(), 16u + 65535u);
  header.values[0].second += "x";
  EXPECT_EQ(BuildProxyHeader(header), "");
  EXPECT_EQ(BuildProxyHeader({.source = header.source}), "");
}

}  // namespace
}  // namespace breakwater
