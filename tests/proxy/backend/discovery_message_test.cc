#include "proxy/backend/discovery_message.h"

#include <gmock/gmock.h>

#include "proxy/base/text.h"
#include "tests/support/query_maker.h"

namespace breakwater {
namespace {

using test::QueryMaker;
using testing::HasSubstr;
using namespace std::string_literals;

constexpr uint16_t kId = 0x1234;
const Address kServer = *Address::Parse("192.0.2.53:53");

std::string Parameter(uint16_t key, const std::string& value) {
  return {static_cast<char>(key >> 8), static_cast<char>(key), '\0',
          static_cast<char>(value.size())};
}

std::string Svcb(char priority, const std::string& target,
                 const std::vector<std::pair<uint16_t, std::string>>& parameters) {
  const auto wire = QueryMaker::WireName(target);
  std::string rdata{'\0', priority};
  rdata.append(wire.begin(), wire.end());
  for (const auto& [key, value] : parameters) rdata += Parameter(key, value) + value;
  return " / answer _dns.resolver.arpa 300 SVCB " + HexEncode(AsBytes(rdata));
}

TextResult<std::vector<DiscoveredTransport>> Read(const std::string& records,
                                                  const std::string& words = "") {
  const auto reply = QueryMaker::Message("_dns.resolver.arpa SVCB +qr +id=4660 " + words + records);
  return ReadDiscovery(MakeDiscoveryQuery(kId), reply, {.server = kServer});
}

std::string ErrorOf(const std::string& records, const std::string& words = "") {
  const auto read = Read(records, words);
  return read ? "accepted" : read.error();
}

// "2 192.0.2.53:853 dns.example /path", one a line.
std::string Listed(const std::string& records) {
  const auto read = Read(records);
  if (!read) return read.error();
  std::string text;
  for (const DiscoveredTransport& one : *read) {
    text += std::to_string(one.priority) + " " + one.address.ToStringWithPort() + " " + one.target +
            " " + one.doh_path + "\n";
  }
  return text;
}

TEST(DiscoveryMessage, AsksForSvcbOfTheResolver) {
  EXPECT_EQ(test::Describe(MakeDiscoveryQuery(kId)),
            "rd NOERROR; _dns.resolver.arpa TYPE64; ar: OPT 4096");
}

TEST(DiscoveryMessage, ProtocolsHavePortsOfTheirOwn) {
  EXPECT_EQ(Listed(Svcb(1, "dns.example", {{1, "\3dot"}})), "1 192.0.2.53:853 dns.example \n");
  EXPECT_EQ(Listed(Svcb(1, "dns.example", {{1, "\2h2"}, {7, "/q{?dns}"}})),
            "1 192.0.2.53:443 dns.example /q\n");
  EXPECT_EQ(Listed(Svcb(1, "dns.example", {{1, "\3dot"}, {3, "\x20\x53"}})),
            "1 192.0.2.53:8275 dns.example \n");
}

TEST(DiscoveryMessage, TheLastProtocolThatIsKnownCounts) {
  EXPECT_EQ(Listed(Svcb(1, "a", {{1, "\2h2\3dot\2h3"}, {7, "/q"}})), "1 192.0.2.53:853 a \n");
  EXPECT_EQ(Listed(Svcb(1, "a", {{1, "\3dot\2h2"}, {7, "/q"}})), "1 192.0.2.53:443 a /q\n");
}

TEST(DiscoveryMessage, TheLowestPriorityComesFirst) {
  EXPECT_EQ(Listed(Svcb(3, "c", {{1, "\3dot"}}) + Svcb(1, "a", {{1, "\2h2"}, {7, "/"}}) +
                   Svcb(2, "b", {{1, "\3dot"}})),
            "1 192.0.2.53:443 a /\n2 192.0.2.53:853 b \n3 192.0.2.53:853 c \n");
}

TEST(DiscoveryMessage, TheServersOwnAddressIsPreferredElseTheLowest) {
  const auto with_hints = [](const std::string& v4, const std::string& v6) {
    return Svcb(1, "a", {{1, "\3dot"}, {4, v4}, {6, v6}});
  };
  const std::string v6(16, '\x20');
  EXPECT_EQ(Listed(with_hints("\xC0\0\2\1\xC0\0\2\x35"s, v6)), "1 192.0.2.53:853 a \n");
  EXPECT_EQ(Listed(with_hints("\xC0\0\2\3\xC0\0\2\2"s, v6)), "1 192.0.2.2:853 a \n");
  EXPECT_EQ(Listed(Svcb(1, "a", {{1, "\3dot"}, {6, v6}})),
            "1 [2020:2020:2020:2020:2020:2020:2020:2020]:853 a \n");
}

TEST(DiscoveryMessage, AddressesOfTheTargetCountAsHints) {
  const std::string record = Svcb(1, "a.example", {{1, "\3dot"}});
  EXPECT_EQ(Listed(record + " / additional A.example 60 A 192.0.2.7"),
            "1 192.0.2.7:853 a.example \n");
  EXPECT_EQ(Listed(record + " / additional a.example 60 AAAA 2001:db8::1"),
            "1 [2001:db8::1]:853 a.example \n");
  EXPECT_EQ(Listed(record + " / additional b.example 60 A 192.0.2.7"),
            "1 192.0.2.53:853 a.example \n");
}

TEST(DiscoveryMessage, RecordsThatCannotBeUsedSayWhy) {
  const auto why = [](char priority, const std::string& target,
                      const std::vector<std::pair<uint16_t, std::string>>& parameters) {
    return ErrorOf(Svcb(priority, target, parameters));
  };
  EXPECT_THAT(why(0, "a", {}), HasSubstr("an alias is not followed"));
  EXPECT_THAT(why(1, ".", {{1, "\3dot"}}), HasSubstr("the target is the root"));
  EXPECT_THAT(why(1, "a", {}), HasSubstr("neither dot nor h2"));
  EXPECT_THAT(why(1, "a", {{1, "\2h3"}}), HasSubstr("neither dot nor h2"));
  EXPECT_THAT(why(1, "a", {{1, "\2h2"}}), HasSubstr("h2 without a path (key 7)"));
  EXPECT_THAT(why(1, "a", {{1, "\2h2"}, {7, "{?dns}"}}), HasSubstr("none that can be asked for"));
  EXPECT_THAT(why(1, "a", {{1, "\2h2"}, {7, "/a b"}}), HasSubstr("none that can be asked for"));
  EXPECT_THAT(why(1, "a", {{1, "\3dot"}, {3, "\0\0"s}}), HasSubstr("the port is 0"));
  EXPECT_THAT(why(1, "a", {{0, "\0\5"s}, {1, "\3dot"}, {5, "x"}}), HasSubstr("mandatory key"));
  EXPECT_THAT(why(1, "a", {{1, "\4dot"}}), HasSubstr("malformed"));
  EXPECT_EQ(Listed(Svcb(1, "a", {{1, "\4dot"}}) + Svcb(2, "b", {{1, "\3dot"}})),
            "2 192.0.2.53:853 b \n");
}

TEST(DiscoveryMessage, AnswersThatAreNoneSayWhy) {
  const std::string good = Svcb(1, "a", {{1, "\3dot"}});
  EXPECT_THAT(ErrorOf(""), HasSubstr("no SVCB record"));
  EXPECT_THAT(ErrorOf(good, "+rcode=3"), HasSubstr("NXDOMAIN"));
  EXPECT_THAT(ErrorOf(good, "+id=1"), HasSubstr("another question"));
  EXPECT_THAT(ErrorOf(good, "+tc"), HasSubstr("truncated"));
  EXPECT_THAT(ErrorOf(" / answer other.example 60 SVCB 000100"), HasSubstr("no SVCB record"));
  const auto query = MakeDiscoveryQuery(kId);
  const auto other = QueryMaker::Message("dns.example SVCB +qr +id=4660");
  EXPECT_THAT(ReadDiscovery(query, other, {}).error(), HasSubstr("another question"));
  auto cut = QueryMaker::Message("_dns.resolver.arpa SVCB +qr +id=4660" + good);
  while (cut.size() > 40) {
    cut.pop_back();
    EXPECT_FALSE(ReadDiscovery(query, cut, {})) << cut.size();
  }
}

TEST(DiscoveryMessage, SoManyTransportsAreTriedAndNoMore) {
  std::string many;
  for (int i = 0; i < 40; ++i) many += Svcb(1, "a", {{1, "\3dot"}});
  EXPECT_EQ(Read(many)->size(), 16u);
}

}  // namespace
}  // namespace breakwater
