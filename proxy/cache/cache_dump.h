// Ways to look into a cache for people: the dump, and which names have which addresses. Each
// copies a few entries at a time out of a shard and works on the copies, outside of its lock.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/cache/cache_store.h"
#include "proxy/dns/name.h"

namespace breakwater {

struct DumpOptions {
  MonoTime now;
  bool raw = false;  // each line ends with the answer in base64
};
// One line an entry; refuses an existing file. Returns how many.
TextResult<size_t> DumpCache(const CacheStore& store, const std::string& path,
                             const DumpOptions& options);

// Names whose answer (NOERROR, class IN) holds the address; each once, sorted.
std::vector<dns::Name> FindDomainsByAddress(const CacheStore& store, const Address& address);
// Addresses in the answers of that name; each once, sorted.
std::vector<Address> FindAddressesByDomain(const CacheStore& store, const dns::Name& name);

}  // namespace breakwater
