#include "proxy/worker/flush_sources.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace breakwater {
namespace {

class FlushSourcesTest : public testing::Test {
 protected:
  FlushSourcesTest() {
    char pattern[] = "/tmp/bw-source-XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  ~FlushSourcesTest() override {
    sources_.Stop();
    std::filesystem::remove_all(directory_);
  }

  void Start(const FlushSourceSettings& settings) {
    sources_.Start({settings},
                   [this](const FlushSourceSettings&,
                          std::span<const FlushRequest> flushes) -> TextResult<void> {
                     const std::lock_guard lock(mutex_);
                     if (!has_cache_) return Fail(std::string("no pool has a cache"));
                     for (const FlushRequest& flush : flushes)
                       flushed_.push_back(FlushLineOf(flush));
                     came_.notify_all();
                     return {};
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

  std::string directory_;
  FlushSources sources_;
  Counters counters_;
  std::mutex mutex_;
  std::condition_variable came_;
  bool has_cache_ = true;
  std::vector<std::string> flushed_;
};

TEST_F(FlushSourcesTest, LinesOfAFileAreFlushes) {
  const std::string path = directory_ + "/flush";
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
  const std::string path = directory_ + "/flush";
  Start(OfFile(path));
  std::ofstream(path) << "a.example\n";
  const SystemClock clock;
  const MonoTime end = clock.Now() + MonoTime::FromSeconds(10);
  while (Count(Metric::kFlushSourceErrors) == 0 && clock.Now() < end) std::this_thread::yield();
  sources_.Stop();
  EXPECT_EQ(Count(Metric::kFlushSourceErrors), 1u);
  EXPECT_EQ(Count(Metric::kFlushSourceFlushes), 0u);
}

}  // namespace
}  // namespace breakwater
