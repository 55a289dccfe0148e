// The numbers of flushes: one row for the process, whichever cache and whoever flushes, so that a
// number that is told anywhere means one flush. Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace breakwater {

// So many in a row that nobody else gets; the first of them.
uint64_t ReserveFlushNumbers(uint64_t count);
// From 1 again: for tests that name numbers.
void RestartFlushNumbers();

// "7", "5-7" or "5-7, 9": as `flush undo` takes them.
std::string FlushNumbersText(std::span<const uint64_t> numbers);

}  // namespace breakwater
