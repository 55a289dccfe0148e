#include "lua/configuration.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <set>

#include "lua/console_changes.h"
#include "lua/console_text.h"
#include "lua/registry.h"
#include "lua/script_threads.h"
#include "lua/trial_run.h"
#include "lua/web_pages.h"
#include "proxy/config/backend_upgrade.h"
#include "proxy/config/config_check.h"

namespace breakwater::lua {
namespace {

// A callback on a server's state may ask a program or write a file, but health checks wait for it.
constexpr uint32_t kStateCallbackMs = 5000;
// The program's end waits for an exit callback.
constexpr uint32_t kExitCallbackMs = 2000;

bool HasPrefix(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// The keys of the table on top of the stack that begin with `prefix`; pops it.
void CollectKeys(lua_State* state, std::string_view prefix, std::set<std::string>* names) {
  if (lua_type(state, -1) == LUA_TTABLE) {
    lua_pushnil(state);
    while (lua_next(state, -2) != 0) {
      lua_pop(state, 1);
      if (lua_type(state, -1) != LUA_TSTRING) continue;
      std::string key = PlainText(state, -1);
      if (HasPrefix(key, prefix)) names->insert(std::move(key));
    }
  }
  lua_pop(state, 1);
}

}  // namespace

TextResult<std::unique_ptr<Configuration>> Configuration::Load(const std::string& path,
                                                               ConfigBuilder& builder,
                                                               const RuntimeOptions& options) {
  auto web_pages = std::make_unique<WebPages>();
  auto runtime = std::make_shared<Runtime>(builder, options);
  {
    Entry entry(*runtime, Place::kFile);
    RegisterInterface(entry.state());
    web_pages->Install(entry.state());
    // What a client prints is what the server has said, and what print() of its file says.
    if (options.client) runtime->CaptureOutput();
    if (!path.empty()) {
      const auto ran = runtime->interpreter().RunFile(path);
      if (!ran) return Fail(ran.error());
    }
    if (options.client) runtime->TakeOutput();
  }
  for (std::string& finding : CheckConfig(builder.config())) {
    runtime->Warn(fmt::format("{}: {}", path, finding));
  }
  {
    // Its end publishes what was read.
    Entry entry(*runtime, Place::kScript);
    runtime->FileWasRead();
  }
  if (RunTrials(*runtime) > 0 && runtime->strict()) return Fail(runtime->warnings().back());
  return std::unique_ptr<Configuration>(
      new Configuration(std::move(runtime), std::move(web_pages)));
}

Configuration::Configuration(std::shared_ptr<Runtime> runtime, std::unique_ptr<WebPages> web_pages)
    : web_pages_(std::move(web_pages)),
      runtime_(std::move(runtime)),
      threads_(&runtime_->threads()) {}

Configuration::~Configuration() {
  threads_->RequestStop();
  (void)StopThreads();
}

void Configuration::StartThreads() {
  if (!runtime_->options().check && !runtime_->options().client) threads_->Start();
}

bool Configuration::Close() {
  threads_->RequestStop();
  return runtime_->Close();
}

bool Configuration::StopThreads() {
  return threads_->Stop();
}

std::vector<std::string> Configuration::warnings() const {
  return runtime_->warnings();
}

void Configuration::UseServer(const ControlTarget& target, std::shared_ptr<WorkerStats> stats) {
  runtime_->SetTarget(&target);
  runtime_->SetStats(std::move(stats));
}

void Configuration::OnPublish(std::function<void(ConfigPtr)> listener) {
  Entry entry(*runtime_, Place::kScript);
  runtime_->builder().OnPublish(std::move(listener));
}

std::string Configuration::RunCommand(std::string_view line) {
  Entry entry(*runtime_, Place::kScript);
  if (runtime_->closed()) return "Error: the program ends\n";
  runtime_->CaptureOutput();
  const uint64_t version = runtime_->builder().config().version;
  const bool changed_before = runtime_->builder().changed();
  (void)TakeChange(entry.state());
  const uint64_t globals_before = GlobalsMark(entry.state());
  const auto results = RunConsoleLine(runtime_->interpreter(), line);
  std::string text = runtime_->TakeOutput();
  if (!results) {
    text += fmt::format("Error: {}\n", results.error());
  } else {
    text += ResultText(entry.state(), *results);
  }
  const bool edited = runtime_->builder().changed() && !changed_before;
  const bool assigned = GlobalsMark(entry.state()) != globals_before;
  if (TakeChange(entry.state()) || edited || assigned) {
    runtime_->delta() +=
        fmt::format("-- {:%a %b %d %Y %H:%M:%S %Z}\n{}\n", fmt::localtime(WallNow().seconds), line);
  }
  if (edited) LogInfo("console", "configuration version {} changed by: {}", version, line);
  return text;
}

std::vector<std::string> Configuration::Complete(std::string_view prefix) {
  Entry entry(*runtime_, Place::kScript);
  lua_State* const state = entry.state();
  std::set<std::string> names;
  const size_t dot = prefix.find_last_of(".:");
  if (dot == std::string_view::npos) {
    lua_pushglobaltable(state);
    CollectKeys(state, prefix, &names);
    return {names.begin(), names.end()};
  }
  std::set<std::string> members;
  PushRawGlobal(state, prefix.substr(0, dot));
  const bool object = lua_type(state, -1) == LUA_TUSERDATA;
  if (object) {
    for (const FunctionRow& method :
         BoxAt(state, -1) ? BoxAt(state, -1)->row->methods : std::span<const FunctionRow>()) {
      if (HasPrefix(method.name, prefix.substr(dot + 1))) members.insert(method.name);
    }
    lua_pop(state, 1);
  } else {
    CollectKeys(state, prefix.substr(dot + 1), &members);
  }
  for (const std::string& member : members) {
    names.insert(std::string(prefix.substr(0, dot + 1)) + member);
  }
  return {names.begin(), names.end()};
}

std::optional<WebResponse> Configuration::AnswerPage(const WebRequest& request) {
  return web_pages_->Answer(*runtime_, request);
}

void Configuration::StopCommandOf(pthread_t thread) {
  runtime_->Interrupt(thread);
}

ConfigPtr Configuration::CurrentConfig() const {
  return runtime_->published();
}

void Configuration::CallAll(const std::vector<LuaFunction>& callbacks, const char* what) {
  Entry entry(*runtime_, Place::kScript);
  // A callback may add another: the copy does not move.
  const std::vector<LuaFunction> now = callbacks;
  for (const LuaFunction& callback : now) {
    if (runtime_->closed()) return;
    callback.Push(entry.state());
    const auto ran = ProtectedCall(entry.state(), 0, 0);
    if (!ran) runtime_->CountError(what, ran.error());
  }
}

void Configuration::Maintenance() {
  {
    Entry entry(*runtime_, Place::kScript);
    if (runtime_->closed()) return;
    runtime_->server_rates().Take(runtime_->builder().config().backends, runtime_->clock().Now());
    if (PushRawGlobal(entry.state(), "maintenance") == LUA_TFUNCTION) {
      const auto ran = ProtectedCall(entry.state(), 0, 0);
      if (!ran) runtime_->CountError("maintenance()", ran.error());
    }
  }
  CallAll(runtime_->callbacks().maintenance, "a maintenance callback");
}

void Configuration::RunExitCallbacks() {
  Entry entry(*runtime_, Place::kScript);
  const std::vector<LuaFunction> now = runtime_->callbacks().exit;
  for (const LuaFunction& callback : now) {
    callback.Push(entry.state());
    LimitedCall call;
    const auto ran = CallWithin(entry.state(), {.milliseconds = kExitCallbackMs}, call);
    if (!ran) runtime_->CountFailure(call, "an exit callback", ran.error());
  }
}

// Of callbacks that whoever waits for the checks thread waits for.
CallLimits Configuration::StateLimits() const {
  CallLimits limits;
  if (runtime_->limits().milliseconds != 0) limits.milliseconds = kStateCallbackMs;
  return limits;
}

void Configuration::OnZoneState(const ZoneNews& news) {
  Entry entry(*runtime_, Place::kScript);
  if (runtime_->closed()) return;
  const std::vector<LuaFunction> now = runtime_->callbacks().zone_state;
  for (const LuaFunction& callback : now) {
    callback.Push(entry.state());
    Push(entry.state(), news.zone.ToString());
    Push(entry.state(), news.server);
    Push(entry.state(), news.is_bad);
    Push(entry.state(), std::string(NameOf(news.kind)));
    Push(entry.state(), news.SerialText());
    LimitedCall call{.arguments = 5};
    const auto ran = CallWithin(entry.state(), StateLimits(), call);
    if (!ran) runtime_->CountFailure(call, "a zone state callback", ran.error());
  }
}

void Configuration::OnServerState(const BackendPtr& backend, bool up) {
  Entry entry(*runtime_, Place::kScript);
  if (runtime_->closed()) return;
  const std::vector<LuaFunction> now = runtime_->callbacks().server_state;
  const CallLimits limits = StateLimits();
  for (const LuaFunction& callback : now) {
    callback.Push(entry.state());
    Push(entry.state(), backend->NameWithAddress());
    Push(entry.state(), up);
    LimitedCall call{.arguments = 2};
    const auto ran = CallWithin(entry.state(), limits, call);
    if (!ran) runtime_->CountFailure(call, "a server state callback", ran.error());
  }
}

void Configuration::OnUpgrade(const BackendPtr& server, const BackendPtr& upgraded) {
  Entry entry(*runtime_, Place::kScript);
  if (runtime_->closed()) return;
  if (UpgradeBackend(runtime_->builder(), server, upgraded)) return;
  LogInfo("discovery", "{} was removed before it could be upgraded", server->NameWithAddress());
}

void Configuration::OnTicketKey(const std::string& key) {
  Entry entry(*runtime_, Place::kScript);
  if (runtime_->closed()) return;
  const std::vector<LuaFunction> now = runtime_->callbacks().ticket_key;
  for (const LuaFunction& callback : now) {
    callback.Push(entry.state());
    Push(entry.state(), key);
    Push(entry.state(), key.size());
    const auto ran = ProtectedCall(entry.state(), 2, 0);
    if (!ran) runtime_->CountError("the ticket key hook", ran.error());
  }
}

}  // namespace breakwater::lua
