#include "proxy/rules/log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace breakwater {
namespace {

constexpr size_t kBufferSize = 64 * 1024;
constexpr MonoTime kFlushInterval = MonoTime::FromMs(1000);

}  // namespace

TextResult<std::shared_ptr<LogFile>> LogFile::Open(const std::string& path,
                                                   const LogFileOptions& options) {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (options.append ? O_APPEND : O_TRUNC);
  UniqueFd fd(open(path.c_str(), flags, 0666));
  if (!fd.valid()) {
    return Fail(fmt::format("cannot open the log file \"{}\": {}", path, std::strerror(errno)));
  }
  return std::make_shared<LogFile>(path, options, std::move(fd));
}

LogFile::LogFile(std::string path, const LogFileOptions& options, UniqueFd fd)
    : path_(std::move(path)), options_(options), fd_(std::move(fd)) {}

LogFile::~LogFile() {
  buffer_.With([&](Buffer& buffer) { Flush(buffer, buffer.flushed); });
}

void LogFile::Write(std::string_view record, MonoTime now) {
  buffer_.With([&](Buffer& buffer) {
    buffer.bytes.append(record);
    if (options_.buffered && buffer.bytes.size() < kBufferSize &&
        now < buffer.flushed + kFlushInterval) {
      return;
    }
    Flush(buffer, now);
  });
}

void LogFile::Flush(Buffer& buffer, MonoTime now) {
  std::string_view left = buffer.bytes;
  while (!left.empty()) {
    const ssize_t written = write(fd_.get(), left.data(), left.size());
    if (written >= 0) {
      left.remove_prefix(static_cast<size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    const int error = errno;
    write_errors_.Add();
    uint64_t suppressed = 0;
    if (limiter_.Allow(now, &suppressed)) {
      LogError("rules", "log file \"{}\": {}; records are lost ({} such errors not shown)", path_,
               std::strerror(error), suppressed);
    }
    break;
  }
  buffer.bytes.clear();
  buffer.flushed = now;
}

}  // namespace breakwater
