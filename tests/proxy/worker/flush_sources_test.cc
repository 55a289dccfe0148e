#include "proxy/worker/flush_sources.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/support/temporary_folder.h"

namespace breakwater {
namespace {

class FlushSourcesTest : public testing::Test {
 protected:
  ~FlushSourcesTest() override { sources_.Stop(); }

  void Start(const FlushSourceSettings& settings) {
    sources_.Start({settings},
                   [this](const FlushSourceSettings&,
                          std::span<const FlushRequest> flushes) -> TextResult<FlushSource::Made> {
                     const std::lock_guard lock(mutex_);
                     if (!has_cache_) return Fail(std::string("no pool has a cache"));
                     flushes = flushes.first(std::min(flushes.size(), share_));
                     for (const FlushRequest& flush : flushes)
                       flushed_.push_back(FlushLineOf(flush));
                     came_.notify_all();
                     return FlushSource::Made{.count = flushes.size(), .ids = {7, 8}};
                   });
  }
  bool AwaitFlushes(size_t count) {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, std::chrono::seconds(10), [&] { return flushed_.size() >= count; });
  }
  uint64_t Count(Metric metric) {
    sources_.Count(counters_);
    return counters_.Get(metric);
  }

  static FlushSourceSettings OfFile(const std::string& path) {
    FlushSourceSettings settings;
    settings.file = path;
    settings.interval_ms = 1;
    return settings;
  }
  static FlushSourceSettings OfShell(const std::string& line) {
    FlushSourceSettings settings;
    settings.command = {"/bin/sh", "-c", line};
    settings.interval_ms = 1;
    return settings;
  }

  test::TemporaryFolder directory_;
  FlushSources sources_;
  Counters counters_;
  std::mutex mutex_;
  std::condition_variable came_;
  bool has_cache_ = true;
  size_t share_ = SIZE_MAX;  // of each call
  std::vector<std::string> flushed_;
};

TEST_F(FlushSourcesTest, LinesOfAFileAreFlushes) {
  const std::string path = directory_ / "flush";
  std::ofstream(path) << "old.example\n";
  FlushSourceSettings settings = OfFile(path);
  settings.defaults.suffix = true;
  Start(settings);
  std::ofstream(path, std::ios::app) << "a.example\nwrong line here\nb.example AAAA # x\n";
  ASSERT_TRUE(AwaitFlushes(2));
  sources_.Stop();
  EXPECT_EQ(flushed_, (std::vector<std::string>{"a.example. suffix", "b.example. AAAA suffix"}));
  EXPECT_EQ(Count(Metric::kFlushSourceFlushes), 2u);
  EXPECT_EQ(Count(Metric::kFlushSourceErrors), 1u);
}

TEST_F(FlushSourcesTest, WhatIsBeyondItsShareWaitsAndIsNotLost) {
  const std::string path = directory_ / "flush";
  std::ofstream(path).close();
  share_ = 2;
  Start(OfFile(path));
  std::ofstream(path, std::ios::app) << "a.example\nb.example\nc.example\n";
  ASSERT_TRUE(AwaitFlushes(3));
  sources_.Stop();
  EXPECT_EQ(flushed_, (std::vector<std::string>{"a.example.", "b.example.", "c.example."}));
  EXPECT_EQ(Count(Metric::kFlushShareRefused), 1u);
  EXPECT_EQ(Count(Metric::kFlushSourceFlushes), 3u);
}

TEST_F(FlushSourcesTest, TheOutputOfACommandIsRunAgainAndAgain) {
  Start(OfShell("echo a.example; printf b.example"));
  ASSERT_TRUE(AwaitFlushes(4));
  sources_.Stop();
  EXPECT_EQ(flushed_[1], "b.example.");
  EXPECT_EQ(flushed_[2], "a.example.");
}

TEST_F(FlushSourcesTest, OfACommandThatFailsWholeLinesAreDone) {
  FlushSourceSettings settings = OfShell("echo a.example; printf half.exa; exec sleep 100");
  settings.timeout_ms = 100;
  Start(settings);
  ASSERT_TRUE(AwaitFlushes(2));
  sources_.Stop();
  EXPECT_EQ(flushed_[0], "a.example.");
  EXPECT_EQ(flushed_[1], "a.example.");
  EXPECT_GE(Count(Metric::kFlushSourceErrors), 1u);
}

TEST_F(FlushSourcesTest, StopDoesNotWaitForACommand) {
  FlushSourceSettings settings = OfShell("echo a.example; exec sleep 100");
  settings.timeout_ms = 100'000;
  Start(settings);
  const SystemClock clock;
  const MonoTime begin = clock.Now();
  sources_.Stop();
  EXPECT_LT(clock.Now() - begin, MonoTime::FromSeconds(5));
  EXPECT_TRUE(flushed_.empty());
}

TEST_F(FlushSourcesTest, WhatCannotBeFlushedIsAnError) {
  has_cache_ = false;
  const std::string path = directory_ / "flush";
  Start(OfFile(path));
  std::ofstream(path) << "a.example\n";
  const SystemClock clock;
  const MonoTime end = clock.Now() + MonoTime::FromSeconds(10);
  while (Count(Metric::kFlushSourceErrors) == 0 && clock.Now() < end) std::this_thread::yield();
  sources_.Stop();
  EXPECT_EQ(Count(Metric::kFlushSourceErrors), 1u);
  EXPECT_EQ(Count(Metric::kFlushSourceFlushes), 0u);
}

TEST_F(FlushSourcesTest, WhatIsAppendedBetweenTwoProgramsIsNotMissed) {
  const std::string path = directory_ / "flush";
  std::ofstream(path) << "old.example\n";
  FlushSourceSettings settings = OfFile(path);
  settings.state = directory_ / "state";
  Start(settings);
  std::ofstream(path, std::ios::app) << "a.example\n";
  ASSERT_TRUE(AwaitFlushes(1));
  // Saved behind what was done, by the same thread.
  std::ofstream(path, std::ios::app) << "b.example\n";
  ASSERT_TRUE(AwaitFlushes(2));
  std::ofstream(path, std::ios::app) << "c.example\n";
  ASSERT_TRUE(AwaitFlushes(3));
  sources_.Stop();
  std::ofstream(path, std::ios::app) << "d.example\n";
  sources_ = FlushSources();
  flushed_.clear();
  Start(settings);
  ASSERT_TRUE(AwaitFlushes(1));
  sources_.Stop();
  EXPECT_EQ(flushed_.back(), "d.example.");
  EXPECT_EQ(std::ranges::count(flushed_, "old.example."), 0);
  EXPECT_EQ(std::ranges::count(flushed_, "a.example."), 0);
}

TEST(FlushSourceStates, LieBesideTheSnapshotUnlessTheyAreNamed) {
  FlushSourceSettings one;
  one.file = "/one";
  FlushSourceSettings other = one;
  other.pool = "p";
  FlushSourceSettings named = one;
  named.state = "/state";
  FlushSourceSettings command;
  command.command = {"/bin/true"};
  const auto with = WithStateFiles({one, other, named, command}, "/var/cache");
  EXPECT_TRUE(with[0].state.starts_with("/var/cache.source-")) << with[0].state;
  EXPECT_NE(with[0].state, with[1].state);
  EXPECT_EQ(with[2].state, "/state");
  EXPECT_EQ(with[3].state, "");
  EXPECT_EQ(WithStateFiles({one}, "")[0].state, "");
}

}  // namespace
}  // namespace breakwater
