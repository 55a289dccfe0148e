// Which C++ types Lua knows as objects, and under what names. Rows are in the bind_*.cc file of
// the class.
#pragma once

#include "lua/lua_object.h"
#include "proxy/backend/backend.h"
#include "proxy/base/netmask_tree.h"
#include "proxy/cache/packet_cache.h"
#include "proxy/dns/name.h"
#include "proxy/query/frontend.h"
#include "proxy/rules/name_set.h"
#include "proxy/rules/suffix_match_tree.h"

namespace breakwater::lua {

#define BW_LUA_CLASS(Type, name)               \
  template <>                                  \
  struct LuaClass<Type> {                      \
    static constexpr const char* kName = name; \
  }
BW_LUA_CLASS(dns::Name, "DNSName");
BW_LUA_CLASS(NameSet, "DNSNameSet");
BW_LUA_CLASS(SuffixMatchTree, "SuffixMatchNode");
BW_LUA_CLASS(Address, "ComboAddress");
BW_LUA_CLASS(Netmask, "Netmask");
BW_LUA_CLASS(NetmaskGroup, "NetmaskGroup");
BW_LUA_CLASS(Backend, "Server");
BW_LUA_CLASS(PacketCache, "PacketCache");
BW_LUA_CLASS(Frontend, "ClientState");
#undef BW_LUA_CLASS

const ClassRow& NameClass();
const ClassRow& NameSetClass();
const ClassRow& SuffixMatchNodeClass();
const ClassRow& AddressClass();
const ClassRow& NetmaskClass();
const ClassRow& NetmaskGroupClass();
const ClassRow& ServerClass();
const ClassRow& CacheClass();
const ClassRow& BindClass();
const ClassRow& PoolClass();
const ClassRow& HeaderClass();
const ClassRow& SelectorClass();
const ClassRow& ActionClass();
const ClassRow& ResponseActionClass();
const ClassRow& RuleClass();
const ClassRow& ResponseRuleClass();

}  // namespace breakwater::lua
