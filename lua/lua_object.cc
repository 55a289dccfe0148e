#include "lua/lua_object.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "lua/console_changes.h"
#include "lua/lua_function.h"
#include "lua/registry.h"

namespace breakwater::lua {
namespace {

// A registry key: metatables of our classes hold their row under it.
const char kRowKey = 0;

const ClassRow* RowAt(lua_State* state, int index) {
  if (lua_type(state, index) != LUA_TUSERDATA || lua_getmetatable(state, index) == 0) {
    return nullptr;
  }
  lua_rawgetp(state, -1, &kRowKey);
  const auto* row = static_cast<const ClassRow*>(lua_touserdata(state, -1));
  lua_pop(state, 2);
  return row;
}

int Collect(lua_State* state) {
  const MemoryScope exempt(state, MemoryRule::kExempt);
  if (Box* box = BoxAt(state, 1)) box->~Box();
  // A second __gc, or a use after it, must find nothing.
  lua_pushnil(state);
  lua_setmetatable(state, 1);
  return 0;
}

int ToString(lua_State* state) {
  const MemoryScope exempt(state, MemoryRule::kExempt);
  if (Box* box = BoxAt(state, 1)) {
    Push(state, box->row->to_string != nullptr ? box->row->to_string(box->object.get())
                                               : std::string(box->row->name));
  } else {
    Push(state, "object");
  }
  return 1;
}

// Both operands must be objects of one class; else they are neither equal nor ordered.
int Compare(lua_State* state, bool (*ClassRow::*operation)(const void*, const void*)) {
  const MemoryScope exempt(state, MemoryRule::kExempt);
  const Box* a = BoxAt(state, 1);
  const Box* b = BoxAt(state, 2);
  const bool same = a != nullptr && b != nullptr && a->row == b->row;
  lua_pushboolean(state, same && (a->row->*operation)(a->object.get(), b->object.get()) ? 1 : 0);
  return 1;
}
int Equal(lua_State* state) {
  return Compare(state, &ClassRow::equal);
}
int Less(lua_State* state) {
  return Compare(state, &ClassRow::less);
}

const AttributeRow* FindAttribute(const ClassRow& row, const char* name) {
  const auto found = std::find_if(
      row.attributes.begin(), row.attributes.end(),
      [&](const AttributeRow& attribute) { return std::strcmp(attribute.name, name) == 0; });
  return found == row.attributes.end() ? nullptr : &*found;
}

// Pushes the error and gives -1, or the results of the access.
int Access(lua_State* state, const ClassRow& row, const AttributeRow& attribute, bool assign) {
  const std::string name = fmt::format("{}.{}", row.name, attribute.name);
  const FunctionRow as_function{name.c_str(), nullptr, "", "", Scope::kAnywhere};
  Call call(state, *LuaState::RuntimeOf(state), as_function);
  const auto function = assign ? attribute.set : attribute.get;
  TextResult<int> result = Fail(fmt::format("cannot be assigned to"));
  if (function != nullptr) result = function(call);
  if (result && assign && call.runtime().place() == Place::kScript) NoteChange(state);
  if (result) return *result;
  Push(state, fmt::format("{}{}: {}", WhereOf(state), name, result.error()));
  return -1;
}

int PushMissing(lua_State* state, const ClassRow& row, const char* name) {
  switch (FindApiName(row.name, name)) {
    case ApiKind::kMethod:
      PushUnavailable(state, fmt::format("{}:{}", row.name, name));
      return 1;
    case ApiKind::kAttribute:
      Push(state, fmt::format("{}{}.{} is not available yet", WhereOf(state), row.name, name));
      return -1;
    default:
      lua_pushnil(state);
      return 1;
  }
}

int IndexGuarded(lua_State* state) {
  const MemoryScope exempt(state, MemoryRule::kExempt);
  const auto& row = *static_cast<const ClassRow*>(lua_touserdata(state, lua_upvalueindex(1)));
  lua_pushvalue(state, 2);
  if (lua_rawget(state, lua_upvalueindex(2)) != LUA_TNIL) return 1;
  lua_pop(state, 1);
  if (lua_type(state, 2) != LUA_TSTRING) {
    lua_pushnil(state);
    return 1;
  }
  const char* name = lua_tostring(state, 2);
  const AttributeRow* attribute = FindAttribute(row, name);
  if (attribute == nullptr) return PushMissing(state, row, name);
  lua_settop(state, 1);
  return Access(state, row, *attribute, false);
}

int Index(lua_State* state) {
  const int results = IndexGuarded(state);
  return results < 0 ? lua_error(state) : results;
}

int AssignGuarded(lua_State* state) {
  const MemoryScope exempt(state, MemoryRule::kExempt);
  const auto& row = *static_cast<const ClassRow*>(lua_touserdata(state, lua_upvalueindex(1)));
  const char* name = lua_type(state, 2) == LUA_TSTRING ? lua_tostring(state, 2) : "?";
  const AttributeRow* attribute = FindAttribute(row, name);
  if (attribute == nullptr) {
    const bool known = FindApiName(row.name, name) == ApiKind::kAttribute;
    Push(state, fmt::format("{}{}.{} {}", WhereOf(state), row.name, name,
                            known ? "is not available yet" : "is no attribute"));
    return -1;
  }
  lua_remove(state, 2);
  return Access(state, row, *attribute, true);
}

int Assign(lua_State* state) {
  return AssignGuarded(state) < 0 ? lua_error(state) : 0;
}

void SetMeta(lua_State* state, const char* name, lua_CFunction function) {
  lua_pushcfunction(state, function);
  lua_setfield(state, -2, name);
}

}  // namespace

void DefineClass(lua_State* state, const ClassRow& row) {
  luaL_newmetatable(state, row.name);
  lua_pushlightuserdata(state, const_cast<ClassRow*>(&row));
  lua_rawsetp(state, -2, &kRowKey);
  SetMeta(state, "__gc", Collect);
  SetMeta(state, "__tostring", ToString);
  if (row.equal != nullptr) SetMeta(state, "__eq", Equal);
  if (row.less != nullptr) SetMeta(state, "__lt", Less);
  lua_pushlightuserdata(state, const_cast<ClassRow*>(&row));
  lua_createtable(state, 0, static_cast<int>(row.methods.size()));
  for (const FunctionRow& method : row.methods) {
    PushFunction(state, method);
    lua_setfield(state, -2, method.name);
  }
  lua_pushcclosure(state, Index, 2);
  lua_setfield(state, -2, "__index");
  lua_pushlightuserdata(state, const_cast<ClassRow*>(&row));
  lua_pushcclosure(state, Assign, 1);
  lua_setfield(state, -2, "__newindex");
  // Scripts must not take a metatable apart.
  lua_pushstring(state, row.name);
  lua_setfield(state, -2, "__metatable");
  lua_pop(state, 1);
}

Box* BoxAt(lua_State* state, int index) {
  return RowAt(state, index) == nullptr ? nullptr : static_cast<Box*>(lua_touserdata(state, index));
}

Box* BoxAt(lua_State* state, int index, const char* class_name) {
  const ClassRow* const row = RowAt(state, index);
  if (row == nullptr || std::strcmp(row->name, class_name) != 0) return nullptr;
  return static_cast<Box*>(lua_touserdata(state, index));
}

void PushBox(lua_State* state, const char* class_name, std::shared_ptr<void> object) {
  void* const memory = lua_newuserdatauv(state, sizeof(Box), 0);
  Box* const box = new (memory) Box{nullptr, std::move(object)};
  luaL_setmetatable(state, class_name);
  box->row = RowAt(state, -1);
}

TextResult<Box*> ReadBox(Call& call, int index, const char* class_name) {
  Box* const box = BoxAt(call.state(), index, class_name);
  if (box == nullptr) {
    const Box* other = BoxAt(call.state(), index);
    if (other == nullptr) return Fail(TypeError(call, index, class_name));
    return Fail(
        fmt::format("bad argument #{} ({} expected, got {})", index, class_name, other->row->name));
  }
  if (box->row->dead != nullptr) {
    if (std::string reason = box->row->dead(box->object.get()); !reason.empty()) {
      return Fail(std::move(reason));
    }
  }
  return box;
}

}  // namespace breakwater::lua
