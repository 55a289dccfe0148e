// The file of a LogAction. Shared by all workers, and by SideTaskKeeper, which is the last to let
// go. Workers only put records into a bounded buffer; a thread writes them, so that a slow disk
// delays no query. A full disk, a failing write or a pipe that nobody reads loses log records,
// counted and told at a bounded rate, and never anything else.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "proxy/base/counter.h"
#include "proxy/base/guarded.h"
#include "proxy/base/log.h"
#include "proxy/base/result.h"
#include "proxy/base/side_task.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {

struct LogFileOptions {
  bool append = false;   // else what the file held before is gone
  bool buffered = true;  // written when 64 KiB or a second's records have come together
};

class LogFile final : public SideTask {
 public:
  static constexpr size_t kMostWaiting = 4 << 20;  // octets not written yet; more are lost

  static TextResult<std::shared_ptr<LogFile>> Open(const std::string& path,
                                                   const LogFileOptions& options);
  // Whether Open() would do, without making or changing a file (--check-config).
  static TextResult<void> Check(const std::string& path);
  LogFile(std::string path, const LogFileOptions& options, UniqueFd fd);
  ~LogFile() override;  // writes what is left

  // One whole record; records of several threads do not mix. Until Start(), who calls writes.
  void Write(std::string_view record, MonoTime now);
  // The file of that name from now on, made where there is none; what it holds stays. What was to
  // be written goes to the old one first, as far as that takes it. Where it cannot be opened the
  // old one stays in use. Never waits for a write that is under way.
  TextResult<void> OpenAnew();

  void Start() override;
  void AskToStop() override;
  bool Ended() const override { return ended_; }
  void Count(Counters& counters) override;
  void Reopen() override;  // OpenAnew, told in the log where that fails

  const std::string& path() const { return path_; }
  uint64_t write_errors() const { return write_errors_.Get(); }

 private:
  // Writes what waits, and goes over to the file that was opened anew; `file` is held all the
  // while.
  void Flush(UniqueFd& file, MonoTime now);
  void WriteAll(const UniqueFd& file, std::string_view bytes, MonoTime now);
  // A pipe is full: whether it has room again. The thread waits until it shall stop or has another
  // file to go over to; nobody else waits.
  bool AwaitRoom(const UniqueFd& file);
  void Lost(MonoTime now, const char* reason);
  void Run();

  const std::string path_;
  const LogFileOptions options_;
  Guarded<UniqueFd> file_;
  std::mutex mutex_;  // of what follows; file_ is locked first where both are
  std::condition_variable wake_;
  std::string waiting_;
  std::string for_old_;  // what goes to the open file before next_ takes its place
  UniqueFd next_;        // opened anew, not yet in use
  MonoTime flushed_;
  bool running_ = false;  // the thread writes
  bool stopping_ = false;
  std::atomic<bool> ended_{true};
  SharedCounter write_errors_;
  uint64_t told_errors_ = 0;
  LogLimiter limiter_;
  SystemClock clock_;
  std::thread thread_;
};

}  // namespace breakwater
