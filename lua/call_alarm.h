// A timer of the calling thread that stops a Lua function. The handler of its signal runs on that
// thread, between two steps of the interpreter, where lua_sethook is allowed.
#pragma once

#include <cstdint>
#include <lua.hpp>

namespace breakwater::lua {

class CallAlarm {
 public:
  // Stops `state` by `stop`, a hook, once `milliseconds` are over. Within another alarm of this
  // thread nothing happens: the outer one counts.
  CallAlarm(lua_State* state, uint32_t milliseconds, lua_Hook stop);
  ~CallAlarm();
  CallAlarm(const CallAlarm&) = delete;
  CallAlarm& operator=(const CallAlarm&) = delete;

  // Whether the time of this thread's alarm is up.
  static bool IsUp();
  // The coroutine that runs from now on under the alarm; gives the one that ran before, null
  // where there is no alarm.
  static lua_State* Switch(lua_State* to);

 private:
  bool outermost_;
};

}  // namespace breakwater::lua
