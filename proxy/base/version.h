// What we call ourselves: the interface that scripts look for comes first.
#pragma once

#include <string>

namespace breakwater {

inline constexpr char kBreakwaterVersion[] = "0.1.0";
inline constexpr char kInterfaceVersion[] = "2.1.1";

// "dnsdist 2.1.1 (Breakwater 0.1.0)"
inline std::string VersionText() {
  return std::string("dnsdist ") + kInterfaceVersion + " (Breakwater " + kBreakwaterVersion + ")";
}

}  // namespace breakwater
