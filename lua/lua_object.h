// Objects of C++ in Lua: userdata that hold a shared_ptr, with the methods, attributes and
// operators of their ClassRow. A class is declared once, before it is first read or pushed:
//
//   template <> struct LuaClass<dns::Name> { static constexpr const char* kName = "DNSName"; };
//
// and described by one ClassRow in the registry.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "lua/lua_args.h"

namespace breakwater::lua {

struct FunctionRow;

template <typename T>
struct LuaClass;

template <typename T>
concept IsClass = requires {
  LuaClass<T>::kName;
};

// Reading runs `get` with the object as first argument; assigning runs `set` (null: read-only)
// with the object and the value.
struct AttributeRow {
  const char* name;
  TextResult<int> (*get)(Call&);
  TextResult<int> (*set)(Call&) = nullptr;
  const char* help = "";
};

struct ClassRow {
  const char* name;
  std::span<const FunctionRow> methods;
  std::span<const AttributeRow> attributes;
  // tostring(), and how the console prints it; null: the class's name.
  std::string (*to_string)(const void* object) = nullptr;
  bool (*equal)(const void* a, const void* b) = nullptr;
  bool (*less)(const void* a, const void* b) = nullptr;
  // Why an object can no longer be used; null, or an empty text: it can.
  std::string (*dead)(const void* object) = nullptr;
  const char* help = "";
};

// Makes the metatable of a class. Called once for each class, when the interpreter is set up.
void DefineClass(lua_State* state, const ClassRow& row);

struct Box {
  const ClassRow* row;
  std::shared_ptr<void> object;
};
// Null where the value is no object of ours.
Box* BoxAt(lua_State* state, int index);
// Null where it is not of that class.
Box* BoxAt(lua_State* state, int index, const char* class_name);

void PushBox(lua_State* state, const char* class_name, std::shared_ptr<void> object);

// nil for null.
template <typename T>
void PushObject(lua_State* state, const std::shared_ptr<T>& object) {
  using Plain = std::remove_const_t<T>;
  if (!object) {
    lua_pushnil(state);
  } else {
    PushBox(state, LuaClass<Plain>::kName, std::const_pointer_cast<Plain>(object));
  }
}
template <typename T, typename... Args>
void PushNew(lua_State* state, Args&&... args) {
  PushObject(state, std::make_shared<T>(std::forward<Args>(args)...));
}

TextResult<Box*> ReadBox(Call& call, int index, const char* class_name);

template <typename T>
TextResult<std::shared_ptr<T>> ReadObject(Call& call, int index) {
  auto box = ReadBox(call, index, LuaClass<T>::kName);
  if (!box) return Fail(std::move(box.error()));
  return std::static_pointer_cast<T>((*box)->object);
}

template <typename T>
requires IsClass<std::remove_const_t<T>>
struct Reader<std::shared_ptr<T>> {
  using Plain = std::remove_const_t<T>;
  static constexpr const char* kExpected = LuaClass<Plain>::kName;
  static bool Accepts(lua_State* state, int index) {
    return BoxAt(state, index, kExpected) != nullptr;
  }
  static TextResult<std::shared_ptr<T>> Read(Call& call, int index) {
    auto object = ReadObject<Plain>(call, index);
    if (!object) return Fail(std::move(object.error()));
    return std::shared_ptr<T>(std::move(*object));
  }
};

}  // namespace breakwater::lua
