#include "lua/ffi_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <new>

#include "lua/lua_state.h"
#include "lua/runtime.h"
#include "proxy/pool/policies/weighted.h"

namespace breakwater::lua {
namespace {

constexpr const char* kPrefix = "dnsdist_ffi_";
// A registry key: the FfiContext of the interpreter.
const char kContextKey = 0;

// A number that scripts see: which call, which server of its list, and what it names.
constexpr uint64_t kQuestion = 1;
constexpr uint64_t kServers = 2;
constexpr uint64_t kServer = 3;
constexpr int kIndexShift = 4;
constexpr int kGenerationShift = 20;
constexpr uint64_t kMostServers = 1 << (kGenerationShift - kIndexShift);

uint64_t Token(const FfiFrame& frame, uint64_t kind, uint64_t index = 0) {
  return frame.generation << kGenerationShift | index << kIndexShift | kind;
}
void PushToken(lua_State* state, uint64_t token) {
  lua_pushlightuserdata(state, reinterpret_cast<void*>(token));
}
uint64_t TokenAt(lua_State* state, int index) {
  if (lua_type(state, index) != LUA_TLIGHTUSERDATA) return 0;
  return reinterpret_cast<uint64_t>(lua_touserdata(state, index));
}

const FfiRow& RowOf(lua_State* state) {
  return *static_cast<const FfiRow*>(lua_touserdata(state, lua_upvalueindex(1)));
}

// Pushes the error and gives -1, so that the caller raises it with nothing alive.
int CallRow(lua_State* state) {
  const MemoryScope exempt(state, MemoryRule::kExempt);
  const FfiRow& row = RowOf(state);
  FfiCall call(state, *static_cast<FfiContext*>(lua_touserdata(state, lua_upvalueindex(2))));
  const int results = row.function(call);
  if (call.ok()) return results;
  const std::string text =
      fmt::format("{}{}{}: {}", WhereOf(state), kPrefix, row.name, call.error());
  lua_pushlstring(state, text.data(), text.size());
  return -1;
}

int Trampoline(lua_State* state) {
  const int results = CallRow(state);
  return results < 0 ? lua_error(state) : results;
}

// For as long as the Lua function runs.
class Running {
 public:
  Running(FfiContext& context, FfiFrame& frame) : context_(context) {
    frame.generation = ++context.generation;
    frame.outer = context.running;
    context.running = &frame;
  }
  ~Running() { context_.running = context_.running->outer; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  FfiContext& context_;
};

int Collect(lua_State* state) {
  static_cast<FfiContext*>(lua_touserdata(state, 1))->~FfiContext();
  return 0;
}

struct Constant {
  const char* name;
  Protocol value;
};
constexpr Constant kConstants[] = {
    {"dnsdist_ffi_protocol_type_doudp", Protocol::kDoUdp},
    {"dnsdist_ffi_protocol_type_dotcp", Protocol::kDoTcp},
    {"dnsdist_ffi_protocol_type_dnscryptudp", Protocol::kDnscryptUdp},
    {"dnsdist_ffi_protocol_type_dnscrypttcp", Protocol::kDnscryptTcp},
    {"dnsdist_ffi_protocol_type_dot", Protocol::kDot},
    {"dnsdist_ffi_protocol_type_doh", Protocol::kDoh},
};

}  // namespace

FfiSettings::FfiSettings(const Settings& settings)
    : limits{.milliseconds = settings.lua_budget_ms,
             .bytes = settings.lua_budget_bytes,
             .instructions = settings.lua_budget_instructions},
      lock_timeout_ms(settings.lua_lock_timeout_ms),
      ecs_override(settings.ecs_override),
      ecs_prefix_v4(settings.ecs_prefix_v4),
      ecs_prefix_v6(settings.ecs_prefix_v6),
      weighted_factor(settings.policies.weighted_balancing_factor),
      consistent_factor(settings.policies.consistent_hashing_balancing_factor),
      perturbation(policies::PerturbationOf(settings.policies)) {}

int FfiCall::Fail(std::string text) {
  if (error_.empty()) error_ = std::move(text);
  return 0;
}

std::shared_ptr<Runtime> FfiCall::runtime() {
  auto runtime = context_.runtime.lock();
  if (!runtime) Fail("the program ends");
  return runtime;
}

ConfigPtr FfiCall::config() {
  const auto held = runtime();
  if (!held) return nullptr;
  ConfigPtr config = held->published();
  if (!config) Fail("the configuration is being read: nothing of it is in force yet");
  return config;
}

int FfiCall::BadArgument(int index, const char* expected) {
  return Fail(fmt::format("bad argument #{} ({} expected, got {})", index, expected,
                          luaL_typename(state_, index)));
}

FfiFrame* FfiCall::Find(int index, uint64_t kind, const char* what) {
  const uint64_t token = TokenAt(state_, index);
  constexpr uint64_t kKindMask = (1 << kIndexShift) - 1;
  if (token == 0 || (token & kKindMask) != kind) {
    BadArgument(index, what);
    return nullptr;
  }
  for (FfiFrame* frame = context_.running; frame != nullptr; frame = frame->outer) {
    if (frame->generation != token >> kGenerationShift) continue;
    if (frame->query == nullptr || frame->query->suspended == 0) return frame;
    Fail(fmt::format("bad argument #{}: the query is suspended: it must not be used", index));
    return nullptr;
  }
  Fail(fmt::format("bad argument #{}: the query is over: it must not be kept", index));
  return nullptr;
}

FfiFrame* FfiCall::Question(int index) {
  return Find(index, kQuestion, "dq or dr");
}

FfiFrame* FfiCall::Editable(int index) {
  FfiFrame* const frame = Question(index);
  if (frame == nullptr || frame->context != nullptr) return frame;
  Fail("cannot be done in a policy");
  return nullptr;
}

FfiFrame* FfiCall::Answer(int index) {
  FfiFrame* const frame = Question(index);
  if (frame == nullptr || frame->is_answer) return frame;
  Fail(fmt::format("bad argument #{}: this is a query, not an answer", index));
  return nullptr;
}

FfiFrame* FfiCall::Servers(int index) {
  return Find(index, kServers, "a list of servers");
}

const Backend* FfiCall::Server(int index) {
  const FfiFrame* const frame = Find(index, kServer, "a server");
  if (frame == nullptr) return nullptr;
  const uint64_t at = TokenAt(state_, index) >> kIndexShift & (kMostServers - 1);
  if (at < frame->servers.size()) return frame->servers[at].get();
  BadArgument(index, "a server");
  return nullptr;
}

int64_t FfiCall::Integer(int index, int64_t low, int64_t high) {
  int is_integer = 0;
  const lua_Integer value =
      lua_type(state_, index) == LUA_TNUMBER ? lua_tointegerx(state_, index, &is_integer) : 0;
  if (is_integer == 0) {
    BadArgument(index, "an integer");
    return low;
  }
  if (value >= low && value <= high) return value;
  Fail(fmt::format("bad argument #{}: {} is out of range ({} to {})", index, value, low, high));
  return low;
}

double FfiCall::Number(int index) {
  if (lua_type(state_, index) == LUA_TNUMBER) return lua_tonumberx(state_, index, nullptr);
  BadArgument(index, "a number");
  return 0;
}

// As C does, a number but 0 is true.
bool FfiCall::Boolean(int index) {
  const int type = lua_type(state_, index);
  if (type == LUA_TBOOLEAN) return lua_toboolean(state_, index) != 0;
  if (type == LUA_TNUMBER) return lua_tonumberx(state_, index, nullptr) != 0;
  BadArgument(index, "a boolean");
  return false;
}

std::string_view FfiCall::Text(int index) {
  // What a buffer holds stays alive with it, and that with the call's arguments.
  const bool buffer = IsTable(index);
  if (buffer) {
    lua_pushliteral(state_, "bytes");
    lua_rawget(state_, index);
  }
  const int at = buffer ? -1 : index;
  size_t size = 0;
  const char* text =
      lua_type(state_, at) == LUA_TSTRING ? lua_tolstring(state_, at, &size) : nullptr;
  if (buffer) lua_pop(state_, 1);
  if (text == nullptr) BadArgument(index, "a string");
  return {text == nullptr ? "" : text, size};
}

std::string_view FfiCall::Text(int index, int size_index) {
  const std::string_view text = Text(index);
  if (!ok() || lua_isnoneornil(state_, size_index)) return text;
  const int64_t size = Integer(size_index, 0, UINT32_MAX);
  if (ok() && static_cast<size_t>(size) > text.size()) {
    Fail(fmt::format("bad argument #{}: the text has {} bytes only", size_index, text.size()));
  }
  return ok() ? text.substr(0, static_cast<size_t>(size)) : std::string_view();
}

int FfiCall::Give(bool value) {
  lua_pushboolean(state_, value ? 1 : 0);
  return 1;
}

int FfiCall::Give(double value) {
  lua_pushnumber(state_, value);
  return 1;
}

int FfiCall::Give(std::string_view value) {
  lua_pushlstring(state_, value.data(), value.size());
  return 1;
}

int FfiCall::Give(const std::optional<std::string_view>& value) {
  if (value) return Give(*value);
  lua_pushnil(state_);
  return 1;
}

int FfiCall::GiveServer(const FfiFrame& frame, size_t index) {
  if (index < std::min<size_t>(frame.servers.size(), kMostServers)) {
    PushToken(state_, Token(frame, kServer, index));
  } else {
    lua_pushnil(state_);
  }
  return 1;
}

void FfiCall::Store(int index) {
  if (IsTable(index)) {
    lua_rawseti(state_, index, 0);
    return;
  }
  lua_pop(state_, 1);
  if (!lua_isnoneornil(state_, index)) BadArgument(index, "a table as ffi.new() makes it");
}

int FfiCall::GiveText(std::string_view text, int index) {
  lua_settop(state_, std::max(lua_gettop(state_), index + 1));
  Give(text.size());
  Store(index + 1);
  Give(text);
  lua_pushvalue(state_, -1);
  Store(index);
  return 1;
}

int FfiCall::FillBuffer(std::string_view text, int index, int size_index) {
  if (!IsTable(index)) return BadArgument(index, "a buffer as ffi.new() makes it");
  const int64_t size = Integer(size_index, 0, UINT32_MAX);
  if (!ok()) return 0;
  if (text.size() > static_cast<size_t>(size)) return Give(0);
  lua_pushliteral(state_, "bytes");
  Give(text);
  lua_rawset(state_, index);
  return Give(text.size());
}

FfiContext& FfiContextOf(lua_State* state) {
  lua_rawgetp(state, LUA_REGISTRYINDEX, &kContextKey);
  auto* const context = static_cast<FfiContext*>(lua_touserdata(state, -1));
  lua_pop(state, 1);
  return *context;
}

std::vector<FfiRows> AllFfiRows() {
  return {FfiQuestionRows(), FfiQuestionEditRows(), FfiResponseRows(), FfiServerRows(),
          FfiMoreRows(),     FfiPacketRows(),       FfiRingRows(),     FfiCacheRows(),
          FfiDynBlockRows(), FfiSvcRows(),          FfiMetaRows(),     FfiProxyRows(),
          FfiEndpointRows(), FfiAsyncRows()};
}

void InstallFfi(lua_State* state, const FfiShared& shared) {
  const int top = lua_gettop(state);
  auto* const context = new (lua_newuserdatauv(state, sizeof(FfiContext), 0)) FfiContext;
  context->metrics = &shared.metrics;
  context->suspended = &shared.suspended;
  context->runtime = shared.runtime;
  context->on_exceed = std::make_shared<std::atomic<LuaOnExceed>>(LuaOnExceed::kServFail);
  lua_createtable(state, 0, 1);
  lua_pushcfunction(state, Collect);
  lua_setfield(state, -2, "__gc");
  lua_setmetatable(state, -2);
  lua_rawsetp(state, LUA_REGISTRYINDEX, &kContextKey);
  lua_getfield(state, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(state, -1, "ffi");
  lua_getfield(state, -1, "C");
  for (const FfiRows& rows : AllFfiRows()) {
    for (const FfiRow& row : rows) {
      lua_pushlightuserdata(state, const_cast<FfiRow*>(&row));
      lua_pushlightuserdata(state, context);
      lua_pushcclosure(state, Trampoline, 2);
      lua_setfield(state, -2, (std::string(kPrefix) + row.name).c_str());
    }
  }
  for (const Constant& constant : kConstants) {
    lua_pushinteger(state, static_cast<int>(constant.value));
    lua_setfield(state, -2, constant.name);
  }
  lua_settop(state, top);
}

TextResult<FfiAnswer> RunFfi(lua_State* state, FfiFrame& frame, const FfiSettings& settings,
                             LimitedCall& call) {
  const int first = lua_gettop(state);
  FfiContext& context = FfiContextOf(state);
  frame.settings = &settings;
  const Running running(context, frame);
  if (frame.is_policy) PushToken(state, Token(frame, kServers));
  PushToken(state, Token(frame, kQuestion));
  call.arguments = frame.is_policy ? 2 : 1;
  call.results = 1;
  if (auto done = CallWithin(state, settings.limits, call); !done) {
    return breakwater::Fail(std::move(done.error()));
  }
  FfiAnswer answer;
  int is_integer = 0;
  answer.truth = lua_toboolean(state, first) != 0;
  answer.number = lua_tointegerx(state, first, &is_integer);
  if (frame.want == FfiWant::kInteger && is_integer == 0) {
    return breakwater::Fail(
        fmt::format("it returned a {} instead of a number", luaL_typename(state, first)));
  }
  lua_settop(state, first - 1);
  return answer;
}

}  // namespace breakwater::lua
