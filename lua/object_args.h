// Parameters that Lua may give as text or as one of our objects.
#pragma once

#include <string>

#include "lua/lua_classes.h"

namespace breakwater::lua {

// "www.example.com" or a DNSName.
struct NameArg {
  dns::Name name;
};
// "192.0.2.1:53" or a ComboAddress; the port is 0 where none was given.
struct AddressArg {
  Address address;
};
// "192.0.2.0/24" or a Netmask.
struct NetmaskArg {
  Netmask netmask;
};
// Text, a list of texts, or a NetmaskGroup.
struct NetmasksArg {
  NetmaskGroup group;
};
// Text or DNSName, a list of these, a DNSNameSet or a SuffixMatchNode.
struct NamesArg {
  std::vector<dns::Name> names;
};

#define BW_READER(Type, expected)                        \
  template <>                                            \
  struct Reader<Type> {                                  \
    static constexpr const char* kExpected = expected;   \
    static bool Accepts(lua_State* state, int index);    \
    static TextResult<Type> Read(Call& call, int index); \
  }
BW_READER(NameArg, "name");
BW_READER(AddressArg, "address");
BW_READER(NetmaskArg, "netmask");
BW_READER(NetmasksArg, "netmask, list of netmasks or NetmaskGroup");
BW_READER(NamesArg, "name, list of names or SuffixMatchNode");
#undef BW_READER

}  // namespace breakwater::lua
