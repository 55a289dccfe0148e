// A table of options, {doTCP=true, cpus={0, 1}}: read by name, then Finish() tells what was not
// asked for. An unknown name or a value of the wrong type is a warning with file:line and the
// nearest known name, and is ignored; with setStrictConfig(true) or --strict it is an error.
//
//   Options options = ...;                       // a parameter of the binding
//   options.Read("doTCP", &do_tcp);              // unchanged where it is not there
//   options.Unavailable({"xskSocket"});          // known, and an error when used
//   if (auto good = options.Finish(); !good) return Fail(good.error());
//
// Refers to the stack of the call it was read from.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "lua/lua_args.h"
#include "lua/lua_object.h"

namespace breakwater::lua {

class Options {
 public:
  Options() = default;  // none given
  Options(Call& call, int index) : call_(&call), index_(index) {}

  bool Has(const char* name);

  // True where the option is there, has the right type, and was written to `value`.
  template <typename T>
  bool Read(const char* name, T* value) {
    known_.push_back(name);
    if (!PushValue(name)) return false;
    auto read = Reader<T>::Read(*call_, lua_gettop(call_->state()));
    lua_pop(call_->state(), 1);
    if (!read) {
      Problem(std::string("option '") + name + "': " + read.error());
      return false;
    }
    *value = std::move(*read);
    return true;
  }
  // Accepted and without effect here.
  void Accept(std::initializer_list<const char*> names);
  void Unavailable(std::initializer_list<const char*> names);
  // What is unknown or unreadable is an error here even where the file is not strict: for what
  // would let more people in if it were ignored.
  void RejectProblems() { rejects_problems_ = true; }
  // A problem of a value that the caller found: a warning, or an error when strict.
  void Problem(std::string text);
  // An error in any case.
  void Reject(std::string text);

  TextResult<void> Finish();

 private:
  // Pushes the value and gives true, or pushes nothing.
  bool PushValue(const char* name);

  Call* call_ = nullptr;
  int index_ = 0;
  std::vector<std::string> known_;
  std::string error_;
  bool rejects_problems_ = false;
};

template <>
struct Reader<Options> {
  static constexpr const char* kExpected = "table of options";
  static bool Accepts(lua_State* state, int index) {
    return lua_isnoneornil(state, index) || IsTable(state, index);
  }
  static TextResult<Options> Read(Call& call, int index) {
    if (lua_isnoneornil(call.state(), index)) return Options();
    if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
    return Options(call, index);
  }
};

}  // namespace breakwater::lua
