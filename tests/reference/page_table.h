// Which functions and classes stand on which page of lua/reference.
#pragma once

#include <vector>

#include "lua/bindings.h"

namespace breakwater::lua::reference {

struct PageRow {
  const char* name;
  const char* title;
  const char* about;
  std::vector<FunctionPage> functions;
  std::vector<const ClassRow*> classes;
};

// In the order of the index.
std::vector<PageRow> PageRows();

}  // namespace breakwater::lua::reference
