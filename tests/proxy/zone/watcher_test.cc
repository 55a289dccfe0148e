#include "proxy/zone/watcher.h"

#include <poll.h>

#include "tests/proxy/zone/zone_folder.h"

namespace breakwater {
namespace {

// The real thread and the real kernel; waits for what is seen, never for a time alone.
class ZoneWatcherTest : public ::testing::Test {
 protected:
  // Looks of its own do not come: the kernel must tell.
  explicit ZoneWatcherTest() { Make(3600); }
  void Make(uint32_t interval_s) {
    watcher_.reset();
    store_ = std::make_shared<ZoneStore>(
        ZoneSourceSettings{.path = folder_.path(), .interval_s = interval_s});
    watcher_ = std::make_unique<ZoneWatcher>(store_);
  }
  void Start() {
    watcher_->Start();
    ASSERT_TRUE(watcher_->AwaitFirstLook(MonoTime::FromSeconds(20)));
  }
  // Milliseconds until the zone's www has that address.
  int64_t Await(const std::string& zone, const std::string& address) {
    const MonoTime begun = clock_.Now();
    while (test::AddressOfWww(*store_->zones(), zone) != address) {
      if (clock_.Now() - begun > MonoTime::FromSeconds(20)) {
        ADD_FAILURE() << zone << " is not " << address << ": " << store_->Describe();
        break;
      }
      (void)::poll(nullptr, 0, 1);
    }
    return (clock_.Now() - begun).ms();
  }

  SystemClock clock_;
  test::ZoneFolder folder_;
  ZoneStorePtr store_;
  std::unique_ptr<ZoneWatcher> watcher_;
};

TEST_F(ZoneWatcherTest, WhatIsThereAtStartIsRead) {
  folder_.Write("a.test.zone", "www A 192.0.2.1\n");
  Start();
  EXPECT_EQ(test::AddressOfWww(*store_->zones(), "a.test"), "192.0.2.1");
}

TEST_F(ZoneWatcherTest, AFileMovedHereOrWrittenIsNoticedAtOnce) {
  Start();
  folder_.Write("a.test.zone", "www A 192.0.2.1\n");
  Await("a.test", "192.0.2.1");
  folder_.WriteText("a.test.zone", std::string(test::kSoaAndNs) + "www A 192.0.2.2\n");
  Await("a.test", "192.0.2.2");
  folder_.Write("b.data", "www A 192.0.2.3\n");
  std::filesystem::create_symlink("b.data", folder_.At("b.test.zone"));
  Await("b.test", "192.0.2.3");
}

TEST_F(ZoneWatcherTest, AFileThatIsGoneIsNoticedByALook) {
  Make(1);
  folder_.Write("a.test.zone", "www A 192.0.2.1\n");
  folder_.Write("b.test.zone", "www A 192.0.2.2\n");
  Start();
  folder_.Remove("a.test.zone");
  Await("a.test", "");
  EXPECT_EQ(test::AddressOfWww(*store_->zones(), "b.test"), "192.0.2.2");
}

TEST_F(ZoneWatcherTest, ADirectoryPutInThePlaceOfAnotherIsWatchedInstead) {
  folder_.Write("a.test.zone", "www A 192.0.2.1\n");
  Start();
  std::filesystem::create_directory(folder_.path() + ".new");
  std::filesystem::rename(folder_.path(), folder_.path() + ".old");
  std::filesystem::rename(folder_.path() + ".new", folder_.path());
  folder_.Write("a.test.zone", "www A 192.0.2.2\n");
  Await("a.test", "192.0.2.2");
  folder_.Write("a.test.zone", "www A 192.0.2.3\n");
  Await("a.test", "192.0.2.3");
  std::filesystem::remove_all(folder_.path() + ".old");
}

TEST_F(ZoneWatcherTest, ALookAtAnIntervalSeesWhatTheKernelDoesNotTell) {
  Make(1);
  test::ZoneFolder elsewhere;
  elsewhere.Write("data", "www A 192.0.2.1\n");
  std::filesystem::create_symlink(elsewhere.At("data"), folder_.At("a.test.zone"));
  Start();
  elsewhere.Write("data", "www A 192.0.2.2\n");
  Await("a.test", "192.0.2.2");
}

TEST_F(ZoneWatcherTest, StopsWhileItWaits) {
  Start();
  watcher_->Stop();
  watcher_->Stop();
}

}  // namespace
}  // namespace breakwater
