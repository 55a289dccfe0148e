#include "lua/object_args.h"

#include <fmt/format.h>

namespace breakwater::lua {
namespace {

template <typename T>
bool IsTextOr(lua_State* state, int index) {
  return lua_type(state, index) == LUA_TSTRING ||
         BoxAt(state, index, LuaClass<T>::kName) != nullptr;
}

template <typename T>
TextResult<T> ObjectAt(Call& call, int index) {
  auto object = ReadObject<T>(call, index);
  if (!object) return Fail(std::move(object.error()));
  return **object;
}

}  // namespace

bool Reader<NameArg>::Accepts(lua_State* state, int index) {
  return IsTextOr<dns::Name>(state, index);
}

TextResult<NameArg> Reader<NameArg>::Read(Call& call, int index) {
  if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
  auto name = lua_type(call.state(), index) == LUA_TSTRING
                  ? dns::Name::Parse(PlainText(call.state(), index))
                  : ObjectAt<dns::Name>(call, index);
  if (!name) return Fail(std::move(name.error()));
  return NameArg{*name};
}

bool Reader<AddressArg>::Accepts(lua_State* state, int index) {
  return IsTextOr<Address>(state, index);
}

TextResult<AddressArg> Reader<AddressArg>::Read(Call& call, int index) {
  if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
  auto address = lua_type(call.state(), index) == LUA_TSTRING
                     ? Address::Parse(PlainText(call.state(), index))
                     : ObjectAt<Address>(call, index);
  if (!address) return Fail(std::move(address.error()));
  return AddressArg{*address};
}

bool Reader<NetmaskArg>::Accepts(lua_State* state, int index) {
  return IsTextOr<Netmask>(state, index);
}

TextResult<NetmaskArg> Reader<NetmaskArg>::Read(Call& call, int index) {
  if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
  auto netmask = lua_type(call.state(), index) == LUA_TSTRING
                     ? Netmask::Parse(PlainText(call.state(), index))
                     : ObjectAt<Netmask>(call, index);
  if (!netmask) return Fail(std::move(netmask.error()));
  return NetmaskArg{*netmask};
}

bool Reader<NetmasksArg>::Accepts(lua_State* state, int index) {
  return IsTextOr<NetmaskGroup>(state, index) || IsTextOr<Netmask>(state, index) ||
         IsTable(state, index);
}

TextResult<NetmasksArg> Reader<NetmasksArg>::Read(Call& call, int index) {
  if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
  NetmasksArg result;
  if (BoxAt(call.state(), index, LuaClass<NetmaskGroup>::kName) != nullptr) {
    result.group = *ObjectAt<NetmaskGroup>(call, index);
    return result;
  }
  if (BoxAt(call.state(), index, LuaClass<Netmask>::kName) != nullptr) {
    result.group.Add(*ObjectAt<Netmask>(call, index));
    return result;
  }
  const auto texts = Reader<StringOrList>::Read(call, index);
  if (!texts) return Fail(texts.error());
  for (const std::string& text : texts->items) {
    if (auto added = result.group.Add(text); !added) return Fail(std::move(added.error()));
  }
  return result;
}

bool Reader<NamesArg>::Accepts(lua_State* state, int index) {
  return Reader<NameArg>::Accepts(state, index) || IsTextOr<SuffixMatchTree>(state, index) ||
         IsTextOr<NameSet>(state, index) || IsTable(state, index);
}

TextResult<NamesArg> Reader<NamesArg>::Read(Call& call, int index) {
  if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
  NamesArg result;
  if (BoxAt(call.state(), index, LuaClass<SuffixMatchTree>::kName) != nullptr) {
    result.names = ObjectAt<SuffixMatchTree>(call, index)->Names();
  } else if (BoxAt(call.state(), index, LuaClass<NameSet>::kName) != nullptr) {
    result.names = ObjectAt<NameSet>(call, index)->Names();
  } else if (IsTable(call.state(), index)) {
    auto list = Reader<std::vector<NameArg>>::Read(call, index);
    if (!list) return Fail(std::move(list.error()));
    for (const NameArg& item : *list) result.names.push_back(item.name);
  } else {
    auto name = Reader<NameArg>::Read(call, index);
    if (!name) return Fail(std::move(name.error()));
    result.names.push_back(name->name);
  }
  return result;
}

}  // namespace breakwater::lua
