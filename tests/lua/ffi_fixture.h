// Functions of ffi.C, called by a LuaFFIAction.
#pragma once

#include "tests/lua/ask_fixture.h"

namespace breakwater::lua {

class FfiTest : public AskTest {
 protected:
  // A LuaFFIAction with this body, asked once. What it leaves in the global `said`.
  std::string Say(const std::string& body, const std::string& question = "www.Example.org AAAA") {
    Load(
        "setLuaBudget{time=0, memory=0} local ffi = require('ffi') local C = ffi.C\nsaid = "
        "'nothing'\n"
        "addAction(AllRule(), LuaFFIAction(function(dq) do " +
        body + " end return DNSAction.None end))");
    answer_ = Ask(question);
    std::string said = Run("said");
    if (!said.empty()) said.pop_back();
    return said;
  }
  uint64_t Errors() { return configuration_->runtime().Counted(Metric::kLuaErrors); }
  uint64_t Stopped() { return configuration_->runtime().Counted(Metric::kLuaStopped); }

  std::string answer_;
};

}  // namespace breakwater::lua
