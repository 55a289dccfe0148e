#include "proxy/dns/svcb.h"

#include <gtest/gtest.h>

#include "proxy/base/text.h"

namespace breakwater::dns {
namespace {

using namespace std::string_literals;

std::string Parameter(char key, const std::string& value) {
  return std::string({'\0', key, '\0', static_cast<char>(value.size())}) + value;
}

const std::string kHead("\0\1\3dns\7example\0", 15);
const std::string kAlpn = Parameter(1, "\2h2\3dot");

Result<Svcb> Parse(const std::string& rdata) {
  return ParseSvcb({reinterpret_cast<const uint8_t*>(rdata.data()), rdata.size()});
}
Error ErrorOf(const std::string& rdata) {
  const auto record = Parse(rdata);
  return record ? Error::kIo : record.error();
}

TEST(Svcb, ReadsAllThatDiscoveryNeeds) {
  const auto record = Parse(kHead + Parameter(0, std::string("\0\1\0\3", 4)) + kAlpn +
                            Parameter(3, "\x20\x53") + Parameter(4, "\xC0\0\2\1\xC0\0\2\2"s) +
                            Parameter(6, std::string("\x20\1", 2) + std::string(14, '\1')) +
                            Parameter(7, "/dns-query{?dns}"));
  ASSERT_TRUE(record) << ErrorText(record.error());
  EXPECT_EQ(record->priority, 1);
  EXPECT_EQ(record->target.ToString(), "dns.example.");
  EXPECT_EQ(record->mandatory, (std::vector<uint16_t>{1, 3}));
  EXPECT_EQ(record->alpn, (std::vector<std::string>{"h2", "dot"}));
  EXPECT_EQ(record->port, 0x2053);
  ASSERT_EQ(record->hints.size(), 3u);
  EXPECT_EQ(record->hints[1].ToString(), "192.0.2.2");
  EXPECT_TRUE(record->hints[2].IsV6());
  ASSERT_NE(record->Find(7), nullptr);
  EXPECT_EQ(*record->Find(7), "/dns-query{?dns}");
  EXPECT_EQ(record->Find(5), nullptr);
}

TEST(Svcb, WithoutParametersItIsGoodToo) {
  const auto record = Parse(kHead);
  ASSERT_TRUE(record);
  EXPECT_FALSE(record->port);
  EXPECT_TRUE(record->alpn.empty());
}

TEST(Svcb, AnAliasHasNoParametersThatMeanAnything) {
  const auto record = Parse(std::string("\0\0\0", 3) + Parameter(3, "x"));
  ASSERT_TRUE(record);
  EXPECT_TRUE(record->target.IsRoot());
  EXPECT_FALSE(record->port);
}

TEST(Svcb, EveryCutIsAnErrorOrEndsBeforeAParameter) {
  const std::string whole = kHead + kAlpn + Parameter(3, "\x20\x53");
  for (size_t size = 0; size < whole.size(); ++size) {
    const bool between = size == kHead.size() || size == kHead.size() + kAlpn.size();
    EXPECT_EQ(Parse(whole.substr(0, size)).has_value(), between) << size;
  }
}

TEST(Svcb, TargetsAreNotCompressed) {
  EXPECT_EQ(ErrorOf(std::string("\0\1\1a\xC0\0", 6)), Error::kBadPointer);
  EXPECT_EQ(ErrorOf(std::string("\0\1\x41x\0", 5)), Error::kBadLabel);
}

TEST(Svcb, KeysAscend) {
  EXPECT_EQ(ErrorOf(kHead + Parameter(7, "/") + kAlpn), Error::kBadOption);
  EXPECT_EQ(ErrorOf(kHead + kAlpn + kAlpn), Error::kBadOption);
}

TEST(Svcb, ValuesAreWhatTheirKeysAskFor) {
  for (const std::string& bad :
       {Parameter(0, ""), Parameter(0, "\0"s), Parameter(0, "\0\0"s), Parameter(0, "\0\7"s),
        Parameter(0, "\0\3\0\3"s) + Parameter(3, "ab"), Parameter(1, ""), Parameter(1, "\0"s),
        Parameter(1, "\3h2"), Parameter(1, "\2h2\0"s), Parameter(2, "x"), Parameter(3, ""),
        Parameter(3, "abc"), Parameter(4, ""), Parameter(4, "abcde"), Parameter(6, ""),
        Parameter(6, std::string(17, 'x'))}) {
    EXPECT_EQ(ErrorOf(kHead + bad), Error::kBadOption) << HexEncode(AsBytes(bad));
  }
}

}  // namespace
}  // namespace breakwater::dns
