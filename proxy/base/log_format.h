// How structured log lines are written, beside what LogSettings says.
#pragma once

#include <cstdint>

namespace breakwater {

enum class StructuredFormat : uint8_t {
  kPairs,  // key="value"
  kJson,   // an object a line, all values texts
};
// From the next line on. Any thread.
void SetStructuredFormat(StructuredFormat format);

}  // namespace breakwater
