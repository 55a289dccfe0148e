#include "proxy/web/server_id.h"

#include <unistd.h>

namespace breakwater {

std::string ServerId(const Settings& settings) {
  if (!settings.server_id.empty()) return settings.server_id;
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? std::string(name) : std::string();
}

}  // namespace breakwater
