// Texts that last as long as the program: what an ActivityScope names may be read by another thread
// when its owner is gone. Each text is held once. Any thread.
#pragma once

#include <string>

namespace breakwater::lua {

const char* KeptText(const std::string& text);

}  // namespace breakwater::lua
