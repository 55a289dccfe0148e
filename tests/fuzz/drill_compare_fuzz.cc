// Two hostile answers, as two nameservers may give: the first two bytes are the length of the
// first. Whatever they hold, one that can be compared equals itself, and who is named first decides
// nothing.
#include <algorithm>
#include <cstdlib>

#include "proxy/backend/drill_compare.h"

using namespace breakwater;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::span<const uint8_t> bytes(data + 2, size - 2);
  const size_t split = std::min<size_t>(static_cast<size_t>(data[0] << 8 | data[1]), bytes.size());
  const auto one = bytes.first(split);
  const auto other = bytes.subspan(split);
  if (IsComparable(one) && DifferenceOf(one, one)) std::abort();
  const auto forth = DifferenceOf(one, other);
  const auto back = DifferenceOf(other, one);
  if (forth.has_value() != back.has_value()) std::abort();
  if (forth && (forth->empty() || forth->size() > 4096)) std::abort();
  return 0;
}
