// Lua code that each worker runs in an interpreter of its own: no lock, nothing shared. The text is
// compiled once in each thread, when the thread first needs it, and returns the function. Its
// interpreter knows the constants, the log functions and require("ffi"); it ends with this object.
// Each looks for newer settings (setLuaBudget, say) ten times a second at most.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>

#include "lua/ffi_callee.h"
#include "lua/lua_args.h"

namespace breakwater::lua {

class PerThreadCode final : public FfiCallee {
 public:
  // `name` is what errors call it, with the place in the configuration.
  PerThreadCode(Call& call, std::string text, const std::string& name);
  ~PerThreadCode() override;
  PerThreadCode(const PerThreadCode&) = delete;
  PerThreadCode& operator=(const PerThreadCode&) = delete;

  // Whether the text compiles and gives a function; an interpreter of its own tries it.
  TextResult<void> Check() const;
  // Calls the function of the running thread. Errors and stops are counted by the runtime. Where
  // the text gives no function the first call of each thread fails, and further ones are kNothing.
  CallEnd Run(FfiFrame& frame, FfiAnswer* answer) const override;
  LuaOnExceed on_exceed() const override { return on_exceed_->load(); }

 private:
  struct Interpreter;
  static constexpr size_t kMostThreads = 1100;  // setWorkers allows 1024

  Interpreter* OfThread() const;
  std::unique_ptr<Interpreter> Make() const;
  void Renew(Interpreter& interpreter, MonoTime now) const;
  void CountFailure(const LimitedCall& call, const std::string& text) const;

  const std::string text_;
  const char* const name_;  // KeptText
  const std::weak_ptr<Runtime> runtime_;
  const OnExceedSetting on_exceed_;
  const FfiSettings first_settings_;
  const std::shared_ptr<CustomMetrics> metrics_;
  const std::shared_ptr<SuspendedTable> suspended_;
  // Each is written and used by the thread of that number alone.
  mutable std::array<std::atomic<Interpreter*>, kMostThreads> interpreters_{};
};

}  // namespace breakwater::lua
