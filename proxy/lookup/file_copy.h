// A file's content as it is now, in memory of our own. A store that mapped the file itself would
// end the program (SIGBUS) where somebody writes a shorter one over it, as `cp` does.
#pragma once

#include <string>

#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {

// A descriptor of a file without a name, at its beginning. The error is the system's word for it.
TextResult<UniqueFd> CopyIntoMemory(const std::string& path);

}  // namespace breakwater
