// The Lua text of lua/prelude/, carried inside the program; the build makes it into
// prelude_text.cc. Read by each new interpreter, in the order of the file names.
#pragma once

#include <cstddef>

namespace breakwater::lua {

struct PreludeFile {
  const char* name;
  const char* text;
};
extern const PreludeFile kPreludeFiles[];
extern const size_t kPreludeFileCount;

}  // namespace breakwater::lua
