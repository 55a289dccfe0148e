// What structured log lines say of when and where they were written. Any thread; set when the
// configuration is read.
#pragma once

#include <string>

#include "proxy/base/clock.h"

namespace breakwater {

enum class LogTimeFormat : uint8_t {
  kNumeric,  // seconds since 1970, with three decimals
  kIso8601,  // local time, with its distance from UTC
};
struct LogStamp {
  LogTimeFormat time_format = LogTimeFormat::kNumeric;
  bool has_instance = false;  // whether lines tell `instance`
  std::string instance{};

  std::string TimeText(const WallTime& time) const;
};
void SetLogStamp(const LogStamp& stamp);
LogStamp GetLogStamp();

}  // namespace breakwater
