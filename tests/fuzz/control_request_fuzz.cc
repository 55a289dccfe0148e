#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/control/control_request.h"

// Whatever the peer of the control socket sends is either a request or a named error.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto request = breakwater::ParseControlRequest(line);
  if (request) {
    (void)breakwater::RequiredRole(request->command);
    (void)request->flush.name.ToString();
  } else if (request.error().empty()) {
    __builtin_trap();
  }
  return 0;
}
