// The audit log: one line for each request on the control socket, those refused as well. In the
// log, or in a file of its own (controlUnixSocket{audit=}), which is opened again once another
// program has moved it away. Written before the reply is sent. Control thread alone, but for Open.
//
//   2026-11-27T21:30:05Z uid=1000 user=alice pid=4711 role=flush token=shop command=flush
//       name=example.com suffix=true outcome=ok id=17                          (one line)
#pragma once

#include <sys/stat.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {

// A value of such a line: bare where it is plain, else in quotes, with octets that could end the
// line or reach a terminal as \xNN; long ones are cut.
std::string AuditValue(std::string_view value);
// " name=example.com suffix=true": the members of a request, but for its command and token.
std::string AuditArguments(const nlohmann::json& request);

class AuditLog {
 public:
  // With an empty path lines go to the log. Needs the privileges that are dropped later.
  TextResult<void> Open(const std::string& path);

  enum class Level : uint8_t { kDone, kRefused };
  // A line that the file does not take goes to the log.
  void Write(const std::string& line, Level level);

 private:
  bool WriteToFile(const std::string& line);
  void FollowRotation();

  std::string path_;
  UniqueFd fd_;
  struct stat opened_ {};
  bool complained_ = false;  // that it cannot be opened again; until it can
};

}  // namespace breakwater
