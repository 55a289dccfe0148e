// What stops a Lua function: a timer of the calling thread, or another thread that wants it to end.
// The handlers of their signals run on the thread that runs the function, between two steps of the
// interpreter, where lua_sethook is allowed.
#pragma once

#include <pthread.h>

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

  // Whether the time of this thread's alarm is up, or it was interrupted.
  static bool IsUp();
  // The coroutine that runs from now on; gives the one that ran before, null where no call runs.
  static lua_State* Switch(lua_State* to);

 private:
  bool outermost_;
  lua_State* before_ = nullptr;
};

// Around each call of Lua: other threads may interrupt it.
class CallWatch {
 public:
  // `stop` is the hook that an interruption sets.
  CallWatch(lua_State* state, lua_Hook stop);
  ~CallWatch();
  CallWatch(const CallWatch&) = delete;
  CallWatch& operator=(const CallWatch&) = delete;

  // Makes what `thread` runs in Lua fail soon, if it runs anything. A C function that does not
  // return is not ended: ask again until the thread is out of Lua. `thread` must be alive.
  static void Interrupt(pthread_t thread);
  static bool WasInterrupted();  // what runs on this thread

 private:
  lua_State* before_;
};

}  // namespace breakwater::lua
