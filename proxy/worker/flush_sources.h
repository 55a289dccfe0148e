// Flushes that a provisioning system asks for (addFlushSource): files that lines are appended to,
// and commands that print some. Each source has a thread of its own, which alone waits for files
// and commands; no worker and no control thread does. Lines as in cache/flush_line.h; what is not
// understood is logged with its place, and the rest is done.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "proxy/base/counter.h"
#include "proxy/base/log.h"
#include "proxy/base/token_bucket.h"
#include "proxy/base/unique_fd.h"
#include "proxy/config/flush_source_settings.h"
#include "proxy/worker/flush_file.h"

namespace breakwater {

// One source. Made and destroyed by its owner's thread.
class FlushSource {
 public:
  // A flush table takes all for flushed that has more than a million records in an hour: no
  // source gets it there. What is more waits.
  static constexpr double kRate = 150;  // flushes a second, lastingly
  static constexpr double kBurst = 100'000;

  struct Made {
    size_t count = 0;            // from the first on
    std::vector<FlushId> ids{};  // in each cache
  };
  // On the source's thread. What is not made waits, for the source's share of flushes (FlushShare)
  // is used up. The error says why nothing could be flushed.
  using Flush = std::function<TextResult<Made>(const FlushSourceSettings& source,
                                               std::span<const FlushRequest> flushes)>;
  static constexpr MonoTime kShareWait = MonoTime::FromSeconds(1);

  FlushSource(FlushSourceSettings settings, Flush flush);
  ~FlushSource();
  FlushSource(const FlushSource&) = delete;
  FlushSource& operator=(const FlushSource&) = delete;

  void Start();
  void Stop();  // a command that runs is killed

  uint64_t flushes() const { return flushes_.load(std::memory_order_relaxed); }
  uint64_t errors() const { return errors_.load(std::memory_order_relaxed); }
  // Times that flushes were put off for want of a share.
  uint64_t put_off() const { return put_off_.load(std::memory_order_relaxed); }

 private:
  void Run();
  bool ReadFile();  // true: there is more
  void RunCommand();
  // What went wrong with flushes; empty: nothing.
  std::string Take(const std::vector<NumberedLine>& lines);
  std::string Make(std::span<const FlushRequest> flushes);
  // What is wrong with the source, told when it changes; empty: nothing.
  void Tell(const std::string& problem);
  void Wait(MonoTime time);

  const FlushSourceSettings settings_;
  const Flush flush_;
  const std::string name_;
  std::unique_ptr<FlushFile> file_;
  std::string problem_;
  LogLimiter log_limiter_;
  TokenBucket budget_{kRate, kBurst};
  bool told_of_budget_ = false;
  bool told_of_share_ = false;
  bool told_of_missing_ = false;
  bool read_failed_ = false;
  bool undone_ = false;  // lines of the file: the next program reads from there
  std::atomic<uint64_t> flushes_{0};
  std::atomic<uint64_t> errors_{0};
  std::atomic<uint64_t> put_off_{0};
  UniqueFd stop_fd_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Where there is a snapshot of the caches, files without a state file have theirs beside it.
std::vector<FlushSourceSettings> WithStateFiles(std::vector<FlushSourceSettings> sources,
                                                const std::string& snapshot_path);

// All of a configuration. Count() is the control thread's, the rest the main thread's.
class FlushSources {
 public:
  void Start(const std::vector<FlushSourceSettings>& sources, const FlushSource::Flush& flush);
  void Stop();
  // Adds what the sources have counted since the last call.
  void Count(Counters& counters);

 private:
  std::vector<std::unique_ptr<FlushSource>> sources_;  // does not change while the threads run
  uint64_t flushes_ = 0, errors_ = 0, put_off_ = 0;    // counted so far
};

}  // namespace breakwater
