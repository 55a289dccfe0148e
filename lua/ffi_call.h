// The functions of the table ffi.C, and what they are called with: dq, dr, a list of servers or a
// server, each of them a number of our own (a light userdata) that names one call of one Lua
// function. What a script keeps names a call that is over, and is an error; no object is made, no
// memory is taken.
//
//   int GetType(FfiCall& call) {
//     const FfiFrame* frame = call.Question(1);
//     return frame == nullptr ? 0 : call.Give(frame->query->question.type);
//   }
//
// The first problem noted in a call becomes a Lua error "file:line: NAME: text", raised once every
// C++ object of the call is gone. Text may be a string, or a buffer of ffi.new("char[N]").
#pragma once

#include <atomic>
#include <cstdint>
#include <lua.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lua/call_budget.h"
#include "lua/lua_rules_outcome.h"
#include "proxy/config/config.h"
#include "proxy/observe/custom_metrics.h"
#include "proxy/query/query.h"
#include "proxy/rules/rule_context.h"

namespace breakwater::lua {

struct FfiContext;
class Runtime;

// What the function is to give.
enum class FfiWant : uint8_t { kTruth, kInteger };

// What of the configuration such a call looks at.
struct FfiSettings {
  explicit FfiSettings(const Settings& settings);
  CallLimits limits;
  uint32_t lock_timeout_ms;
  bool ecs_override;
  uint8_t ecs_prefix_v4, ecs_prefix_v6;
  double weighted_factor, consistent_factor;  // of the policies whashed and chashed
  uint32_t perturbation;
};

// One call of a Lua function, on the C++ stack of the thread that makes it. Its numbers are good
// for as long as it lives.
struct FfiFrame {
  Query* query = nullptr;
  RuleContext* context = nullptr;  // null in policies: there is nothing to answer with
  MonoTime now;
  std::span<const BackendPtr> servers;  // of a policy
  bool is_policy = false;
  bool is_answer = false;
  FfiWant want = FfiWant::kInteger;
  std::string result;             // dnsdist_ffi_dnsquestion_set_result
  std::optional<QueryMeta> meta;  // begun and not ended
  // Set by RunFfi.
  const FfiSettings* settings = nullptr;
  uint64_t generation = 0;
  FfiFrame* outer = nullptr;
};

using OnExceedSetting = std::shared_ptr<std::atomic<LuaOnExceed>>;

// What all interpreters of the program share; safe from any thread, and outlives them.
struct FfiShared {
  CustomMetrics& metrics;
  SuspendedTable& suspended;
  std::weak_ptr<Runtime> runtime{};  // none: of a thread of scripts
};

// Of one interpreter.
struct FfiContext {
  FfiFrame* running = nullptr;
  uint64_t generation = 0;
  CustomMetrics* metrics = nullptr;
  SuspendedTable* suspended = nullptr;
  OnExceedSetting on_exceed;  // setLuaBudget, of the guarded state
  std::weak_ptr<Runtime> runtime;
};

class FfiCall;
struct FfiRow {
  const char* name;  // without "dnsdist_ffi_"
  int (*function)(FfiCall&);
  const char* parameters;
  const char* help;
};

class FfiCall {
 public:
  FfiCall(lua_State* state, FfiContext& context) : state_(state), context_(context) {}

  lua_State* state() { return state_; }
  CustomMetrics& metrics() { return *context_.metrics; }
  // The configuration in force and what it belongs to; null, and a problem noted, before there is
  // one.
  std::shared_ptr<Runtime> runtime();
  ConfigPtr config();
  SuspendedTable& suspended() { return *context_.suspended; }
  bool ok() const { return error_.empty(); }
  bool running() const { return context_.running != nullptr; }  // for a rule or a policy
  const std::string& error() const { return error_; }
  int Fail(std::string text);

  // --- arguments; null, or a value without meaning, once a problem was noted
  FfiFrame* Question(int index);
  FfiFrame* Editable(int index);  // not in a policy
  FfiFrame* Answer(int index);    // dr
  FfiFrame* Servers(int index);
  const Backend* Server(int index);
  int64_t Integer(int index, int64_t low, int64_t high);
  double Number(int index);
  bool Boolean(int index);
  std::string_view Text(int index);
  // The first so many bytes of a text; all of it where no size is given.
  std::string_view Text(int index, int size_index);
  bool IsTable(int index) const { return lua_type(state_, index) == LUA_TTABLE; }
  bool Given(int index) const { return !lua_isnoneornil(state_, index); }

  // --- results
  int Give(bool value);
  int Give(double value);
  int Give(std::string_view value);
  int Give(const std::optional<std::string_view>& value);
  template <typename T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) int Give(T value) {
    lua_pushinteger(state_, static_cast<lua_Integer>(value));
    return 1;
  }
  // The number of a server of the list at `index`; nil where there is none.
  int GiveServer(const FfiFrame& frame, size_t index);
  // Pops the value on top into [0] of the table at `index`, where there is one.
  void Store(int index);
  // A text as result, and in the tables for its place and its size, where there are any.
  int GiveText(std::string_view text, int index);
  // Into the buffer at `index`: its size, or 0 where it does not fit the size given behind, or at
  // `size_index`.
  int FillBuffer(std::string_view text, int index) { return FillBuffer(text, index, index + 1); }
  int FillBuffer(std::string_view text, int index, int size_index);

 private:
  FfiFrame* Find(int index, uint64_t kind, const char* what);
  int BadArgument(int index, const char* expected);

  lua_State* state_;
  FfiContext& context_;
  std::string error_;
};

// ffi.C, in an interpreter with the prelude loaded.
void InstallFfi(lua_State* state, const FfiShared& shared);
FfiContext& FfiContextOf(lua_State* state);

// Calls the function on top of the stack, as CallWithin; pushes its arguments, pops everything.
struct FfiAnswer {
  bool truth = false;
  int64_t number = 0;
};
TextResult<FfiAnswer> RunFfi(lua_State* state, FfiFrame& frame, const FfiSettings& settings,
                             LimitedCall& call);

// The rows of ffi_*.cc: of each file, and all of them.
using FfiRows = std::span<const FfiRow>;
FfiRows FfiQuestionRows();
FfiRows FfiQuestionEditRows();
FfiRows FfiResponseRows();
FfiRows FfiServerRows();
FfiRows FfiMoreRows();
FfiRows FfiPacketRows();
FfiRows FfiRingRows();
FfiRows FfiCacheRows();
FfiRows FfiDynBlockRows();
FfiRows FfiSvcRows();
FfiRows FfiMetaRows();
FfiRows FfiProxyRows();
FfiRows FfiEndpointRows();
FfiRows FfiAsyncRows();
std::vector<FfiRows> AllFfiRows();

}  // namespace breakwater::lua
