// LogAction and LogResponseAction: one line, or one binary record, for each message. They go on.
#pragma once

#include <string>

#include "proxy/base/result.h"
#include "proxy/rules/action.h"

namespace breakwater {

// The defaults are dnsdist's.
struct LogActionOptions {
  std::string path;    // empty: the program's own log
  bool binary = true;  // LogAction with a path alone
  bool append = false;
  bool buffered = true;
  bool verbose_only = true;  // without a path
  bool include_timestamp = false;
};

// An error where the file cannot be opened.
TextResult<ActionPtr> MakeLogAction(const LogActionOptions& options);
// Lines only.
TextResult<ResponseActionPtr> MakeLogResponseAction(const LogActionOptions& options);

}  // namespace breakwater
