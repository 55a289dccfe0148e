#include "proxy/zone/zone_directory.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/proxy/zone/zone_folder.h"
#include "tests/support/manual_clock.h"

namespace breakwater {
namespace {

using ::testing::HasSubstr;

class ZoneDirectoryTest : public ::testing::Test {
 protected:
  void LookUntilGone() {
    directory_.Look();
    clock_.Advance(MonoTime::FromSeconds(30));
    directory_.Look();
  }
  std::string Www(const std::string& zone) const {
    return test::AddressOfWww(*store_->zones(), zone);
  }
  size_t Held() const { return store_->zones()->size(); }
  uint64_t Errors() { return store_->load_errors().Get(); }
  ZoneStatus Status() const { return store_->status(); }

  test::ZoneFolder folder_;
  test::ManualClock clock_;
  std::atomic<bool> stop_{false};
  ZoneStorePtr store_ =
      std::make_shared<ZoneStore>(ZoneSourceSettings{.path = folder_.path(), .interval_s = 10});
  ZoneDirectory directory_{store_, clock_, stop_};
};

TEST_F(ZoneDirectoryTest, EveryZoneFileIsReadAndNothingElse) {
  folder_.Write("a.test.zone", "www A 192.0.2.1\n");
  folder_.Write("b.test.zone", "www A 192.0.2.2\n");
  folder_.Write(".c.test.zone", "www A 192.0.2.3\n");
  folder_.Write("d.test.zone.bak", "www A 192.0.2.4\n");
  std::filesystem::create_directory(folder_.At("below"));
  folder_.Write("below/e.test.zone", "www A 192.0.2.5\n");
  EXPECT_FALSE(store_->HasZones());
  EXPECT_THAT(store_->Describe(), HasSubstr("still loading"));
  directory_.Look();
  EXPECT_EQ(Www("a.test"), "192.0.2.1");
  EXPECT_EQ(Www("b.test"), "192.0.2.2");
  EXPECT_EQ(Held(), 2u);
  EXPECT_EQ(Errors(), 0u);
  EXPECT_TRUE(store_->HasZones());
  EXPECT_EQ(store_->Describe(), "2 zones of " + folder_.path());
}

TEST_F(ZoneDirectoryTest, AChangedFileIsReadAgainAndOthersAreNot) {
  folder_.Write("a.test.zone", "www A 192.0.2.1\n");
  folder_.Write("b.test.zone", "www A 192.0.2.2\n");
  directory_.Look();
  folder_.Write("a.test.zone", "www A 192.0.2.11\n");
  directory_.Look();
  EXPECT_EQ(Www("a.test"), "192.0.2.11");
  EXPECT_EQ(store_->loads().Get(), 3u);
  folder_.Write("b.test.zone", "www A 192.0.2.12\n");
  directory_.Changed({"b.test.zone", "no.zone", "nonsense"});
  EXPECT_EQ(Www("b.test"), "192.0.2.12");
  EXPECT_EQ(Errors(), 0u);
}

TEST_F(ZoneDirectoryTest, WhoHoldsASetKeepsItWhileAnotherIsPublished) {
  folder_.Write("a.test.zone", "www A 192.0.2.1\n");
  directory_.Look();
  ZoneSetPtr before = store_->zones();
  folder_.Write("a.test.zone", "www A 192.0.2.11\n");
  directory_.Look();
  EXPECT_EQ(test::AddressOfWww(*before, "a.test"), "192.0.2.1");
  // It is not freed by whoever lets go of it, but at the next look.
  const std::weak_ptr<const ZoneSet> watched = before;
  before.reset();
  EXPECT_FALSE(watched.expired());
  directory_.Look();
  EXPECT_TRUE(watched.expired());
}

TEST_F(ZoneDirectoryTest, AFileWithAnErrorLeavesTheOldZoneAndIsToldOnce) {
  folder_.Write("a.test.zone", "www A 192.0.2.1\n");
  directory_.Look();
  folder_.Write("a.test.zone", "www A 192.0.2.11\nwww A nonsense\n");
  directory_.Look();
  directory_.Look();
  EXPECT_EQ(Www("a.test"), "192.0.2.1");
  EXPECT_EQ(Errors(), 1u);
  EXPECT_EQ(Status().bad_files, 1u);
  EXPECT_THAT(Status().problem, ::testing::StartsWith(folder_.At("a.test.zone") + ":5: A record"));
  EXPECT_THAT(store_->Describe(),
              HasSubstr("1 zones of " + folder_.path() + ", 1 files not taken"));
  folder_.Write("a.test.zone", "www A 192.0.2.12\n");
  directory_.Look();
  EXPECT_EQ(Www("a.test"), "192.0.2.12");
  EXPECT_EQ(Status().problem, "");
}

TEST_F(ZoneDirectoryTest, WhatIsNoFileIsToldOnceWhateverIsPutIntoIt) {
  std::filesystem::create_directory(folder_.At("dir.zone"));
  folder_.Write("a.test.zone", "www A 192.0.2.1\n");
  directory_.Look();
  for (const char* name : {"one", "two"}) {
    std::filesystem::create_directory(folder_.At("dir.zone") + "/" + name);
    directory_.Look();
  }
  EXPECT_EQ(Errors(), 1u);
  EXPECT_EQ(Status().problem, folder_.At("dir.zone") + ": is not a file");
  EXPECT_EQ(Www("a.test"), "192.0.2.1");
}

TEST_F(ZoneDirectoryTest, OfTwoFilesForOneZoneTheFirstCountsUntilItIsGone) {
  folder_.Write("A.test.zone", "www A 192.0.2.1\n");
  folder_.Write("a.test.zone", "www A 192.0.2.2\n");
  folder_.Write("z.test.zone", "");
  directory_.Look();
  EXPECT_EQ(Www("a.test"), "192.0.2.1");
  EXPECT_EQ(Errors(), 1u);
  EXPECT_EQ(Status().problem, folder_.At("a.test.zone") + ": a.test. is read from " +
                                  folder_.At("A.test.zone") +
                                  " already: remove one of the two files");
  folder_.Remove("A.test.zone");
  LookUntilGone();
  EXPECT_EQ(Www("a.test"), "192.0.2.2");
  EXPECT_EQ(Status().problem, "");
  EXPECT_EQ(Held(), 2u);
}

TEST_F(ZoneDirectoryTest, SymbolicLinksAreFollowedAndLoopsAreErrors) {
  folder_.Write("a.data", "www A 192.0.2.1\n");
  std::filesystem::create_symlink("a.data", folder_.At("a.test.zone"));
  std::filesystem::create_symlink("m.test.zone", folder_.At("l.test.zone"));
  std::filesystem::create_symlink("l.test.zone", folder_.At("m.test.zone"));
  std::filesystem::create_symlink("gone", folder_.At("n.test.zone"));
  directory_.Look();
  directory_.Look();
  EXPECT_EQ(Www("a.test"), "192.0.2.1");
  EXPECT_EQ(Held(), 1u);
  EXPECT_EQ(Errors(), 3u);
  EXPECT_EQ(Status().problem, folder_.At("l.test.zone") + ": Too many levels of symbolic links");
  folder_.Write("a.data", "www A 192.0.2.2\n");
  directory_.Look();
  EXPECT_EQ(Www("a.test"), "192.0.2.2");
}

TEST_F(ZoneDirectoryTest, AFileThatIsMissingForLongTakesItsZoneAlong) {
  folder_.Write("a.test.zone", "www A 192.0.2.1\n");
  folder_.Write("b.test.zone", "www A 192.0.2.2\n");
  directory_.Look();
  folder_.Remove("a.test.zone");
  directory_.Changed({"a.test.zone"});
  directory_.Look();
  clock_.Advance(MonoTime::FromMs(29999));
  directory_.Look();
  EXPECT_EQ(Www("a.test"), "192.0.2.1");
  clock_.Advance(MonoTime::FromMs(1));
  directory_.Look();
  EXPECT_EQ(Www("a.test"), "");
  EXPECT_EQ(Held(), 1u);
  EXPECT_EQ(Errors(), 0u);
}

TEST_F(ZoneDirectoryTest, ADirectoryThatIsGoneOrEmptyLeavesItsZones) {
  folder_.Write("a.test.zone", "www A 192.0.2.1\n");
  directory_.Look();
  folder_.Remove("a.test.zone");
  directory_.Look();
  EXPECT_EQ(Www("a.test"), "192.0.2.1");
  EXPECT_EQ(Status().problem, "directory " + folder_.path() + " holds no file NAME.zone");
  std::filesystem::remove(folder_.path());
  directory_.Look();
  directory_.Look();
  EXPECT_EQ(Www("a.test"), "192.0.2.1");
  EXPECT_EQ(Status().problem, "directory " + folder_.path() + ": No such file or directory");
  EXPECT_EQ(Errors(), 2u);
  std::filesystem::create_directory(folder_.path());
  folder_.Write("b.test.zone", "www A 192.0.2.2\n");
  directory_.Look();
  EXPECT_EQ(Www("b.test"), "192.0.2.2");
  EXPECT_EQ(Status().problem, "");
  // Whoever writes all files anew has time for it.
  EXPECT_EQ(Www("a.test"), "192.0.2.1");
  folder_.Write("a.test.zone", "www A 192.0.2.3\n");
  LookUntilGone();
  EXPECT_EQ(Www("a.test"), "192.0.2.3");
}

// Moves far whenever it is looked at.
class JumpingClock : public Clock {
 public:
  MonoTime Now() const override { return now_ = now_ + MonoTime::FromSeconds(1); }

 private:
  mutable MonoTime now_;
};

TEST_F(ZoneDirectoryTest, TheFirstZonesArePublishedTogetherAndLaterOnesAsTheyAreRead) {
  const JumpingClock clock;
  ZoneDirectory directory(store_, clock, stop_);
  for (const char* name : {"a.test.zone", "b.test.zone", "c.test.zone"}) {
    folder_.Write(name, "www A 192.0.2.1\n");
  }
  directory.Look();
  EXPECT_EQ(store_->published(), 1u);
  for (const char* name : {"a.test.zone", "b.test.zone", "c.test.zone"}) {
    folder_.Write(name, "www A 192.0.2.2\n");
  }
  directory.Look();
  EXPECT_EQ(store_->published(), 4u);
}

TEST_F(ZoneDirectoryTest, AStopIsHeededBetweenTwoFiles) {
  folder_.Write("a.test.zone", "www A 192.0.2.1\n");
  stop_ = true;
  directory_.Look();
  EXPECT_EQ(store_->loads().Get(), 0u);
}

}  // namespace
}  // namespace breakwater
