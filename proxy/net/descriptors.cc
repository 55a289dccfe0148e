#include "proxy/net/descriptors.h"

#include <sys/resource.h>

namespace breakwater {

size_t DescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 1 << 20;
  return static_cast<size_t>(limit.rlim_cur);
}

size_t RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
  }
  return DescriptorLimit();
}

bool IsKeptFromBackends(int fd) {
  const size_t limit = DescriptorLimit();
  return static_cast<size_t>(fd) >= limit - limit / 8;
}

bool IsKeptBack(int fd) {
  const size_t limit = DescriptorLimit();
  return static_cast<size_t>(fd) >= limit - limit / 8 * 3;
}

}  // namespace breakwater
