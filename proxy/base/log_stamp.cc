#include "proxy/base/log_stamp.h"

#include <fmt/format.h>

#include <ctime>

#include "proxy/base/guarded.h"

namespace breakwater {
namespace {

Guarded<LogStamp>& Stamp() {
  static Guarded<LogStamp> stamp;
  return stamp;
}

}  // namespace

std::string LogStamp::TimeText(const WallTime& time) const {
  if (time_format == LogTimeFormat::kNumeric) {
    return fmt::format("{}.{:03d}", time.seconds, time.nanoseconds / 1'000'000);
  }
  const time_t seconds = static_cast<time_t>(time.seconds);
  tm parts{};
  localtime_r(&seconds, &parts);
  char text[32] = "";
  strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &parts);
  return text;
}

void SetLogStamp(const LogStamp& stamp) {
  Stamp().With([&](LogStamp& kept) { kept = stamp; });
}

LogStamp GetLogStamp() {
  return Stamp().Copy();
}

}  // namespace breakwater
