// MMDB, MaxMind's format of data about networks (GeoIP), by libmaxminddb. The file is copied
// into memory. Keys are addresses of 4 or 16 octets; what is found is one value of the record of
// the longest network that holds the address, as text: numbers decimal, truth values "true" and
// "false". Records without that value count as not found.
#pragma once

#include "proxy/lookup/key_value_store.h"

namespace breakwater {

struct MmdbStoreOptions {
  std::string path;
  std::string value;       // "country.iso_code", "subdivisions.0.iso_code"
  uint32_t refresh_s = 0;  // seconds between two looks for a newer file; 0: only by Reload()
};
TextResult<KeyValueStorePtr> OpenMmdbStore(const MmdbStoreOptions& options);

}  // namespace breakwater
