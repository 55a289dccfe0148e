// The file of a LogAction. Shared by all workers. A full disk or a failing write loses log
// records, counted and told at a bounded rate, and never anything else.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/counter.h"
#include "proxy/base/guarded.h"
#include "proxy/base/log.h"
#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {

struct LogFileOptions {
  bool append = false;   // else what the file held before is gone
  bool buffered = true;  // written when 64 KiB or a second's records have come together
};

class LogFile {
 public:
  static TextResult<std::shared_ptr<LogFile>> Open(const std::string& path,
                                                   const LogFileOptions& options);
  LogFile(std::string path, const LogFileOptions& options, UniqueFd fd);
  ~LogFile();  // writes what is left

  // One whole record; records of several threads do not mix.
  void Write(std::string_view record, MonoTime now);

  const std::string& path() const { return path_; }
  uint64_t write_errors() const { return write_errors_.Get(); }

 private:
  struct Buffer {
    std::string bytes;
    MonoTime flushed;
  };
  void Flush(Buffer& buffer, MonoTime now);

  std::string path_;
  LogFileOptions options_;
  UniqueFd fd_;
  Guarded<Buffer> buffer_;
  SharedCounter write_errors_;
  LogLimiter limiter_;
};

}  // namespace breakwater
