// Bound functions. A binding is a plain C++ function of typed parameters; Bind<&F> reads them from
// the stack, calls it and pushes what it returns:
//
//   TextResult<void> AddAcl(Call& call, const std::string& netmask) { ... }
//   {"addACL", Bind<&AddAcl>, "addACL(netmask)", "Lets a network ask.", Scope::kScript},
//
// `Call&` takes no argument. An error becomes a Lua error "file:line: NAME: text", raised by
// Trampoline once every C++ object of the call is gone.
#pragma once

#include <span>
#include <tuple>

#include "lua/lua_args.h"
#include "lua/lua_object.h"

namespace breakwater::lua {

using BoundFunction = TextResult<int> (*)(Call&);

// Where a function may be called.
enum class Scope : uint8_t {
  kAnywhere,    // on workers too
  kScript,      // it changes or reads the working copy: not in packet callbacks
  kConfigOnly,  // while the file is read; later it prints "NAME cannot be used at runtime!"
};

struct FunctionRow {
  const char* name;
  BoundFunction function;
  const char* signature;
  const char* help;
  Scope scope = Scope::kScript;
};

// Pushes the closure of a row, which must live for ever.
void PushFunction(lua_State* state, const FunctionRow& row);

// --- results
void Push(lua_State* state, bool value);
void Push(lua_State* state, double value);
void Push(lua_State* state, std::string_view value);
inline void Push(lua_State* state, const std::string& value) {
  Push(state, std::string_view(value));
}
inline void Push(lua_State* state, const char* value) {
  Push(state, std::string_view(value));
}
template <typename T>
requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) void Push(lua_State* state, T value) {
  lua_pushinteger(state, static_cast<lua_Integer>(value));
}
template <typename T>
void Push(lua_State* state, const std::shared_ptr<T>& object) {
  PushObject(state, object);
}
// An object by value: Lua gets a copy of its own.
template <typename T>
requires IsClass<T>
void Push(lua_State* state, const T& object) {
  PushNew<T>(state, object);
}
template <typename T>
void Push(lua_State* state, const std::optional<T>& value) {
  if (value) {
    Push(state, *value);
  } else {
    lua_pushnil(state);
  }
}
template <typename T>
void Push(lua_State* state, const std::vector<T>& list) {
  lua_createtable(state, static_cast<int>(list.size()), 0);
  for (size_t i = 0; i < list.size(); ++i) {
    Push(state, list[i]);
    lua_rawseti(state, -2, static_cast<lua_Integer>(i + 1));
  }
}

// A table with tv_sec and tv_nsec, from nanoseconds since 1970.
void PushTimespec(lua_State* state, int64_t nanoseconds);

namespace internal {

// What is kept of a parameter between reading and the call, and how it is handed on.
template <typename A>
struct Parameter {
  using Type = std::remove_cv_t<std::remove_reference_t<A>>;
  static constexpr int kSlots = 1;
  std::optional<Type> value;
  void Read(Call& call, int index, std::string* error) {
    auto read = Reader<Type>::Read(call, index);
    if (read) {
      value = std::move(*read);
    } else {
      *error = std::move(read.error());
    }
  }
  Type& Get() { return *value; }
};
template <>
struct Parameter<std::string_view> : Parameter<std::string> {};
template <>
struct Parameter<Call&> {
  static constexpr int kSlots = 0;
  Call* call = nullptr;
  void Read(Call& it, int, std::string*) { call = &it; }
  Call& Get() { return *call; }
};
template <typename T>
requires IsClass<std::remove_const_t<T>>
struct Parameter<T&> {
  static constexpr int kSlots = 1;
  T* object = nullptr;
  void Read(Call& call, int index, std::string* error) {
    auto read = ReadObject<std::remove_const_t<T>>(call, index);
    if (read) {
      object = read->get();
    } else {
      *error = std::move(read.error());
    }
  }
  T& Get() { return *object; }
};

template <typename R>
TextResult<int> Finish(Call& call, R&& result) {
  using Type = std::remove_cvref_t<R>;
  if constexpr (std::is_same_v<Type, TextResult<void>>) {
    if (!result) return Fail(std::move(result.error()));
    return 0;
  } else if constexpr (std::is_same_v<Type, TextResult<Pushed>>) {
    if (!result) return Fail(std::move(result.error()));
    return result->count;
  } else if constexpr (std::is_same_v<Type, Pushed>) {
    return result.count;
  } else if constexpr (requires { result.error(); }) {
    if (!result) return Fail(std::move(result.error()));
    Push(call.state(), *result);
    return 1;
  } else {
    Push(call.state(), result);
    return 1;
  }
}

template <typename R, typename... A, size_t... I>
TextResult<int> Invoke(Call& call, R (*function)(A...), std::index_sequence<I...>) {
  std::tuple<Parameter<A>...> parameters;
  std::string error;
  [[maybe_unused]] int index = 1;
  ((error.empty() ? std::get<I>(parameters).Read(call, index, &error) : void(),
    index += Parameter<A>::kSlots),
   ...);
  if (!error.empty()) return Fail(std::move(error));
  if constexpr (std::is_void_v<R>) {
    function(static_cast<A>(std::get<I>(parameters).Get())...);
    return 0;
  } else {
    return Finish(call, function(static_cast<A>(std::get<I>(parameters).Get())...));
  }
}

template <typename R, typename... A>
TextResult<int> InvokeAny(Call& call, R (*function)(A...)) {
  return Invoke(call, function, std::index_sequence_for<A...>());
}

}  // namespace internal

template <auto Function>
TextResult<int> Bind(Call& call) {
  return internal::InvokeAny(call, Function);
}

}  // namespace breakwater::lua
