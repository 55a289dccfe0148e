#include "proxy/base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <mutex>
#include <nlohmann/json.hpp>

#include "proxy/base/guarded.h"
#include "proxy/base/journal.h"
#include "proxy/base/log_stamp.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {
namespace {

Guarded<LogSettings>& Settings() {
  static Guarded<LogSettings> settings;
  return settings;
}

std::atomic<bool> verbose{false};

Guarded<UniqueFd>& VerboseFile() {
  static Guarded<UniqueFd> file;
  return file;
}
// So that other lines need not take the lock.
std::atomic<bool> has_verbose_file{false};

// A pipe with room takes PIPE_BUF octets without a wait, as long as nobody fills it in between.
bool WroteToPipe(int fd, std::string_view line) {
  static Guarded<int> turn;
  return turn.With([&](int&) {
    while (!line.empty()) {
      pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
      if (::poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) return false;
      const ssize_t written = ::write(fd, line.data(), std::min<size_t>(line.size(), PIPE_BUF));
      if (written <= 0) return false;
      line.remove_prefix(static_cast<size_t>(written));
    }
    return true;
  });
}

// Never waits for who reads: a program that does not costs lines, whoever it is that logs.
bool WroteAtOnce(int fd, std::string_view line) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return false;
  const auto size = static_cast<ssize_t>(line.size());
  if (S_ISREG(status.st_mode)) return ::write(fd, line.data(), line.size()) == size;
  if (!S_ISSOCK(status.st_mode)) return WroteToPipe(fd, line);
  return ::send(fd, line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL) == size;
}

bool WroteToVerboseFile(std::string_view line) {
  if (!has_verbose_file.load(std::memory_order_relaxed)) return false;
  return VerboseFile().With(
      [&](const UniqueFd& fd) { return fd.valid() && WroteAtOnce(fd.get(), line); });
}

std::atomic<uint64_t> lost_lines{0};

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return "Error";
    case LogLevel::kWarning:
      return "Warning";
    case LogLevel::kNotice:
      return "Notice";
    case LogLevel::kInfo:
      return "Info";
    case LogLevel::kDebug:
      return "Debug";
  }
  return "Info";
}

// A value of a structured line: quote and backslash escaped, and nothing that could end the
// line or reach the terminal, for the text may hold names that an attacker chose.
std::string Quoted(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

// What is no UTF-8 becomes U+FFFD: a collector refuses a line that it cannot decode.
std::string JsonText(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string JsonLine(LogLevel level, std::string_view subsystem, std::string_view text) {
  const LogStamp stamp = GetLogStamp();
  const std::string instance =
      stamp.has_instance ? fmt::format("\"instance\": {}, ", JsonText(stamp.instance)) : "";
  return fmt::format(
      R"({{{}"level": "0", "msg": {}, "priority": "{}", "subsystem": {}, "ts": "{}"}})"
      "\n",
      instance, JsonText(text), static_cast<int>(level), JsonText(subsystem),
      stamp.TimeText(WallNow()));
}

std::string PairsLine(LogLevel level, std::string_view subsystem, std::string_view text) {
  const LogStamp stamp = GetLogStamp();
  const std::string instance =
      stamp.has_instance ? fmt::format(" instance=\"{}\"", Quoted(stamp.instance)) : "";
  return fmt::format("msg=\"{}\" subsystem=\"{}\" level=\"0\" prio=\"{}\"{} ts=\"{}\"\n",
                     Quoted(text), subsystem, LevelName(level), instance,
                     stamp.TimeText(WallNow()));
}

std::string StructuredLine(const LogSettings& settings, LogLevel level, std::string_view subsystem,
                           std::string_view text) {
  switch (settings.format) {
    case StructuredFormat::kJson:
      return JsonLine(level, subsystem, text);
    case StructuredFormat::kJournal:
      return JournalFields(level, subsystem, text, WallNow());
    case StructuredFormat::kPairs:
      break;
  }
  return PairsLine(level, subsystem, text);
}

std::string PlainLine(std::string_view text, bool timestamps) {
  if (!timestamps) return fmt::format("{}\n", text);
  const time_t now = static_cast<time_t>(WallNow().seconds);
  tm parts{};
  localtime_r(&now, &parts);
  char stamp[32] = "";
  strftime(stamp, sizeof(stamp), "%b %d %H:%M:%S", &parts);
  return fmt::format("{} {}\n", stamp, text);
}

}  // namespace

void SetLogSettings(const LogSettings& settings) {
  if (settings.syslog) {
    static std::once_flag once;
    std::call_once(once, [] { ::openlog(nullptr, LOG_PID, LOG_DAEMON); });
  }
  Settings().With([&](LogSettings& s) { s = settings; });
  verbose.store(settings.verbose, std::memory_order_relaxed);
}

LogSettings GetLogSettings() {
  return Settings().Copy();
}

TextResult<void> SetVerboseLogFile(const std::string& path) {
  UniqueFd fd;
  if (!path.empty()) {
    constexpr int kHow = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK;
    fd = UniqueFd(::open(path.c_str(), kHow, 0640));
    if (!fd.valid()) {
      return Fail(
          fmt::format("cannot open \"{}\" for verbose log lines: {}", path, std::strerror(errno)));
    }
  }
  has_verbose_file.store(fd.valid(), std::memory_order_relaxed);
  VerboseFile().With([&](UniqueFd& file) { file = std::move(fd); });
  return {};
}

uint64_t LostLogLines() {
  return lost_lines.load(std::memory_order_relaxed);
}

bool LogEnabled(LogLevel level) {
  return level != LogLevel::kDebug || verbose.load(std::memory_order_relaxed);
}

void LogWrite(LogLevel level, std::string_view subsystem, std::string_view text) {
  const LogSettings settings = GetLogSettings();
  const bool to_journal = settings.structured && settings.format == StructuredFormat::kJournal;
  const bool json = settings.structured && settings.format == StructuredFormat::kJson;
  const std::string line = settings.structured ? StructuredLine(settings, level, subsystem, text)
                                               : PlainLine(text, settings.timestamps);
  if (level == LogLevel::kDebug &&
      WroteToVerboseFile(to_journal ? PairsLine(level, subsystem, text) : line)) {
    return;
  }
  // A full disk, a closed or a full pipe or a busy journal loses the line, never the service.
  const int fd = json ? STDERR_FILENO : STDOUT_FILENO;
  const bool written = to_journal ? JournalSend(line) : WroteAtOnce(fd, line);
  if (!written) lost_lines.fetch_add(1, std::memory_order_relaxed);
  if (settings.syslog && !settings.structured) {
    ::syslog(settings.syslog_facility | static_cast<int>(level), "%.*s",
             static_cast<int>(text.size()), text.data());
  }
}

bool LogLimiter::Allow(MonoTime now, uint64_t* suppressed) {
  const int64_t second = now.seconds();
  if (second_.exchange(second, std::memory_order_relaxed) != second) {
    in_second_.store(0, std::memory_order_relaxed);
  }
  if (in_second_.fetch_add(1, std::memory_order_relaxed) >= 10) {
    suppressed_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  *suppressed = suppressed_.exchange(0, std::memory_order_relaxed);
  return true;
}

}  // namespace breakwater
