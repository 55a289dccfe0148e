#include "proxy/zone/loader.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "proxy/base/text.h"
#include "tests/proxy/zone/zone_maker.h"

namespace breakwater {
namespace {

using test::kSoaAndNs;
using test::ReadZone;

// "TTL RDATA-IN-HEX" of each record of that name and type, in order.
std::vector<std::string> Records(const Zone& zone, const std::string& name, dns::Type type) {
  std::vector<std::string> found;
  const NodeKey key(*dns::Name::Parse(name), zone.apex_length());
  const Zone::Node* node = zone.At(key.view());
  const Zone::RrSet* set = node == nullptr ? nullptr : zone.Find(*node, type);
  if (set == nullptr) return found;
  zone.ForEach(*set, [&](std::span<const uint8_t> rdata) {
    found.push_back(std::to_string(set->ttl) + " " + HexEncode(rdata));
  });
  return found;
}

ZonePtr Read(const std::string& text) {
  auto zone = ReadZone("example.org", std::string(kSoaAndNs) + text);
  EXPECT_TRUE(zone) << zone.error();
  return zone.value_or(nullptr);
}

// SOA and NS take the first three lines.
std::string ErrorOf(const std::string& text) {
  const auto zone = ReadZone("example.org", std::string(kSoaAndNs) + text);
  return zone ? "" : zone.error();
}

std::vector<std::string> Lines(std::initializer_list<std::string> lines) {
  return lines;
}

TEST(LoaderTest, TtlAndClassMayComeInEitherOrderOrNotAtAll) {
  const auto zone = Read(
      "a 60 IN A 192.0.2.1\nb IN 60 A 192.0.2.1\nc A 192.0.2.1\nd in A 192.0.2.1\n"
      "e 1h30m A 192.0.2.1\n");
  EXPECT_EQ(Records(*zone, "a.example.org", dns::Type::kA), Lines({"60 c0000201"}));
  EXPECT_EQ(Records(*zone, "b.example.org", dns::Type::kA), Lines({"60 c0000201"}));
  EXPECT_EQ(Records(*zone, "c.example.org", dns::Type::kA), Lines({"3600 c0000201"}));
  EXPECT_EQ(Records(*zone, "d.example.org", dns::Type::kA), Lines({"3600 c0000201"}));
  EXPECT_EQ(Records(*zone, "e.example.org", dns::Type::kA), Lines({"5400 c0000201"}));
}

TEST(LoaderTest, WithoutADefaultTheLastTtlStatedCounts) {
  const auto zone = ReadZone("t",
                             "@ 77 IN SOA a b 1 2 3 4 5\na A 192.0.2.1\nb 5 A 192.0.2.2\n"
                             "c A 192.0.2.3\n$TTL 9\nd A 192.0.2.4\n");
  ASSERT_TRUE(zone) << zone.error();
  EXPECT_EQ(Records(**zone, "a.t", dns::Type::kA), Lines({"77 c0000201"}));
  EXPECT_EQ(Records(**zone, "c.t", dns::Type::kA), Lines({"5 c0000203"}));
  EXPECT_EQ(Records(**zone, "d.t", dns::Type::kA), Lines({"9 c0000204"}));
}

TEST(LoaderTest, OriginsOwnersLeftOutAndAtSigns) {
  const auto zone = Read(
      "a A 192.0.2.1\n  A 192.0.2.2\n$ORIGIN sub.example.org.\n\tA 192.0.2.3\n@ A 192.0.2.4\n"
      "$ORIGIN deeper\nx CNAME @\n$ORIGIN @\ny CNAME EXAMPLE.org.\n");
  EXPECT_EQ(Records(*zone, "a.example.org", dns::Type::kA),
            Lines({"3600 c0000201", "3600 c0000202", "3600 c0000203"}));
  EXPECT_EQ(Records(*zone, "sub.example.org", dns::Type::kA), Lines({"3600 c0000204"}));
  const std::string cname = "3600 " + HexEncode(AsBytes("\6deeper\3sub\7example\3org")) + "00";
  EXPECT_EQ(Records(*zone, "x.deeper.sub.example.org", dns::Type::kCname), Lines({cname}));
  EXPECT_EQ(Records(*zone, "y.deeper.sub.example.org", dns::Type::kCname),
            Lines({"3600 " + HexEncode(AsBytes("\7EXAMPLE\3org")) + "00"}));
}

TEST(LoaderTest, ParenthesesCommentsQuotesAndEscapes) {
  const auto zone = Read(
      "a TXT ( \"one;two\" ; a comment ) (\n  three\\;four\n\n  \"\" ) ; the end\n"
      "b\\.c TXT \"\\\"\\010\\\\\"\r\n; nothing\n\n   \n(d) A 192.0.2.1");
  EXPECT_EQ(Records(*zone, "a.example.org", dns::Type::kTxt),
            Lines({"3600 07" + HexEncode(AsBytes("one;two")) + "0a" +
                   HexEncode(AsBytes("three;four")) + "00"}));
  EXPECT_EQ(Records(*zone, "b\\.c.example.org", dns::Type::kTxt), Lines({"3600 03220a5c"}));
  EXPECT_EQ(Records(*zone, "d.example.org", dns::Type::kA), Lines({"3600 c0000201"}));
}

TEST(LoaderTest, TypesOfEveryKind) {
  const auto zone = Read(
      "a CAA 0 issue ca.test\na TYPE65280 \\# 2 abcd\na HTTPS 1 . alpn=h2\na SRV 1 2 3 x\n"
      "a A \\# 4 c0000201\na CAA \\# 3 000161\n");
  EXPECT_EQ(Records(*zone, "a.example.org", dns::Type::kCaa),
            Lines({"3600 0005" + HexEncode(AsBytes("issueca.test")), "3600 000161"}));
  EXPECT_EQ(Records(*zone, "a.example.org", static_cast<dns::Type>(65280)), Lines({"3600 abcd"}));
  EXPECT_EQ(Records(*zone, "a.example.org", dns::Type::kHttps),
            Lines({"3600 00010000010003026832"}));
  EXPECT_EQ(Records(*zone, "a.example.org", dns::Type::kA), Lines({"3600 c0000201"}));
}

TEST(LoaderTest, ASetHasOneTtlAndARecordCountsOnce) {
  const auto zone = Read("a 60 A 192.0.2.1\na 30 A 192.0.2.2\nA 90 A 192.0.2.1\n");
  EXPECT_EQ(Records(*zone, "a.example.org", dns::Type::kA), Lines({"30 c0000201", "30 c0000202"}));
  EXPECT_EQ(zone->record_count(), 4u);
}

TEST(LoaderTest, ErrorsSayWhereTheyAre) {
  EXPECT_EQ(ErrorOf("\na A 192.0.2\n"),
            "example.org.zone:5: A record: Syntax error, could not parse the RR's rdata");
  EXPECT_EQ(ErrorOf("a TXT ( x\n y\n z\n"), "example.org.zone:7: '(' without ')'");
  EXPECT_EQ(ErrorOf("a MX (\n mail\n )\n"),
            "example.org.zone:4: MX record: Syntax error, could not parse the RR's rdata");
  EXPECT_EQ(ErrorOf("a TXT \"x\ny\"\n"),
            "example.org.zone:4: a quoted string does not end on its line");
  EXPECT_EQ(ErrorOf("a ) A 192.0.2.1\n"), "example.org.zone:4: ')' without '('");
  EXPECT_EQ(ErrorOf("a ( ( A 192.0.2.1\n"), "example.org.zone:4: '(' within parentheses");
  EXPECT_EQ(ErrorOf("a NONSENSE 1\n"), "example.org.zone:4: unknown type 'NONSENSE'");
  EXPECT_EQ(ErrorOf("a\n"), "example.org.zone:4: the type is missing");
  EXPECT_EQ(ErrorOf("a CH A 192.0.2.1\n"), "example.org.zone:4: class CH: IN alone is served");
  EXPECT_EQ(ErrorOf("a 4294967296 A 192.0.2.1\n"),
            "example.org.zone:4: TTL '4294967296' is too long");
  EXPECT_EQ(ErrorOf("a ANY 192.0.2.1\n"),
            "example.org.zone:4: ANY is no type of records in a zone");
  EXPECT_EQ(ErrorOf("$TTL x\n"), "example.org.zone:4: 'x' is no time to live");
  EXPECT_EQ(ErrorOf("$ORIGIN a..b\n"), "example.org.zone:4: 'a..b' is no name");
  EXPECT_EQ(ErrorOf("$INCLUDE other\n"),
            "example.org.zone:4: $INCLUDE is not read here: put the records into the file");
  EXPECT_EQ(ErrorOf("$FOO x\n"),
            "example.org.zone:4: directive '$FOO' is unknown or does not have one value");
  EXPECT_EQ(ErrorOf(std::string("a\0b A 192.0.2.1\n", 16)),
            "example.org.zone:4: a zero octet: this is no text");
  EXPECT_EQ(ReadZone("t", " A 192.0.2.1\n").error(), "t.zone:1: the first record has no name");
}

TEST(LoaderTest, WhatContradictsItselfIsAnError) {
  EXPECT_EQ(ErrorOf("a.example.net. A 192.0.2.1\n"),
            "example.org.zone:4: a.example.net. is not in the zone example.org.");
  EXPECT_EQ(ErrorOf("a CNAME b\na A 192.0.2.1\n"),
            "example.org.zone:5: A and CNAME for the same name");
  EXPECT_EQ(ErrorOf("@ CNAME b\n"), "example.org.zone:4: NS and CNAME for the same name");
  EXPECT_EQ(ErrorOf("a CNAME b\na CNAME c\n"),
            "example.org.zone:5: a second CNAME record for the same name (the first: line 4)");
  EXPECT_EQ(ErrorOf("@ SOA x y 1 2 3 4 5\n"),
            "example.org.zone:4: a second SOA record for the same name (the first: line 2)");
  EXPECT_EQ(ErrorOf("a SOA x y 1 2 3 4 5\n"),
            "example.org.zone:4: SOA at a.example.org.: the zone's name by its file is "
            "example.org.");
  EXPECT_EQ(ErrorOf("a CNAME b\na CNAME b\n"), "");
  EXPECT_EQ(ReadZone("t", "a A 192.0.2.1\n").error(), "t.zone: no SOA record for t.");
  std::string many;
  for (int i = 0; i < 5462; ++i) many += "a TXT " + std::to_string(i) + "\n";
  EXPECT_EQ(ErrorOf(many),
            "example.org.zone:5465: more TXT records for one name than a message can hold");
}

class LoadFileTest : public ::testing::Test {
 protected:
  LoadFileTest() { folder_ = ::mkdtemp(name_); }
  ~LoadFileTest() override { std::filesystem::remove_all(folder_); }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  char name_[32] = "/tmp/zone-loader-XXXXXX";
  std::string folder_;
  ZoneLoader loader_;
};

TEST_F(LoadFileTest, TheFilesNameIsTheZones) {
  const auto loaded = loader_.LoadFile(Write("Example.org.zone", std::string(kSoaAndNs)));
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_EQ(loaded->zone->apex().ToString(), "Example.org.");
  struct stat status {};
  ASSERT_EQ(::stat((folder_ + "/Example.org.zone").c_str(), &status), 0);
  EXPECT_EQ(loaded->stamp, FileStamp::Of(status));
}

TEST_F(LoadFileTest, WhatCannotBeReadIsAnErrorWithItsPath) {
  const auto error = [&](const std::string& path) { return loader_.LoadFile(path).error(); };
  EXPECT_EQ(error(folder_ + "/no.zone"), folder_ + "/no.zone: No such file or directory");
  EXPECT_EQ(error(Write("zone", "")), folder_ + "/zone: 'zone' is not NAME.zone");
  EXPECT_EQ(error(Write(".zone", "")), folder_ + "/.zone: '.zone' is not NAME.zone");
  EXPECT_THAT(error(Write("a..b.zone", "")), ::testing::HasSubstr("/a..b.zone: "));
  std::filesystem::create_directory(folder_ + "/dir.zone");
  EXPECT_EQ(error(folder_ + "/dir.zone"), folder_ + "/dir.zone: is not a file");
  std::filesystem::create_symlink("loop.zone", folder_ + "/loop.zone");
  EXPECT_EQ(error(folder_ + "/loop.zone"),
            folder_ + "/loop.zone: Too many levels of symbolic links");
  ASSERT_EQ(::mkfifo((folder_ + "/pipe.zone").c_str(), 0600), 0);
  EXPECT_EQ(error(folder_ + "/pipe.zone"), folder_ + "/pipe.zone: is not a file");
  EXPECT_EQ(error(Write("empty.zone", "")), folder_ + "/empty.zone: no SOA record for empty.");
}

}  // namespace
}  // namespace breakwater
