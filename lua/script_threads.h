// Threads that scripts start: those of newThread(), each with an interpreter of its own, those in
// which getAddressInfo() waits for the system's resolver, and those of newNetworkListener(). They
// begin with Start(), once the server runs, and share nothing with Lua elsewhere: what they have to
// say goes through SubmitToMain(), which waits for the guarded state and calls Lua there.
//
// Bounded: kMostThreads of newThread() and newNetworkListener(), kMostLookUps names that wait or
// are looked up; beyond that an error. A thread has one message under way at a time, so that
// messages do not queue.
//
// RequestStop() makes what runs fail at its next step; Stop() waits for the threads. One that is in
// a C function which does not return (a name server that is silent, a program that
// os.execute() waits for) is left behind after kPatience, and the program has to end at once.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lua/network_objects.h"
#include "lua/runtime.h"

namespace breakwater::lua {

using ThreadMessageData = std::vector<std::pair<std::string, std::string>>;
struct ThreadMessage {
  std::string command;
  ThreadMessageData data;
};
// Nothing where the value at `index` is no table of texts and numbers.
std::optional<ThreadMessageData> ReadMessageData(lua_State* state, int index);
// Calls threadmessage(command, data) in the guarded state, on this thread. Its errors, and that
// there is no such function, are counted and logged; an error is that the program ends, or that the
// message is too large (kMostMessageBytes). Any thread that may wait for Lua.
TextResult<void> SubmitToMain(Runtime& runtime, const ThreadMessage& message);
inline constexpr size_t kMostMessageBytes = 1 << 20;

class ScriptThreads {
 public:
  static constexpr size_t kMostThreads = 64;
  static constexpr size_t kMostLookUps = 1000;
  static constexpr std::chrono::milliseconds kPatience{1500};

  struct Code {
    std::string code;
    std::string name;  // of the chunk, as "=conf.lua:3 (newThread)"
  };

  // Under the lock of the guarded state, as Add and LookUp.
  explicit ScriptThreads(Runtime& runtime);
  ~ScriptThreads();
  ScriptThreads(const ScriptThreads&) = delete;
  ScriptThreads& operator=(const ScriptThreads&) = delete;

  TextResult<void> Add(Code code);
  TextResult<void> LookUp(const std::string& host, const LuaFunction& callback);
  // What comes there is handed to Lua, many datagrams at a time; what is not taken waits in the
  // kernel, which bounds it.
  TextResult<void> Listen(std::vector<NetworkSource> sources);

  // --- the main thread, not inside an Entry
  void Start();
  void RequestStop();
  // False where one had to be left.
  bool Stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace breakwater::lua
