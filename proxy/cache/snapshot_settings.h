// setCacheSnapshot: where the caches are kept while the program does not run.
#pragma once

#include <cstdint>
#include <string>

namespace breakwater {

struct CacheSnapshotSettings {
  std::string path;  // empty: no snapshot
  uint32_t interval_s = 300;
};

}  // namespace breakwater
