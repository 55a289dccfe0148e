// The configuration file and everything that Lua does after it was read: console lines,
// maintenance, callbacks. The entry point of lua/ for main.cc:
//
//   ConfigBuilder builder;
//   auto configuration = Configuration::Load(path, builder, options);   // error: file:line: text
//   ConfigPtr config = builder.Publish();
//
// Must live as long as anything of the published configurations is used; `builder` must outlive
// it. All methods may be called from any thread: calls run one after another on the caller's
// thread, under the lock of the guarded state, and publish what they changed before they return.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lua/runtime.h"
#include "proxy/control/command_runner.h"
#include "proxy/control/zone_news.h"

namespace breakwater::lua {

class WebPages;

class Configuration final : public CommandRunner {
 public:
  // Reads and runs the file; an empty path runs nothing (the defaults).
  static TextResult<std::unique_ptr<Configuration>> Load(const std::string& path,
                                                         ConfigBuilder& builder,
                                                         const RuntimeOptions& options);
  ~Configuration() override;

  // What was legal but probably not meant, with file:line; the checks of the whole included.
  std::vector<std::string> warnings() const;

  // Once the server runs: its counters and rings for the console, and where errors are counted.
  void UseServer(const ControlTarget& target, std::shared_ptr<WorkerStats> stats);

  // Who is given each configuration published from now on, null: nobody. Called under the lock.
  void OnPublish(std::function<void(ConfigPtr)> listener);

  std::string RunCommand(std::string_view line) override;
  std::vector<std::string> Complete(std::string_view prefix) override;
  std::optional<WebResponse> AnswerPage(const WebRequest& request) override;
  ConfigPtr CurrentConfig() const override;

  void StopCommandOf(pthread_t thread) override;

  // The program ends: what runs in Lua is made to fail and nothing is begun any more but the exit
  // callbacks. False where Lua does not return within two seconds; whoever waits for it then waits
  // on.
  bool Close();

  // The server runs: the threads of newThread() and getAddressInfo() begin. Not with --check-config
  // and as a client.
  void StartThreads();
  // After Close(), which told them to end. False where one had to be left, as in a function of
  // Lua's that does not return: the program has to end at once.
  bool StopThreads();

  // Each second: maintenance() and the maintenance callbacks.
  void Maintenance();
  // At a clean stop, and after --check-config; each is stopped after two seconds.
  void RunExitCallbacks();
  // A health check changed a server's state, or was its first. Each callback is stopped after five
  // seconds, unless setLuaBudget says that time is no limit.
  void OnServerState(const BackendPtr& backend, bool up);
  // `upgraded` is to take the place of `server`, or one beside it (autoUpgrade).
  void OnUpgrade(const BackendPtr& server, const BackendPtr& upgraded);
  void OnZoneState(const ZoneNews& news);
  void OnTicketKey(const std::string& key);

  Runtime& runtime() { return *runtime_; }

 private:
  CallLimits StateLimits() const;
  Configuration(std::shared_ptr<Runtime> runtime, std::unique_ptr<WebPages> web_pages);
  void CallAll(const std::vector<LuaFunction>& callbacks, const char* what);

  std::unique_ptr<WebPages> web_pages_;  // used by the runtime
  std::shared_ptr<Runtime> runtime_;
  ScriptThreads* threads_;  // the runtime's
};

}  // namespace breakwater::lua
