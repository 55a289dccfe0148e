// Filters in the kernel: the page of newBPFFilter() and its classes.
#pragma once

#include "lua/bindings.h"

namespace breakwater::lua {

const ClassRow& KernelFilterClass();
const ClassRow& TimedKernelFilterClass();
FunctionPage KernelFilterFunctions();

}  // namespace breakwater::lua
