// A libuv loop for one thread: its time (read once a turn), timers, mailbox and the end-of-turn
// hooks in which batches are sent. Everything here but Post() and Stop() belongs to the thread
// that calls Run().
#pragma once

#include <uv.h>

#include <functional>
#include <memory>

#include "proxy/base/clock.h"
#include "proxy/base/mailbox.h"
#include "proxy/base/timer_queue.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {

class Loop {
 public:
  Loop();
  // For tests: time is read from `clock`, which must outlive the loop.
  explicit Loop(const Clock& clock);
  ~Loop();  // closes what is left; must not run. Pollers of this loop must be gone before.
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void Run();   // until Stop()
  void Stop();  // any thread

  MonoTime now() const;                 // read once a turn, when it is first asked for
  TimerQueue& timers();                 // run at the beginning of a turn
  void Post(Mailbox::Message message);  // any thread; runs on the loop's
  // `hook` runs at the end of every turn, after timers and I/O, in the order added. Returns its
  // id for RemoveHook; an owner that may die before the loop removes its hook.
  uint64_t AtTurnEnd(std::function<void()> hook);
  void RemoveHook(uint64_t id);  // also from within a hook
  // Turns begun so far; the watchdog compares it. Any thread.
  uint64_t turns() const;

  uv_loop_t* raw();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Watches one descriptor (uv_poll). Owns it, and closes it in libuv's close callback. The owner
// may destroy the Poller inside its own callback. An error on the socket is reported as readable
// and writable: the next read or write tells which.
class Poller {
 public:
  using Callback = std::function<void(bool readable, bool writable)>;
  Poller(Loop& loop, UniqueFd fd, Callback callback);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  int fd() const;
  bool valid() const;  // false when the kernel cannot watch it; no callback will come (logged)
  struct Interest {
    bool readable = false;
    bool writable = false;
  };
  void Watch(Interest interest);  // in nothing: stops watching

 private:
  struct Handle;
  Handle* handle_;
};

}  // namespace breakwater
