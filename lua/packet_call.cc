#include "lua/packet_call.h"

#include "proxy/base/activity.h"

namespace breakwater::lua {

CallEnd CallForPacket(const LuaFunction& function, const PacketCall& packet_call) {
  const auto runtime = function.runtime();
  if (!runtime) return CallEnd::kFailed;
  const ConfigPtr config = runtime->published();
  const Settings& settings = config ? config->settings : DefaultSettings();
  Entry entry(*runtime, settings.lua_lock_timeout_ms);
  if (!entry.entered()) {
    runtime->CountLockTimeout();
    return CallEnd::kFailed;
  }
  const ActivityScope doing(packet_call.what);
  lua_State* const state = entry.state();
  const int first = lua_gettop(state) + 1;
  function.Push(state);
  packet_call.push(state);
  LimitedCall call{.arguments = packet_call.arguments, .results = packet_call.results};
  TextResult<void> done = CallWithin(state, runtime->limits(settings), call);
  if (done && packet_call.take) done = packet_call.take(state, first);
  if (done) return CallEnd::kDone;
  runtime->CountFailure(call, packet_call.what, done.error());
  return call.stopped ? CallEnd::kStopped : CallEnd::kFailed;
}

}  // namespace breakwater::lua
