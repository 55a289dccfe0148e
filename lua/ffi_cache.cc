// Functions of ffi.C that look into packet caches.
#include "lua/ffi_objects.h"
#include "lua/runtime.h"
#include "proxy/cache/packet_cache.h"

namespace breakwater::lua {
namespace {

constexpr FfiKind kDomains{"a list of domains"};
constexpr FfiKind kAddresses{"a list of addresses"};

// The texts are in the user value, a table from 0 on.
int GiveList(FfiCall& call, const FfiKind& kind, const std::vector<std::string>& texts) {
  if (texts.empty()) return call.Give(0);
  lua_State* const state = call.state();
  NewFfiObject(state, kind, 0);
  lua_createtable(state, static_cast<int>(texts.size()), 0);
  for (size_t i = 0; i < texts.size(); ++i) {
    call.Give(std::string_view(texts[i]));
    lua_rawseti(state, -2, static_cast<lua_Integer>(i));
  }
  lua_setiuservalue(state, -2, 1);
  return GiveCountAndObject(call, texts.size(), 3);
}
template <const FfiKind& Kind>
int GetText(FfiCall& call) {
  FfiObjectAt(call, 1, Kind);
  const int64_t index = call.Integer(2, 0, INT64_MAX);
  if (!call.ok()) return 0;
  lua_getiuservalue(call.state(), 1, 1);
  lua_rawgeti(call.state(), -1, index);
  return 1;
}

// Null where the pool or its cache is not there.
std::shared_ptr<PacketCache> CacheOf(FfiCall& call) {
  const std::string_view pool_name = call.Text(1);
  call.Text(2);
  if (!call.ok()) return nullptr;
  const ConfigPtr config = call.config();
  const Pool* const pool = config ? config->FindPool(pool_name) : nullptr;
  return pool == nullptr ? nullptr : pool->cache;
}
int DomainsByAddress(FfiCall& call) {
  const auto cache = CacheOf(call);
  if (!call.ok()) return 0;
  const auto address = Address::Parse(call.Text(2));
  if (!cache || !address) return call.Give(0);
  std::vector<std::string> texts;
  for (const dns::Name& name : cache->DomainsByAddress(*address)) texts.push_back(name.ToString());
  return GiveList(call, kDomains, texts);
}
int AddressesByDomain(FfiCall& call) {
  const auto cache = CacheOf(call);
  if (!call.ok()) return 0;
  const auto name = dns::Name::Parse(call.Text(2));
  if (!cache || !name) return call.Give(0);
  std::vector<std::string> texts;
  for (const Address& address : cache->AddressesByDomain(*name)) {
    texts.push_back(address.ToString());
  }
  return GiveList(call, kAddresses, texts);
}

constexpr FfiRow kRows[] = {
    {"packetcache_get_domain_list_by_addr", DomainsByAddress, "(pool, address [, place])",
     "How many names the pool's cache has an address for, and a list of them, from 0 on."},
    {"domain_list_get", GetText<kDomains>, "(list, index)",
     "A name of it; nil where there is none."},
    {"domain_list_free", FreeObject<kDomains>, "(list)", "Lets go of it early."},
    {"packetcache_get_address_list_by_domain", AddressesByDomain, "(pool, name [, place])",
     "How many addresses the pool's cache has for a name, and a list of them, from 0 on."},
    {"address_list_get", GetText<kAddresses>, "(list, index)",
     "An address of it; nil where there is none."},
    {"address_list_free", FreeObject<kAddresses>, "(list)", "Lets go of it early."},
};

}  // namespace

FfiRows FfiCacheRows() {
  return kRows;
}

}  // namespace breakwater::lua
