// What the bindings work on: the interpreter behind its lock, the configuration being edited,
// where Lua runs just now, what it prints and warns of, and the callbacks it registered. One for
// the program's configuration; made and destroyed on the script thread.
//
// Lua is entered through `Entry` alone. Entries of the script side (the file, the console,
// maintenance) are made one after another and publish the changed configuration when the
// outermost of them ends, after the interpreter was let go: workers that wait for it must not wait
// for themselves. Entries of workers see the interpreter between two of those.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lua/lua_state.h"
#include "lua/state_lock.h"
#include "proxy/backend/server_rates.h"
#include "proxy/base/clock.h"
#include "proxy/base/guarded.h"
#include "proxy/base/log.h"
#include "proxy/base/random.h"
#include "proxy/config/config_builder.h"
#include "proxy/control/control_target.h"
#include "proxy/observe/metrics.h"

namespace breakwater::dnscrypt {
class KeptFiles;
}

namespace breakwater::lua {

struct RuntimeOptions {
  bool check = false;            // --check-config: nothing is opened, nothing is written
  bool client = false;           // -c: only the console's settings matter
  bool strict = false;           // unknown options are errors
  const Clock* clock = nullptr;  // for caches; null: the system's
  uint32_t thread_pause_s = 5;   // before the code of a newThread() that ended is started again
};

enum class Place : uint8_t {
  kFile,    // the configuration is being read
  kScript,  // console, maintenance, callbacks of the script thread
  kPacket,  // a worker runs a rule or a policy
};

class LuaFunction;
class ScriptThreads;
class Trial;

// What holds before anything is published.
const Settings& DefaultSettings();

class Runtime : public std::enable_shared_from_this<Runtime> {
 public:
  Runtime(ConfigBuilder& builder, const RuntimeOptions& options);
  ~Runtime();

  ConfigBuilder& builder() { return builder_; }
  LuaState& interpreter() { return interpreter_; }
  const RuntimeOptions& options() const { return options_; }
  const Clock& clock() const { return *options_.clock; }
  Place place() const { return place_; }
  // After the file was read, config-time settings are refused and changes are published.
  bool AtRunTime() const { return at_run_time_; }
  void FileWasRead() { at_run_time_ = true; }
  // What setLuaBudget allows a call; any thread.
  CallLimits limits() const;  // of what is published
  CallLimits limits(const Settings& settings) const;
  // The program ends: no more calls of the script side, and what runs is made to fail. True once
  // no thread is in Lua; false when one is still there after two seconds, as in a function of
  // Lua's that does not return. A thread that is not in Lua.
  bool Close();
  bool closed() const { return closed_; }
  // Makes what `thread` runs here fail, if it runs anything. Any thread.
  void Interrupt(pthread_t thread);
  // The newest published; any thread.
  ConfigPtr published() const { return published_.Copy(); }
  bool strict() const { return options_.strict || builder_.config().settings.strict; }
  Random& random() { return random_; }  // under the lock

  // Text for whoever gave the command: the console, or stdout.
  void Print(std::string_view text);
  // What Print was given since; from then on it goes to stdout again.
  void CaptureOutput() { output_.emplace(); }
  std::string TakeOutput();

  // Logged and kept; `text` says where.
  void Warn(std::string text);
  const std::vector<std::string>& warnings() const { return warnings_; }

  // Errors and time-outs of callbacks; any thread. Logged at a bounded rate.
  void CountError(std::string_view what, std::string_view text);
  void CountLockTimeout();
  // The same, and whether a limit was the reason.
  void CountFailure(const LimitedCall& call, std::string_view what, std::string_view text);
  void Count(Metric metric);
  uint64_t Counted(Metric metric) const;
  // Where these are counted once the server has started; before, in a set of our own.
  void SetStats(std::shared_ptr<WorkerStats> stats);
  // The running server: counters and rings. Null while the file is read.
  void SetTarget(const ControlTarget* target) { target_ = target; }
  const ControlTarget* target() const { return target_; }

