#include "lua/call_alarm.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>

#include "proxy/base/log.h"

namespace breakwater::lua {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kNsPerSecond = 1'000'000'000;

int AlarmSignal() {
  return SIGRTMIN + 5;
}

int InterruptSignal() {
  return SIGRTMIN + 6;
}

// Read and written by one thread and by the handlers that interrupt it.
struct ThreadAlarm {
  std::atomic<lua_State*> running{nullptr};  // null: no call runs
  std::atomic<lua_Hook> stop{nullptr};
  std::atomic<lua_Hook> interrupt_stop{nullptr};
  std::atomic<bool> interrupted{false};
  std::atomic<bool> timed{false};
  std::atomic<int64_t> deadline_ns{0};
  std::atomic<bool> up{false};
  std::atomic<bool> ticking{false};  // the timer will fire, at due_ns
  std::atomic<int64_t> due_ns{0};
  timer_t timer{};
};
thread_local ThreadAlarm alarm_of_thread;

int64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kNsPerSecond + now.tv_nsec;
}

void StartTimer(ThreadAlarm& alarm, int64_t in_ns) {
  itimerspec when{};
  when.it_value.tv_sec = in_ns / kNsPerSecond;
  when.it_value.tv_nsec = in_ns % kNsPerSecond;
  // Said first: the alarm may go off before the call returns.
  alarm.due_ns = NowNs() + in_ns;
  alarm.ticking = true;
  if (timer_settime(alarm.timer, 0, &when, nullptr) != 0) alarm.ticking = false;
}

// The timer is not stopped when a call ends in time, as nearly all do: it fires later, finds
// another call or none, and is set again or not. A call that must end before is the exception.
void OnAlarm(int) {
  const int saved = errno;
  ThreadAlarm& alarm = alarm_of_thread;
  alarm.ticking = false;
  if (lua_State* const state = alarm.timed ? alarm.running.load() : nullptr) {
    const int64_t left = alarm.deadline_ns - NowNs();
    if (left > 0) {
      StartTimer(alarm, left);
    } else {
      alarm.up = true;
      lua_sethook(state, alarm.stop, LUA_MASKCOUNT, 1);
    }
  }
  errno = saved;
}

void OnInterrupt(int) {
  ThreadAlarm& alarm = alarm_of_thread;
  lua_State* const state = alarm.running;
  if (state == nullptr || alarm.interrupt_stop == nullptr) return;
  alarm.interrupted = true;
  lua_sethook(state, alarm.interrupt_stop, LUA_MASKCOUNT, 1);
}

// What Lua's functions wait for in the kernel ends with EINTR: hence no SA_RESTART.
void InstallInterrupts() {
  static std::once_flag installed;
  std::call_once(installed, [] {
    struct sigaction action {};
    action.sa_handler = OnInterrupt;
    sigaction(InterruptSignal(), &action, nullptr);
  });
}

// Deletes the timer when its thread ends.
struct TimerOwner {
  bool made = false;
  bool refused = false;  // by the kernel: not asked again
  ~TimerOwner() {
    if (made) timer_delete(alarm_of_thread.timer);
  }
};
thread_local TimerOwner timer_of_thread;

bool MakeTimer() {
  static std::once_flag installed;
  std::call_once(installed, [] {
    struct sigaction action {};
    action.sa_handler = OnAlarm;
    action.sa_flags = SA_RESTART;
    sigaction(AlarmSignal(), &action, nullptr);
  });
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, AlarmSignal());
  pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = AlarmSignal();
  event._sigev_un._tid = gettid();
  if (timer_create(CLOCK_MONOTONIC, &event, &alarm_of_thread.timer) == 0) return true;
  LogError("lua", "cannot make a timer: Lua functions are not stopped when they take too long");
  return false;
}

}  // namespace

CallAlarm::CallAlarm(lua_State* state, uint32_t milliseconds, lua_Hook stop)
    : outermost_(!alarm_of_thread.timed) {
  if (!outermost_) return;
  ThreadAlarm& alarm = alarm_of_thread;
  alarm.up = false;
  if (milliseconds == 0 || timer_of_thread.refused) return;
  if (!timer_of_thread.made) {
    timer_of_thread.made = MakeTimer();
    timer_of_thread.refused = !timer_of_thread.made;
    if (timer_of_thread.refused) return;
  }
  alarm.stop = stop;
  alarm.deadline_ns = NowNs() + milliseconds * kNsPerMs;
  before_ = alarm.running.exchange(state);
  alarm.timed = true;
  if (!alarm.ticking || alarm.due_ns > alarm.deadline_ns) {
    StartTimer(alarm, milliseconds * kNsPerMs);
  }
}

CallAlarm::~CallAlarm() {
  ThreadAlarm& alarm = alarm_of_thread;
  if (!outermost_) return;
  if (alarm.timed.exchange(false)) alarm.running = before_;
  alarm.up = false;
  if (before_ == nullptr) alarm.interrupted = false;
}

bool CallAlarm::IsUp() {
  return alarm_of_thread.up || alarm_of_thread.interrupted;
}

lua_State* CallAlarm::Switch(lua_State* to) {
  lua_State* const before = alarm_of_thread.running;
  if (before != nullptr) alarm_of_thread.running = to;
  return before;
}

CallWatch::CallWatch(lua_State* state, lua_Hook stop) {
  InstallInterrupts();
  ThreadAlarm& alarm = alarm_of_thread;
  alarm.interrupt_stop = stop;
  before_ = alarm.running.exchange(state);
}

CallWatch::~CallWatch() {
  ThreadAlarm& alarm = alarm_of_thread;
  lua_State* const state = alarm.running.exchange(before_);
  if (before_ != nullptr || !alarm.interrupted) return;
  alarm.interrupted = false;
  if (state != nullptr) lua_sethook(state, nullptr, 0, 0);
}

void CallWatch::Interrupt(pthread_t thread) {
  InstallInterrupts();
  pthread_kill(thread, InterruptSignal());
}

bool CallWatch::WasInterrupted() {
  return alarm_of_thread.interrupted;
}

}  // namespace breakwater::lua
