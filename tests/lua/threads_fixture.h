// Configurations that threads beside the console change: what the console comes to see of it.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "tests/lua/lua_fixture.h"

namespace breakwater::lua {

class WithThreadsTest : public LuaTest {
 protected:
  std::string Value(const std::string& expression) {
    std::string text = Run(expression);
    if (!text.empty()) text.pop_back();
    return text;
  }
  static bool Comes(const std::function<bool()>& wanted) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!wanted()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      std::this_thread::yield();
    }
    return true;
  }
  // Whether the console line comes to print that.
  bool Becomes(const std::string& expression, const std::string& wanted) {
    return Comes([&] { return Value(expression) == wanted; });
  }
  bool Counts(Metric metric, uint64_t wanted) {
    return Comes([&] { return configuration_->runtime().Counted(metric) >= wanted; });
  }
};

}  // namespace breakwater::lua
