// The pages of lua/reference: which functions and classes stand on which, and their text, from the
// rows of the bindings and the examples.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lua/known_options.h"
#include "tests/reference/examples.h"

namespace breakwater::lua::reference {

struct Page {
  std::string name;  // NAME.md, and examples/NAME.lua
  std::string title;
  std::string about;
  std::vector<const FunctionRow*> functions;  // by name
  std::vector<const ClassRow*> classes;
};

// Each function and class of the registry stands on one page; what no page takes is on "more".
std::vector<Page> Pages();

// File name -> text, README.md and exceptions.md among them. `not_bound` is the text of
// tests/repo_test/not_bound.txt.
std::map<std::string, std::string> Render(const std::vector<Example>& examples,
                                          const KnownOptionsMap& options,
                                          const std::string& not_bound);

}  // namespace breakwater::lua::reference
