// Who put an entry into a map of the kernel for as long as it runs itself, so that the next process
// knows in a pinned map what was left there by one that was killed. 32 bits: four that tell it from
// what other programs may have left in their place, six of the time when the process began, 22 of
// its number. Any thread.
#pragma once

#include <cstdint>

namespace breakwater {

// Of an entry that stays until somebody takes it out.
inline constexpr uint32_t kNoKernelOwner = 0;

uint32_t ThisKernelOwner();  // reads /proc
// False as well for what is no owner. A process of another PID namespace counts as gone.
bool KernelOwnerIsGone(uint32_t owner);

}  // namespace breakwater
