#include "lua/kept_text.h"

#include <set>

#include "proxy/base/guarded.h"

namespace breakwater::lua {

const char* KeptText(const std::string& text) {
  static auto* const texts = new Guarded<std::set<std::string>>;  // never destroyed
  return texts->With([&](std::set<std::string>& held) { return held.insert(text).first->c_str(); });
}

}  // namespace breakwater::lua
