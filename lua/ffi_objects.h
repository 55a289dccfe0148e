// What functions of ffi.C hand out beside text and numbers: a parsed packet, a list, an endpoint.
// It is memory of the interpreter, which counts it and takes it back; a function that frees it does
// so early, and what is freed is no argument any more. Objects of C++ in it are bounded.
#pragma once

#include "lua/ffi_call.h"

namespace breakwater::lua {

// One for each kind of object, with static storage.
struct FfiKind {
  const char* name;  // "a packet", as errors say it
  void (*destroy)(void*) = nullptr;
};

// Pushes one of so many bytes, aligned as malloc's, not set to anything.
void* NewFfiObject(lua_State* state, const FfiKind& kind, size_t size);
// Null, and a problem noted, where the argument is none of that kind, or was freed.
void* FfiObjectAt(FfiCall& call, int index, const FfiKind& kind);
// Null where the value is none.
void* FfiObjectOrNull(lua_State* state, int index, const FfiKind& kind);
// nil is nothing to free, as NULL is.
int FreeFfiObject(FfiCall& call, int index, const FfiKind& kind);
template <const FfiKind& Kind>
int FreeObject(FfiCall& call) {
  return FreeFfiObject(call, 1, Kind);
}

// Gives the count and, as a second result, the object on top of the stack; that goes into the place
// at `index` too where there is one. Where nothing is to be given there is no object.
int GiveCountAndObject(FfiCall& call, size_t count, int index);

// A list from 0 on, of tables; its length, and into the place at an index. Without a place the list
// is a second result.
class FfiList {
 public:
  FfiList(FfiCall& call, int place) : call_(call), place_(place) { lua_newtable(call.state()); }
  void Begin() { lua_newtable(call_.state()); }
  void Field(const char* name, std::string_view value) {
    call_.Give(value);
    lua_setfield(call_.state(), -2, name);
  }
  template <typename T>
  requires std::is_integral_v<T>
  void Field(const char* name, T value) {
    call_.Give(value);
    lua_setfield(call_.state(), -2, name);
  }
  void End() { lua_rawseti(call_.state(), -2, static_cast<lua_Integer>(count_++)); }
  int Give();

 private:
  FfiCall& call_;
  int place_;
  size_t count_ = 0;
};

}  // namespace breakwater::lua
