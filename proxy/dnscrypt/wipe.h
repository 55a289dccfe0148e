// Overwriting secrets, in a way that no compiler leaves out.
#pragma once

#include <cstdint>
#include <span>

namespace breakwater::dnscrypt {

void WipeBytes(std::span<uint8_t> bytes);

}  // namespace breakwater::dnscrypt
