// Asks for a line of memory that will be read soon; does not wait for it.
#pragma once

namespace breakwater {

inline void Prefetch(const void* at) {
  __builtin_prefetch(at);
  // GCC takes a function that does nothing but prefetch for one without effects, and drops it.
  asm volatile("");
}

}  // namespace breakwater
