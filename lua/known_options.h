// The options that bindings asked a table for, by function, as --check-config noted them while it
// ran a file: what the reference says of a function's options comes from there.
#pragma once

#include <map>
#include <string>

#include "lua/lua_args.h"

namespace breakwater::lua {

enum class OptionKind : uint8_t { kRead, kUnavailable };

// Does nothing but where the runtime only checks; the first kind noted stays. Inside an Entry, as
// every call is.
void NoteOption(Call& call, const std::string& name, OptionKind kind);

// Function -> option -> kind.
using KnownOptionsMap = std::map<std::string, std::map<std::string, OptionKind>>;
// Takes an Entry of its own.
KnownOptionsMap KnownOptions(Runtime& runtime);

}  // namespace breakwater::lua
