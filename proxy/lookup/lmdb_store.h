// LMDB by liblmdb. The file is mapped into memory; what another program commits is seen by the next
// look-up. Stores in one file share its environment, as the library demands: the first to be made
// says whether locks are used. A file that takes the place of the open one is not read; Tend()
// warns of it.
#pragma once

#include "proxy/lookup/key_value_store.h"

namespace breakwater {

struct LmdbStoreOptions {
  std::string path;      // of the data file itself (MDB_NOSUBDIR); its lock file is PATH-lock
  std::string database;  // empty: the main one
  bool no_lock = false;  // the writer is told nothing of readers: for files nobody writes to
};
TextResult<KeyValueStorePtr> OpenLmdbStore(const LmdbStoreOptions& options);

}  // namespace breakwater
