// What LogLimiter has counted, at the end of the line that comes next.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace breakwater {

// " (3 more such messages were left out)"; empty where none was.
inline std::string LeftOut(uint64_t suppressed) {
  return suppressed == 0 ? "" : fmt::format(" ({} more such messages were left out)", suppressed);
}

}  // namespace breakwater
