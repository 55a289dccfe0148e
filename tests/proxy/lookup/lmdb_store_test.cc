#include "proxy/lookup/lmdb_store.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "proxy/lookup/lmdb_check.h"
#include "tests/proxy/lookup/store_files.h"

namespace breakwater::test {
namespace {

using testing::HasSubstr;

class LmdbStore : public StoreFiles {
 protected:
  KeyValueStorePtr Open(const std::string& database = "db") {
    auto store = OpenLmdbStore({.path = path_, .database = database});
    EXPECT_TRUE(store) << store.error();
    return store ? *store : nullptr;
  }
  std::string Error(const std::string& database = "db") {
    const auto store = OpenLmdbStore({.path = path_, .database = database});
    return store ? std::string() : store.error();
  }
  std::string path_ = Path("a.mdb");
};

Entries Many(size_t count, const std::string& value = "value ") {
  Entries entries;
  for (size_t i = 0; i < count; ++i) {
    entries["key " + std::to_string(i)] = value + std::to_string(i);
  }
  return entries;
}

TEST_F(LmdbStore, FindsWhatTheToolWrote) {
  AddToLmdb(path_, "db", {{"a", "first"}, {std::string("\1b\0", 3), "second"}});
  AddToLmdb(path_, "other", {{"a", std::string(10'000, 'x')}});
  const auto store = Open(), other = Open("other");
  EXPECT_EQ(Value(store, "a"), "first");
  EXPECT_EQ(Value(store, std::string_view("\1b\0", 3)), "second");
  EXPECT_EQ(Value(store, "b"), "-");
  EXPECT_EQ(Value(store, ""), "-");
  EXPECT_EQ(Value(store, std::string(512, 'k')), "-");
  EXPECT_EQ(Value(other, "a"), std::string(10'000, 'x'));
  EXPECT_EQ(store->lookup_errors(), 0u);
}

TEST_F(LmdbStore, ReadsTheDatabaseWithoutAName) {
  AddToLmdb(path_, "", {{"a", "first"}});
  EXPECT_EQ(Value(Open(""), "a"), "first");
}

TEST_F(LmdbStore, FindsTheRangeThatHoldsAKey) {
  AddToLmdb(path_, "db",
            {{std::string("\xc0\0\2\xff", 4), std::string("\xc0\0\2\0net", 7)},
             {std::string("\xc0\0\4\x10", 4), std::string("\xc0\0\4\x08", 4)},
             {std::string("\xff\xff\xff\xff\xff", 5), "longer"}});
  const auto store = Open();
  const auto find = [&](const char* key) { return RangeValue(store, std::string_view(key, 4)); };
  const std::string net("\xc0\0\2\0net", 7);
  EXPECT_EQ(find("\xc0\0\2\0"), net);
  EXPECT_EQ(find("\xc0\0\2\7"), net);
  EXPECT_EQ(find("\xc0\0\2\xff"), net);
  EXPECT_EQ(find("\xc0\0\1\xff"), "-");
  EXPECT_EQ(find("\xc0\0\4\7"), "-");
  EXPECT_EQ(find("\xc0\0\4\x08"), std::string("\xc0\0\4\x08", 4));
  EXPECT_EQ(find("\xc0\0\4\x11"), "-");  // what follows is longer than the key
  EXPECT_EQ(RangeValue(store, "\xff\xff\xff\xff\xff\xff"), "-");
}

TEST_F(LmdbStore, SeesWhatIsWrittenMeanwhile) {
  AddToLmdb(path_, "db", {{"a", "old"}});
  const auto store = Open();
  EXPECT_EQ(Value(store, "a"), "old");
  AddToLmdb(path_, "db", {{"a", "newer"}, {"b", "too"}});
  EXPECT_EQ(Value(store, "a"), "newer");
  EXPECT_EQ(Value(store, "b"), "too");
}

TEST_F(LmdbStore, MapsAFileAnewThatHasOutgrownIt) {
  AddToLmdb(path_, "db", {{"a", "old"}});
  const auto store = Open();
  EXPECT_EQ(Value(store, "a"), "old");
  lmdb_size_ = 64 << 20;
  AddToLmdb(path_, "db", Many(50'000));
  EXPECT_EQ(Value(store, "key 77"), "-");
  EXPECT_EQ(store->lookup_errors(), 1u);
  store->Tend({});
  EXPECT_EQ(store->loads(), 1u);
  EXPECT_EQ(Value(store, "key 77"), "value 77");
}

TEST_F(LmdbStore, WarnsOnceOfAFileThatHasTakenItsPlace) {
  AddToLmdb(path_, "db", {{"a", "old"}});
  const auto store = Open();
  store->Tend({});
  EXPECT_EQ(store->load_errors(), 0u);
  unlink(path_.c_str());
  store->Tend({});
  EXPECT_EQ(store->load_errors(), 0u) << "nothing has come yet";
  AddToLmdb(path_, "db", {{"a", "new"}});
  testing::internal::CaptureStdout();
  store->Tend({});
  store->Tend({});
  const std::string log = testing::internal::GetCapturedStdout();
  EXPECT_THAT(log, HasSubstr("another file has taken its place"));
  EXPECT_EQ(log.find("another file"), log.rfind("another file")) << "once";
  EXPECT_EQ(store->load_errors(), 1u);
}

TEST_F(LmdbStore, AFileThatIsCutOffIsNotReadUntilItIsWholeAgain) {
  AddToLmdb(path_, "db", Many(1000));
  const auto store = Open();
  EXPECT_EQ(Value(store, "key 7"), "value 7");
  const std::string whole = Content(path_);
  for (const size_t left : {size_t{0}, size_t{4096}, whole.size() / 2}) {
    ASSERT_EQ(truncate(path_.c_str(), static_cast<off_t>(left)), 0);
    EXPECT_EQ(Value(store, "key 7"), "-");
    EXPECT_EQ(RangeValue(store, "key 7"), "-");
    store->Tend({});
  }
  EXPECT_EQ(store->lookup_errors(), 6u);
  Write(path_, whole);
  EXPECT_EQ(Value(store, "key 7"), "value 7");
}

TEST_F(LmdbStore, IsReadByManyThreadsWhileItIsMappedAnew) {
  AddToLmdb(path_, "db", Many(1000));
  const auto store = Open();
  std::atomic<size_t> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 20; ++t) {  // more than there are stripes
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        const std::string number = std::to_string(i % 1000);
        if (Value(store, "key " + number) != "value " + number) ++wrong;
        RangeValue(store, "key 5");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
}

TEST_F(LmdbStore, AFileThatCannotBeUsedIsAnErrorWithItsPath) {
  EXPECT_THAT(Error(), HasSubstr("\"" + path_ + "\": No such file"));
  Write(path_, "short");
  EXPECT_THAT(Error(), HasSubstr("\"" + path_ + "\": it is no LMDB file"));
  unlink(path_.c_str());
  AddToLmdb(path_, "db", Many(1000));
  EXPECT_THAT(Error("other"), HasSubstr("it has no database \"other\""));
  const std::string content = Content(path_);
  Write(path_, content.substr(0, content.size() / 2));
  EXPECT_THAT(Error(), HasSubstr("it is cut off"));
  path_ = folder_;
  EXPECT_THAT(Error(), HasSubstr("it is a directory"));
}

// What the check lets pass the library must be able to read: every octet of the pages in use is
// damaged in turn.
TEST_F(LmdbStore, DamageNeverEndsTheProgram) {
  AddToLmdb(path_, "db", Many(300));
  const std::string content = Content(path_);
  const auto found = [&](const std::string& path) {
    const auto store = OpenLmdbStore({.path = path, .database = "db", .no_lock = true});
    size_t count = 0;
    for (int i = 0; store && i < 300; i += 50) {
      count += Value(*store, "key " + std::to_string(i)) == "-" ? 0 : 1;
    }
    return store ? count : 0;
  };
  ASSERT_EQ(found(path_), 6u);
  size_t whole = 0, tried = 0;
  for (size_t at = 8; at < content.size(); at += at % 4096 < 64 ? 1 : 97) {
    std::string damaged = content;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    Write(path_ + ".damaged", damaged);
    whole += found(path_ + ".damaged") == 6 ? 1 : 0;
    ++tried;
  }
  EXPECT_GT(whole, tried / 10);
  EXPECT_LT(whole, tried);
}

TEST_F(LmdbStore, TheCheckCountsTheEntries) {
  AddToLmdb(path_, "db", Many(5000));
  const std::string content = Content(path_);
  const auto checked = CheckLmdb(AsBytes(content), "db");
  ASSERT_TRUE(checked) << checked.error();
  EXPECT_EQ(checked->entries, 5000u);
  EXPECT_EQ(checked->transaction, LastLmdbTransaction(AsBytes(content)));
  EXPECT_EQ(LastLmdbTransaction(AsBytes("short")), 0u);
}

}  // namespace
}  // namespace breakwater::test
