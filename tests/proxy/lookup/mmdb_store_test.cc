#include "proxy/lookup/mmdb_store.h"

#include <gmock/gmock.h>

#include "proxy/base/address.h"
#include "tests/proxy/lookup/store_files.h"

namespace breakwater::test {
namespace {

using testing::HasSubstr;

constexpr char kRecords[] = R"({
  "192.0.2.0/24": {"country": {"iso_code": "NL"}, "asn": 64500, "share": 0.5, "eu": true,
                   "cities": ["Delft", "Gouda"]},
  "192.0.2.128/25": {"country": {"iso_code": "DE"}},
  "2001:db8::/32": {"country": {"iso_code": "FR"}}})";

class MmdbStore : public StoreFiles {
 protected:
  MmdbStore() { MakeMmdb(path_, kRecords); }
  // "-" where there is nothing.
  std::string Of(const std::string& value, const std::string& address) {
    const auto store = OpenMmdbStore({.path = path_, .value = value});
    EXPECT_TRUE(store) << store.error();
    return store ? Of(*store, address) : "";
  }
  std::string Of(const KeyValueStorePtr& store, const std::string& address) {
    const Address parsed = Address::Parse(address).value();
    return Value(store, AsText(parsed.Raw()));
  }
  std::string path_ = Path("a.mmdb");
};

TEST_F(MmdbStore, FindsTheValueOfTheLongestNetwork) {
  EXPECT_EQ(Of("country.iso_code", "192.0.2.1"), "NL");
  EXPECT_EQ(Of("country.iso_code", "192.0.2.129"), "DE");
  EXPECT_EQ(Of("country.iso_code", "2001:db8::5"), "FR");
  EXPECT_EQ(Of("country.iso_code", "2001:db9::5"), "-");
  EXPECT_EQ(Of("country.iso_code", "198.51.100.1"), "-");
}

TEST_F(MmdbStore, WritesValuesAsText) {
  EXPECT_EQ(Of("asn", "192.0.2.1"), "64500");
  EXPECT_EQ(Of("share", "192.0.2.1"), "0.5");
  EXPECT_EQ(Of("eu", "192.0.2.1"), "true");
  EXPECT_EQ(Of("cities.1", "192.0.2.1"), "Gouda");
  EXPECT_EQ(Of("cities", "192.0.2.1"), "-");
  EXPECT_EQ(Of("cities.7", "192.0.2.1"), "-");
  EXPECT_EQ(Of("asn", "192.0.2.129"), "-");
}

TEST_F(MmdbStore, KeysThatAreNoAddressesAreNotThere) {
  const auto store = OpenMmdbStore({.path = path_, .value = "asn"}).value();
  EXPECT_EQ(Value(store, ""), "-");
  EXPECT_EQ(Value(store, "12345"), "-");
  EXPECT_EQ(store->lookup_errors(), 0u);
}

TEST_F(MmdbStore, IsReadAgainWhenItHasChanged) {
  const auto store = OpenMmdbStore({.path = path_, .value = "asn", .refresh_s = 1}).value();
  MakeMmdb(path_, R"({"192.0.2.0/24": {"asn": 1}})");
  store->Tend(MonoTime::FromSeconds(5));
  EXPECT_EQ(Of(store, "192.0.2.1"), "1");
  Write(path_ + ".tmp", "bad");
  ASSERT_EQ(rename((path_ + ".tmp").c_str(), path_.c_str()), 0);
  store->Tend(MonoTime::FromSeconds(10));
  EXPECT_EQ(Of(store, "192.0.2.1"), "1");
  EXPECT_EQ(store->load_errors(), 1u);
}

TEST_F(MmdbStore, OutlivesAFileThatIsWrittenOver) {
  const auto store = OpenMmdbStore({.path = path_, .value = "asn"}).value();
  Write(path_, "");  // the same file, now empty
  EXPECT_EQ(Of(store, "192.0.2.1"), "64500");
  EXPECT_FALSE(store->Reload());
  EXPECT_EQ(Of(store, "192.0.2.1"), "64500");
  EXPECT_EQ(store->load_errors(), 1u);
}

TEST_F(MmdbStore, DamageNeverEndsTheProgram) {
  const std::string content = Content(path_);
  size_t opened = 0;
  for (size_t at = 0; at < content.size(); at += 7) {
    std::string damaged = content;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    Write(path_, damaged);
    const auto store = OpenMmdbStore({.path = path_, .value = "country.iso_code"});
    if (!store) continue;
    ++opened;
    for (const char* address : {"192.0.2.1", "192.0.2.129", "2001:db8::5", "198.51.100.1"}) {
      Of(*store, address);
    }
  }
  EXPECT_GT(opened, 0u);
}

TEST_F(MmdbStore, AFileThatCannotBeUsedIsAnErrorWithItsPath) {
  const auto error = [&](const std::string& value) {
    const auto store = OpenMmdbStore({.path = path_, .value = value});
    return store ? std::string() : store.error();
  };
  EXPECT_THAT(error("a..b"), HasSubstr("\"a..b\" names no value"));
  const std::string content = Content(path_);
  Write(path_, content.substr(0, 100));
  EXPECT_THAT(error("asn"), HasSubstr("\"" + path_ + "\": "));
  path_ = Path("none");
  EXPECT_THAT(error("asn"), HasSubstr("No such file"));
}

}  // namespace
}  // namespace breakwater::test
