#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/proxy/cache/cache_fixture.h"

namespace breakwater {
namespace {

using testing::HasSubstr;

class CacheExpungeTest : public test::CacheFixture {
 protected:
  void SetUp() override {
    for (int i = 0; i < 100; ++i) PutName("h" + std::to_string(i) + ".example.com", 300);
    PutName("h1.example.com AAAA", 300);
    PutName("h1.example.com +dnssec", 300);
    PutName("h1.example.org", 300);
  }
  void PutName(const std::string& query, int ttl) {
    const std::string name = query.substr(0, query.find(' '));
    EXPECT_TRUE(Put(query, "/ answer " + name + " " + std::to_string(ttl) + " A 192.0.2.1"));
  }
};

TEST_F(CacheExpungeTest, ByNameCountsExactly) {
  EXPECT_EQ(cache().ExpungeByName({NameOf("H1.example.com"), dns::Type::kAaaa}), 1u);
  EXPECT_EQ(cache().ExpungeByName({NameOf("H1.example.com")}), 2u);
  EXPECT_EQ(cache().ExpungeByName({NameOf("example.com")}), 0u);
  EXPECT_EQ(cache().ExpungeByName({.name = NameOf("example.com"), .suffix = true}), 99u);
  EXPECT_EQ(cache().EntryCount(), 1u);
  EXPECT_TRUE(Hits("h1.example.org"));
}

TEST_F(CacheExpungeTest, DownToANumber) {
  EXPECT_EQ(cache().Expunge(200), 0u);
  EXPECT_EQ(cache().Expunge(10), 93u);
  EXPECT_EQ(cache().EntryCount(), 10u);
}

TEST_F(CacheExpungeTest, PurgeTakesExpiredEntriesAlone) {
  Advance(1);
  PutName("young.example.com", 3600);
  Advance(299);
  EXPECT_EQ(cache().PurgeExpired(100), 4u);
  EXPECT_EQ(cache().PurgeExpired(0), 99u);
  EXPECT_TRUE(Hits("young.example.com"));
  EXPECT_EQ(cache().Stats().cleanup_count, 2u);
}

TEST_F(CacheExpungeTest, SweeperFreesExpiredEntriesUnlessTheyAreWanted) {
  Advance(300);
  EXPECT_EQ(SweepAll(ExpiredEntries::kKeep), 0u);
  EXPECT_EQ(SweepAll(), 103u);
  EXPECT_EQ(cache().EntryCount(), 0u);
}

TEST_F(CacheExpungeTest, SweeperFreesWhatIsTooOldForItsTimesInAnyCase) {
  Advance(22.0 * 86400);
  EXPECT_EQ(SweepAll(ExpiredEntries::kKeep), 0u);
  Advance(1.0 * 86400);
  EXPECT_EQ(SweepAll(ExpiredEntries::kKeep), 103u);
}

class CacheDumpTest : public test::CacheFixture {
 protected:
  void SetUp() override {
    path = std::filesystem::temp_directory_path() / ("cache_dump." + std::to_string(getpid()));
    std::filesystem::remove(path);
  }
  void TearDown() override { std::filesystem::remove(path); }
  std::string Dumped() {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  std::filesystem::path path;
};

TEST_F(CacheDumpTest, WritesALineForEachEntryAndRefusesAnExistingFile) {
  settings.key.parse_ecs = true;
  EXPECT_TRUE(Put("www.example.com", test::kOneAddress));
  EXPECT_TRUE(Put("nx.example.com AAAA +dnssec +cd +option=8:00011800c00002",
                  "+rcode=3 / authority example.com 60 SOA a. b. 1 2 3 4 60"));
  Advance(10);
  EXPECT_EQ(cache().Dump(path, DumpFormat::kText).value_or(0), 2u);
  EXPECT_THAT(Dumped(), HasSubstr("\nwww.example.com. 290 IN A ; ecs none, rcode 0, key "));
  EXPECT_THAT(Dumped(), HasSubstr(", received over UDP 1, added "));
  EXPECT_THAT(Dumped(), HasSubstr(", dnssecOK 0, raw query flags 256\n"));
  EXPECT_THAT(Dumped(),
              HasSubstr("\nnx.example.com. 50 IN AAAA ; ecs 192.0.2.0/24, rcode 3, key "));
  EXPECT_THAT(Dumped(), HasSubstr(", dnssecOK 1, raw query flags 272\n"));
  const auto again = cache().Dump(path, DumpFormat::kText);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error(), HasSubstr("File exists"));
}

TEST_F(CacheDumpTest, AddsTheAnswerOnRequest) {
  EXPECT_TRUE(Put("a.b +id=0", "/ answer a.b 300 A 192.0.2.1"));
  EXPECT_EQ(cache().Dump(path, DumpFormat::kTextAndAnswer).value_or(0), 1u);
  EXPECT_THAT(Dumped(), HasSubstr(", base64response AACBAAABAAEAAAAAAWEBYgAAAQABAWEBYgAAAQABAAABL"
                                  "AAEwAACAQ==\n"));
}

TEST_F(CacheDumpTest, ListsNamesByAddressAndAddressesByName) {
  EXPECT_TRUE(Put("b.example",
                  "/ answer b.example 300 A 192.0.2.2 / answer b.example 300 A "
                  "192.0.2.1 / additional x.example 300 A 192.0.2.9"));
  EXPECT_TRUE(Put("b.example AAAA", "/ answer b.example 300 AAAA 2001:db8::1"));
  EXPECT_TRUE(Put("b.example +dnssec", "/ answer b.example 300 A 192.0.2.1"));
  EXPECT_TRUE(Put("a.example", "/ answer a.example 300 A 192.0.2.1"));
  EXPECT_TRUE(Put("nx.example", "+rcode=3 / answer nx.example 300 A 192.0.2.1"));
  std::vector<std::string> texts;
  for (const Address& address : cache().AddressesByDomain(NameOf("B.example"))) {
    texts.push_back(address.ToString());
  }
  EXPECT_THAT(texts, testing::ElementsAre("192.0.2.1", "192.0.2.2", "2001:db8::1"));
  texts.clear();
  for (const dns::Name& name : cache().DomainsByAddress(*Address::Parse("192.0.2.1"))) {
    texts.push_back(name.ToString());
  }
  EXPECT_THAT(texts, testing::ElementsAre("a.example.", "b.example."));
  EXPECT_TRUE(cache().DomainsByAddress(*Address::Parse("192.0.2.9")).empty());
}

}  // namespace
}  // namespace breakwater
