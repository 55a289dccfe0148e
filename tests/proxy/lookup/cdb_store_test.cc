#include "proxy/lookup/cdb_store.h"

#include <gmock/gmock.h>

#include "tests/proxy/lookup/store_files.h"

namespace breakwater::test {
namespace {

using testing::HasSubstr;

class CdbStore : public StoreFiles {
 protected:
  KeyValueStorePtr Open(uint32_t refresh_s = 0) {
    auto store = OpenCdbStore({.path = path_, .refresh_s = refresh_s});
    EXPECT_TRUE(store) << store.error();
    return store ? *store : nullptr;
  }
  std::string path_ = Path("a.cdb");
};

TEST_F(CdbStore, FindsWhatTheToolWrote) {
  MakeCdb(path_, {{"a", "first"}, {std::string("\1b\0", 3), "second"}, {"empty", ""}});
  const auto store = Open();
  EXPECT_EQ(Value(store, "a"), "first");
  EXPECT_EQ(Value(store, std::string_view("\1b\0", 3)), "second");
  EXPECT_EQ(Value(store, "empty"), "");
  EXPECT_EQ(Value(store, "b"), "-");
  EXPECT_EQ(Value(store, ""), "-");
  EXPECT_EQ(RangeValue(store, "a"), "-");
  EXPECT_EQ(store->lookup_errors(), 0u);
}

TEST_F(CdbStore, IsReadAgainWhenItHasChanged) {
  MakeCdb(path_, {{"a", "old"}});
  const auto store = Open();
  EXPECT_FALSE(store->Reload());
  MakeCdb(path_, {{"a", "newer"}});
  EXPECT_EQ(Value(store, "a"), "old");
  EXPECT_TRUE(store->Reload());
  EXPECT_EQ(Value(store, "a"), "newer");
  EXPECT_EQ(store->loads(), 1u);
}

TEST_F(CdbStore, LooksForANewerFileAtItsInterval) {
  MakeCdb(path_, {{"a", "old"}});
  const auto store = Open(10);
  const auto never = Open(0);
  store->Tend(MonoTime::FromSeconds(100));
  MakeCdb(path_, {{"a", "newer"}});
  store->Tend(MonoTime::FromSeconds(109));
  EXPECT_EQ(Value(store, "a"), "old");
  store->Tend(MonoTime::FromSeconds(110));
  never->Tend(MonoTime::FromSeconds(110));
  EXPECT_EQ(Value(store, "a"), "newer");
  EXPECT_EQ(Value(never, "a"), "old");
}

TEST_F(CdbStore, KeepsWhatItHasWhenTheNewFileIsBadOrGone) {
  MakeCdb(path_, {{"a", "old"}});
  const auto store = Open();
  Write(path_ + ".tmp", "no CDB file");
  ASSERT_EQ(rename((path_ + ".tmp").c_str(), path_.c_str()), 0);
  EXPECT_FALSE(store->Reload());
  EXPECT_EQ(Value(store, "a"), "old");
  EXPECT_EQ(store->load_errors(), 1u);
  EXPECT_FALSE(store->Reload());  // it has been told; nothing changed
  EXPECT_EQ(store->load_errors(), 1u);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  EXPECT_FALSE(store->Reload());
  EXPECT_EQ(store->load_errors(), 2u);
  MakeCdb(path_, {{"a", "newer"}});
  EXPECT_TRUE(store->Reload());
  EXPECT_EQ(Value(store, "a"), "newer");
}

TEST_F(CdbStore, OutlivesAFileThatIsWrittenOver) {
  MakeCdb(path_, {{"a", "old"}});
  const auto store = Open();
  Write(path_, "");  // the same file, now empty
  EXPECT_EQ(Value(store, "a"), "old");
  Write(path_, std::string(5000, 'x'));
  EXPECT_FALSE(store->Reload());
  EXPECT_EQ(Value(store, "a"), "old");
  EXPECT_EQ(store->load_errors(), 1u);
}

TEST_F(CdbStore, AFileThatCannotBeUsedIsAnErrorWithItsPath) {
  const auto error = [&] {
    const auto store = OpenCdbStore({.path = path_});
    return store ? std::string() : store.error();
  };
  EXPECT_THAT(error(), HasSubstr("\"" + path_ + "\": No such file"));
  Write(path_, "short");
  EXPECT_THAT(error(), HasSubstr("\"" + path_ + "\": "));
  MakeCdb(path_, {{"a", "first"}});
  std::string content = Content(path_);
  Write(path_, content.substr(0, content.size() - 8));
  EXPECT_THAT(error(), HasSubstr("does not lie in the file"));
}

}  // namespace
}  // namespace breakwater::test
