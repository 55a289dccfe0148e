#include "lua/runtime.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "lua/call_alarm.h"
#include "lua/script_threads.h"
#include "proxy/dnscrypt/key_files.h"

namespace breakwater::lua {
namespace {

constexpr std::chrono::milliseconds kClosingStep{10};
constexpr int kClosingSteps = 200;
// Of a packet's call that has no limit, once the program ends.
constexpr uint32_t kLastCallMs = 500;

}  // namespace

struct LuaFunction::Held {
  std::weak_ptr<Runtime> runtime;
  int reference = LUA_NOREF;

  ~Held() {
    if (const auto alive = runtime.lock()) alive->ReleaseLater(reference);
  }
};

LuaFunction::LuaFunction(Runtime& runtime, lua_State* state, int index)
    : held_(std::make_shared<Held>()) {
  held_->runtime = runtime.weak_from_this();
  lua_pushvalue(state, index);
  held_->reference = luaL_ref(state, LUA_REGISTRYINDEX);
}

std::shared_ptr<Runtime> LuaFunction::runtime() const {
  return held_ ? held_->runtime.lock() : nullptr;
}

void LuaFunction::Push(lua_State* state) const {
  lua_rawgeti(state, LUA_REGISTRYINDEX, held_->reference);
}

Runtime::Runtime(ConfigBuilder& builder, const RuntimeOptions& options)
    : builder_(builder), options_(options), callbacks_(std::make_unique<Callbacks>()) {
  if (options_.clock == nullptr) options_.clock = &system_clock_;
  if (options_.check) kept_files_ = std::make_shared<dnscrypt::KeptFiles>();
  interpreter_.SetRuntime(this);
}

Runtime::~Runtime() = default;

void Runtime::Print(std::string_view text) {
  if (output_) {
    output_->append(text);
  } else {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }
}

std::string Runtime::TakeOutput() {
  std::string text = output_ ? std::move(*output_) : std::string();
  output_.reset();
  return text;
}

void Runtime::Warn(std::string text) {
  // What a client prints is what the server has said.
  if (!options_.client) LogWarning("config", "{}", text);
  warnings_.push_back(std::move(text));
}

void Runtime::CountError(std::string_view what, std::string_view text) {
  Count(Metric::kLuaErrors);
  if (options_.check) return Warn(fmt::format("error in {}: {}", what, text));
  uint64_t suppressed = 0;
  if (!error_limiter_.Allow(options_.clock->Now(), &suppressed)) return;
  if (suppressed > 0) LogWarning("lua", "{} more Lua errors were not logged", suppressed);
  LogError("lua", "error in {}: {}", what, text);
}

void Runtime::CountLockTimeout() {
  Count(Metric::kLuaLockTimeouts);
}

void Runtime::CountFailure(const LimitedCall& call, std::string_view what, std::string_view text) {
  if (call.stopped) Count(Metric::kLuaStopped);
  CountError(what, text);
}

const Settings& DefaultSettings() {
  static const Settings defaults;
  return defaults;
}

CallLimits Runtime::limits() const {
  const ConfigPtr config = published();
  return limits(config ? config->settings : DefaultSettings());
}

CallLimits Runtime::limits(const Settings& settings) const {
  const bool unlimited = settings.lua_budget_ms == 0;
  return {.milliseconds = unlimited && closed_ ? kLastCallMs : settings.lua_budget_ms,
          .bytes = settings.lua_budget_bytes,
          .instructions = settings.lua_budget_instructions};
}

bool Runtime::Close() {
  closed_ = true;
  for (int step = 0; step < kClosingSteps; ++step) {
    const bool script_is_out = script_lock_.AwaitFree(kClosingStep);
    const bool busy = lock_.WithOwner([&](pthread_t owner) {
      // Whoever is in Lua for a packet is out soon, but for one without a limit.
      if (!script_is_out || step > 0) CallWatch::Interrupt(owner);
    });
    if (script_is_out && !busy) return true;
  }
  return false;
}

void Runtime::Interrupt(pthread_t thread) {
  lock_.WithOwner([&](pthread_t owner) {
    if (pthread_equal(owner, thread) != 0) CallWatch::Interrupt(owner);
  });
}

// The lock makes many threads one writer.
void Runtime::Count(Metric metric) {
  stats_.With([&](const std::shared_ptr<WorkerStats>& stats) { stats->counters.Add(metric); });
}

void Runtime::SetStats(std::shared_ptr<WorkerStats> stats) {
  stats_.With([&](std::shared_ptr<WorkerStats>& mine) { mine = std::move(stats); });
}

uint64_t Runtime::Counted(Metric metric) const {
  return stats_.Copy()->counters.Get(metric);
}

ScriptThreads& Runtime::threads() {
  if (threads_ == nullptr) threads_ = std::make_unique<ScriptThreads>(*this);
  return *threads_;
}

void Runtime::ReleaseLater(int reference) {
  released_.With([&](std::vector<int>& list) { list.push_back(reference); });
}

void Runtime::ReleasePending() {
  std::vector<int> list;
  released_.With([&](std::vector<int>& released) { list.swap(released); });
  for (const int reference : list) luaL_unref(interpreter_.raw(), LUA_REGISTRYINDEX, reference);
}

void Runtime::Publish() {
  ConfigPtr newest = builder_.Publish();
  published_.With([&](ConfigPtr& held) { held.swap(newest); });
}

Entry::Entry(Runtime& runtime, Place place) : runtime_(runtime), script_(true) {
  runtime_.script_lock_.Lock();
  ++runtime_.script_depth_;
  runtime_.lock_.Lock();
  before_ = runtime_.place_;
  runtime_.place_ = place;
  top_ = lua_gettop(state());
  runtime_.ReleasePending();
}

Entry::Entry(Runtime& runtime, uint32_t timeout_ms) : runtime_(runtime) {
  entered_ = runtime_.lock_.TryLock(timeout_ms);
  if (!entered_) return;
  before_ = runtime_.place_;
  runtime_.place_ = Place::kPacket;
  top_ = lua_gettop(state());
}

Entry::~Entry() {
  if (!entered_) return;
  lua_settop(state(), top_);
  runtime_.place_ = before_;
  runtime_.lock_.Unlock();
  if (!script_) return;
  const bool outermost = --runtime_.script_depth_ == 0;
  if (outermost && runtime_.at_run_time_) runtime_.Publish();
  runtime_.script_lock_.Unlock();
}

LetGo::LetGo(Runtime& runtime)
    : runtime_(runtime),
      let_go_(runtime.place_ == Place::kScript && BudgetOf(runtime.interpreter_.raw()).calls == 0) {
  if (!let_go_) return;
  CallBudget& budget = BudgetOf(runtime_.interpreter_.raw());
  place_ = runtime_.place_;
  exempt_ = std::exchange(budget.exempt, false);
  depth_ = runtime_.lock_.LetGo();
}

LetGo::~LetGo() {
  if (!let_go_) return;
  runtime_.lock_.TakeBack(depth_);
  runtime_.place_ = place_;
  BudgetOf(runtime_.interpreter_.raw()).exempt = exempt_;
}

}  // namespace breakwater::lua
