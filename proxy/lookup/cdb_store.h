// CDB (D. J. Bernstein's constant database) by libcdb of tinycdb. The file is copied into memory.
#pragma once

#include "proxy/lookup/key_value_store.h"

namespace breakwater {

struct CdbStoreOptions {
  std::string path;
  uint32_t refresh_s = 0;  // seconds between two looks for a newer file; 0: only by Reload()
};
TextResult<KeyValueStorePtr> OpenCdbStore(const CdbStoreOptions& options);

// Whether the tables of a whole file lie inside of it; an error says what is wrong.
TextResult<void> CheckCdb(std::span<const uint8_t> file);

}  // namespace breakwater
