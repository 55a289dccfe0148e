// Log lines. Any thread; a line is one write. Where they go and how they look is set once at
// start and again when the configuration has been read (structured logging, syslog, verbose).
//
//   LogInfo("setup", "listening on {}", address);
//
// What an attacker or a broken backend can trigger at will goes through LogLimiter.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <string>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/base/result.h"

namespace breakwater {

enum class LogLevel : uint8_t { kError = 3, kWarning = 4, kNotice = 5, kInfo = 6, kDebug = 7 };

enum class StructuredFormat : uint8_t {
  kPairs,    // key="value"
  kJson,     // an object a line, all values texts
  kJournal,  // fields, to systemd's journal; see base/journal.h
};
struct LogSettings {
  bool structured = true;
  StructuredFormat format = StructuredFormat::kPairs;
  bool verbose = false;  // kDebug lines are written too
  bool syslog = false;
  bool timestamps = false;  // unstructured lines only
  int syslog_facility = 0;  // as in syslog.h; 0: LOG_DAEMON
};
void SetLogSettings(const LogSettings& settings);
LogSettings GetLogSettings();

// kDebug lines are appended to that file from now on, and go nowhere else; an empty path takes
// that back. An error where the file cannot be opened.
TextResult<void> SetVerboseLogFile(const std::string& path);

// Lines so far that could be written nowhere they should have gone.
uint64_t LostLogLines();

bool LogEnabled(LogLevel level);
void LogWrite(LogLevel level, std::string_view subsystem, std::string_view text);

template <typename... Args>
void LogAt(LogLevel level, std::string_view subsystem, fmt::format_string<Args...> format,
           Args&&... args) {
  if (LogEnabled(level))
    LogWrite(level, subsystem, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogError(std::string_view subsystem, fmt::format_string<Args...> format, Args&&... args) {
  LogAt(LogLevel::kError, subsystem, format, std::forward<Args>(args)...);
}
template <typename... Args>
void LogWarning(std::string_view subsystem, fmt::format_string<Args...> format, Args&&... args) {
  LogAt(LogLevel::kWarning, subsystem, format, std::forward<Args>(args)...);
}
template <typename... Args>
void LogInfo(std::string_view subsystem, fmt::format_string<Args...> format, Args&&... args) {
  LogAt(LogLevel::kInfo, subsystem, format, std::forward<Args>(args)...);
}
template <typename... Args>
void LogDebug(std::string_view subsystem, fmt::format_string<Args...> format, Args&&... args) {
  LogAt(LogLevel::kDebug, subsystem, format, std::forward<Args>(args)...);
}

// Lets at most ten lines a second through; the rest are counted and told with the next one.
class LogLimiter {
 public:
  // True when a line may be written now; then `suppressed` says how many were not.
  bool Allow(MonoTime now, uint64_t* suppressed);

 private:
  std::atomic<int64_t> second_{-1};
  std::atomic<uint32_t> in_second_{0};
  std::atomic<uint64_t> suppressed_{0};
};

}  // namespace breakwater