  void ReleaseLater(int reference);  // any thread

  // Under the lock.
  ScriptThreads& threads();

  struct Callbacks {
    std::vector<LuaFunction> maintenance, exit, server_state, zone_state, ticket_key;
  };
  Callbacks& callbacks() { return *callbacks_; }

  // What useProfile() has said of caches to come.
  struct Profile {
    PacketCacheSettings cache;
    size_t caches_made = 0;
  };
  Profile& profile() { return profile_; }

  // What --check-config tries out.
  std::vector<std::function<void(Trial&)>>& trials() { return trials_; }

  // What would be written for DNSCrypt, were this not a check. Null: it is none.
  const std::shared_ptr<dnscrypt::KeptFiles>& kept_files() const { return kept_files_; }

  uint64_t NextRuleOrder() { return next_rule_order_++; }

  ServerRates& server_rates() { return server_rates_; }

  // Console lines that changed the configuration, with their dates: delta().
  std::string& delta() { return delta_; }

 private:
  friend class Entry;
  friend class LetGo;
  void ReleasePending();
  void Publish();

  ConfigBuilder& builder_;
  RuntimeOptions options_;
  SystemClock system_clock_;
  std::atomic<bool> closed_{false};
  TurnLock script_lock_;
  int script_depth_ = 0;  // under script_lock_
  StateLock lock_;
  // All below: under lock_.
  LuaState interpreter_;
  Place place_ = Place::kFile;
  bool at_run_time_ = false;
  Random random_;
  std::optional<std::string> output_;
  std::vector<std::string> warnings_;
  std::unique_ptr<Callbacks> callbacks_;
  std::vector<std::function<void(Trial&)>> trials_;
  std::shared_ptr<dnscrypt::KeptFiles> kept_files_;
  std::string delta_;
  Profile profile_;
  ServerRates server_rates_;
  uint64_t next_rule_order_ = 0;
  std::unique_ptr<ScriptThreads> threads_;  // made when it is first asked for

  Guarded<ConfigPtr> published_;
  Guarded<std::vector<int>> released_;
  Guarded<std::shared_ptr<WorkerStats>> stats_{std::make_shared<WorkerStats>()};
  std::atomic<const ControlTarget*> target_{nullptr};
  LogLimiter error_limiter_;
};

// The state for as long as this lives. Restores the height of the stack at the end.
class Entry {
 public:
  // Waits as long as it takes. Place::kFile and kScript only.
  Entry(Runtime& runtime, Place place);
  // A worker's: at most `timeout_ms`; check entered().
  Entry(Runtime& runtime, uint32_t timeout_ms);
  ~Entry();
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  bool entered() const { return entered_; }
  lua_State* state() { return runtime_.interpreter_.raw(); }

 private:
  Runtime& runtime_;
  bool entered_ = true;
  Place before_ = Place::kFile;
  bool script_ = false;
  int top_ = 0;
};

// Lets workers have the state for as long as this lives, within a function that the script side
// called: for what takes long and does not touch Lua. They call on top of that function and are
// done when this ends. Does nothing within a call that has a budget, which is the state's.
class LetGo {
 public:
  explicit LetGo(Runtime& runtime);
  ~LetGo();
  LetGo(const LetGo&) = delete;
  LetGo& operator=(const LetGo&) = delete;

 private:
  Runtime& runtime_;
  bool let_go_;
  int depth_ = 0;
  Place place_ = Place::kScript;
  bool exempt_ = false;
};

// A Lua function kept by C++: copies share it. May outlive the runtime, then it is gone.
class LuaFunction {
 public:
  LuaFunction() = default;
  // Takes the value at `index`, which must be a function.
  LuaFunction(Runtime& runtime, lua_State* state, int index);

  explicit operator bool() const { return held_ != nullptr; }
  std::shared_ptr<Runtime> runtime() const;
  // Inside an Entry of that runtime.
  void Push(lua_State* state) const;

 private:
  struct Held;
  std::shared_ptr<Held> held_;
};

}  // namespace breakwater::lua
