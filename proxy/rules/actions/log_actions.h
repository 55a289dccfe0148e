// LogAction and LogResponseAction: one line, or one binary record, for each message. They go on.
#pragma once

#include <memory>

#include "proxy/rules/action.h"
#include "proxy/rules/log_file.h"

namespace breakwater {

// The defaults are dnsdist's.
struct LogActionOptions {
  std::shared_ptr<LogFile> file;  // null: the program's own log
  bool binary = true;             // LogAction with a file alone
  bool verbose_only = true;       // without a file
  bool include_timestamp = false;
};

ActionPtr MakeLogAction(const LogActionOptions& options);
// Lines only.
ResponseActionPtr MakeLogResponseAction(const LogActionOptions& options);

}  // namespace breakwater
