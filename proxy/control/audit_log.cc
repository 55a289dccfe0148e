#include "proxy/control/audit_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"

namespace breakwater {
namespace {

using nlohmann::json;

// A name of 255 octets, each of them escaped, is shown whole.
constexpr size_t kMaxValue = 1100;
constexpr size_t kMaxArguments = 1024;
constexpr size_t kAll = std::string_view::npos;

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._:/@+-,*").find(c) != std::string_view::npos;
}

std::string UtcNow() {
  const time_t now = static_cast<time_t>(WallNow().seconds);
  tm parts{};
  gmtime_r(&now, &parts);
  char text[32] = "";
  strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string Quoted(std::string_view value, size_t most) {
  const std::string_view shown = value.substr(0, most);
  if (!shown.empty() && shown.size() == value.size() &&
      std::all_of(shown.begin(), shown.end(), IsPlain)) {
    return std::string(shown);
  }
  std::string text = "\"";
  for (const char c : shown) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet > 0x7e || c == '"' || c == '\\') {
      text += fmt::format("\\x{:02x}", octet);
    } else {
      text += c;
    }
  }
  text += '"';
  if (shown.size() < value.size()) text += fmt::format("+{}", value.size() - shown.size());
  return text;
}

}  // namespace

std::string AuditValue(std::string_view value) {
  return Quoted(value, kMaxValue);
}

std::string AuditArguments(const json& request) {
  std::string text;
  if (!request.is_object()) return text;
  for (const auto& [key, value] : request.items()) {
    if (key == "command" || key == "token") continue;
    if (text.size() > kMaxArguments) return text + " ...";
    const std::string shown = value.is_string()
                                  ? value.get<std::string>()
                                  : value.dump(-1, ' ', false, json::error_handler_t::replace);
    // What a list flushes stands in no other line; its size is bounded with the request's.
    text += ' ' + AuditValue(key) + '=' + Quoted(shown, key == "lines" ? kAll : kMaxValue);
  }
  return text;
}

TextResult<void> AuditLog::Open(const std::string& path) {
  path_ = path;
  if (path_.empty()) return {};
  UniqueFd fd(open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640));
  if (!fd.valid() || fstat(fd.get(), &opened_) != 0) {
    return Fail(fmt::format("cannot open the audit log {}: {}", path_, std::strerror(errno)));
  }
  fd_ = std::move(fd);
  return {};
}

// What was moved away is written to for as long as there is no other.
void AuditLog::FollowRotation() {
  struct stat now {};
  const bool there = stat(path_.c_str(), &now) == 0;
  if (there && now.st_ino == opened_.st_ino && now.st_dev == opened_.st_dev) return;
  if (const auto opened = Open(path_); opened) {
    complained_ = false;
  } else if (!complained_) {
    complained_ = true;
    LogError("control", "{}; lines go to the file that was moved away", opened.error());
  }
}

bool AuditLog::WriteToFile(const std::string& line) {
  FollowRotation();
  const std::string whole = UtcNow() + ' ' + line + '\n';
  ssize_t written = 0;
  do {
    written = write(fd_.get(), whole.data(), whole.size());
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(whole.size())) return true;
  LogError("control", "the audit log {} takes no line: {}", path_,
           written < 0 ? std::strerror(errno) : "it is full");
  return false;
}

void AuditLog::Write(const std::string& line, Level level) {
  if (fd_.valid() && WriteToFile(line)) return;
  LogAt(level == Level::kRefused ? LogLevel::kWarning : LogLevel::kInfo, "control", "audit: {}",
        line);
}

}  // namespace breakwater
