#include "lua/per_thread_code.h"

#include <fmt/format.h>

#include <queue>

#include "lua/bare_state.h"
#include "lua/call_alarm.h"
#include "lua/kept_text.h"
#include "proxy/base/activity.h"

namespace breakwater::lua {
namespace {

// Of code that has no limit of time: nothing could end it when the program ends.
constexpr uint32_t kLongestCallMs = 10'000;
constexpr int64_t kRenewalUs = 100'000;

// Small numbers for the threads that run, the lowest that is free. A number that is given again has
// seen the end of the thread that had it, for both hold the lock.
class ThreadNumbers {
 public:
  static size_t Mine() {
    thread_local const Holder holder;
    return holder.number;
  }

 private:
  using Free = std::priority_queue<size_t, std::vector<size_t>, std::greater<>>;
  struct State {
    Free free;
    size_t next = 0;
  };
  static Guarded<State>& Numbers() {
    static auto* const numbers = new Guarded<State>;  // threads may outlive static objects
    return *numbers;
  }
  struct Holder {
    Holder() {
      Numbers().With([&](State& state) {
        if (state.free.empty()) {
          number = state.next++;
        } else {
          number = state.free.top();
          state.free.pop();
        }
      });
    }
    ~Holder() {
      Numbers().With([&](State& state) { state.free.push(number); });
    }
    size_t number = 0;
  };
};

}  // namespace

struct PerThreadCode::Interpreter {
  explicit Interpreter(const FfiSettings& first) : settings(first) {}
  LuaState lua;
  int function = LUA_NOREF;
  std::string error;  // of the text; empty: the function is there
  bool told = false;
  FfiSettings settings;
  std::optional<MonoTime> looked;  // for newer ones
};

PerThreadCode::PerThreadCode(Call& call, std::string text, const std::string& name)
    : text_(std::move(text)),
      name_(KeptText(name)),
      runtime_(call.runtime().weak_from_this()),
      on_exceed_(FfiContextOf(call.state()).on_exceed),
      first_settings_(call.builder().config().settings),
      metrics_(call.builder().config().settings.custom_metrics),
      suspended_(call.builder().config().settings.suspended) {}

PerThreadCode::~PerThreadCode() {
  for (const auto& interpreter : interpreters_) delete interpreter.load(std::memory_order_relaxed);
}

std::unique_ptr<PerThreadCode::Interpreter> PerThreadCode::Make() const {
  auto made = std::make_unique<Interpreter>(first_settings_);
  lua_State* const state = made->lua.raw();
  SetUpBareState(state, {*metrics_, *suspended_, runtime_});
  if (luaL_loadbuffer(state, text_.data(), text_.size(), "=code") != LUA_OK) {
    made->error = PlainText(state, -1);
    lua_settop(state, 0);
    return made;
  }
  // Not CallWithin: it may require() what it needs.
  TextResult<void> ran;
  {
    const CallAlarm alarm(state, kLongestCallMs, StopCall);
    ran = ProtectedCall(state, 0, 1);
  }
  lua_sethook(state, nullptr, 0, 0);
  if (!ran) {
    made->error = ran.error();
  } else if (lua_type(state, -1) != LUA_TFUNCTION) {
    made->error =
        fmt::format("the code returns a {} instead of a function", luaL_typename(state, -1));
  } else {
    made->function = luaL_ref(state, LUA_REGISTRYINDEX);
  }
  lua_settop(state, 0);
  return made;
}

TextResult<void> PerThreadCode::Check() const {
  const auto made = Make();
  if (made->error.empty()) return {};
  return Fail(made->error);
}

PerThreadCode::Interpreter* PerThreadCode::OfThread() const {
  const size_t number = ThreadNumbers::Mine();
  if (number >= kMostThreads) return nullptr;
  auto& slot = interpreters_[number];
  Interpreter* mine = slot.load(std::memory_order_relaxed);
  if (mine == nullptr) {
    mine = Make().release();
    slot.store(mine, std::memory_order_relaxed);
  }
  return mine;
}

void PerThreadCode::Renew(Interpreter& mine, MonoTime now) const {
  if (mine.looked && (now - *mine.looked).us() < kRenewalUs) return;
  mine.looked = now;
  const auto runtime = runtime_.lock();
  const ConfigPtr newest = runtime ? runtime->published() : nullptr;
  if (newest) mine.settings = FfiSettings(newest->settings);
  CallLimits& limits = mine.settings.limits;
  if (limits.milliseconds == 0) limits.milliseconds = kLongestCallMs;
}

CallEnd PerThreadCode::Run(FfiFrame& frame, FfiAnswer* answer) const {
  const ActivityScope doing(name_);
  Interpreter* const mine = OfThread();
  LimitedCall call;
  if (mine == nullptr) {
    CountFailure(call, "there are too many threads");
    return CallEnd::kFailed;
  }
  if (!mine->error.empty()) {
    if (mine->told) return CallEnd::kNothing;
    mine->told = true;
    CountFailure(call, mine->error);
    return CallEnd::kFailed;
  }
  lua_State* const state = mine->lua.raw();
  lua_rawgeti(state, LUA_REGISTRYINDEX, mine->function);
  Renew(*mine, frame.now);
  auto done = RunFfi(state, frame, mine->settings, call);
  lua_settop(state, 0);
  if (done) {
    *answer = *done;
    return CallEnd::kDone;
  }
  CountFailure(call, done.error());
  return call.stopped ? CallEnd::kStopped : CallEnd::kFailed;
}

void PerThreadCode::CountFailure(const LimitedCall& call, const std::string& text) const {
  if (const auto runtime = runtime_.lock()) runtime->CountFailure(call, name_, text);
}

}  // namespace breakwater::lua
