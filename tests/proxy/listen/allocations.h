// How often this program has allocated so far: what is done for each query must not.
#pragma once

#include <cstddef>

namespace breakwater::test {

size_t Allocations();

}  // namespace breakwater::test
