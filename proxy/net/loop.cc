#include "proxy/net/loop.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <deque>
#include <optional>

#include "proxy/base/log.h"

namespace breakwater {
namespace {

// The only way a libuv set-up call fails is want of memory or descriptors at start, where
// nothing can run without the loop.
void Must(int status, const char* what) {
  if (status == 0) return;
  LogError("loop", "{} failed: {}", what, uv_strerror(status));
  std::abort();
}

}  // namespace

// A turn of libuv 1.44 is: timers, prepare, poll (descriptors and the mailbox), check, close
// callbacks. We run our timers in prepare, and the hooks after either half. The time is forgotten
// before each half, for poll may have slept.
struct Loop::Impl {
  explicit Impl(const Clock& c) : clock(c) {
    Must(uv_loop_init(&loop), "uv_loop_init");
    loop.data = this;
    Must(uv_timer_init(&loop, &timer), "uv_timer_init");
    Must(uv_prepare_init(&loop, &prepare), "uv_prepare_init");
    Must(uv_check_init(&loop, &check), "uv_check_init");
    Must(uv_async_init(&loop, &async, [](uv_async_t* h) { From(h->loop)->OnWake(); }),
         "uv_async_init");
    uv_prepare_start(&prepare, [](uv_prepare_t* h) { From(h->loop)->OnPrepare(); });
    uv_check_start(&check, [](uv_check_t* h) { From(h->loop)->RunHooks(); });
    mailbox.emplace([this] { uv_async_send(&async); });
  }

  static Impl* From(uv_loop_t* raw) { return static_cast<Impl*>(raw->data); }

  void OnPrepare() {
    now.reset();
    // What timers queued must leave before poll blocks.
    if (timers.Next() && timers.RunDue(Now()) > 0) RunHooks();
    ArmTimer();
    turns.store(turns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    now.reset();
  }

  void OnWake() {
    if (stopping.exchange(false)) uv_stop(&loop);
    mailbox->Drain();
  }

  void RunHooks() {
    running_hooks = true;
    // By index, over a deque: a hook may add and remove hooks.
    for (size_t i = 0; i < hooks.size(); ++i) {
      if (hooks[i].id != 0) hooks[i].run();
    }
    running_hooks = false;
    std::erase_if(hooks, [](const Hook& hook) { return hook.id == 0; });
  }

  void RemoveHook(uint64_t id) {
    for (Hook& hook : hooks) {
      if (hook.id == id) hook.id = 0;
    }
    if (!running_hooks) std::erase_if(hooks, [](const Hook& hook) { return hook.id == 0; });
  }

  // libuv's timer only ends the wait of poll; RunDue decides what is due. Its milliseconds are
  // rounded up, so that the loop does not wake before the deadline and spin.
  void ArmTimer() {
    const std::optional<MonoTime> next = timers.Next();
    if (next == armed) return;
    armed = next;
    if (!next) {
      uv_timer_stop(&timer);
      return;
    }
    const int64_t wait_ns = std::max<int64_t>(0, next->ns - Now().ns);
    uv_timer_start(
        &timer, [](uv_timer_t* h) { From(h->loop)->armed.reset(); },
        static_cast<uint64_t>((wait_ns + 999'999) / 1'000'000), 0);
  }

  MonoTime Now() {
    if (!now) now = clock.Now();
    return *now;
  }

  const Clock& clock;
  uv_loop_t loop{};
  uv_timer_t timer{};
  uv_prepare_t prepare{};
  uv_check_t check{};
  uv_async_t async{};
  std::optional<Mailbox> mailbox;
  TimerQueue timers;
  std::optional<MonoTime> armed;
  std::optional<MonoTime> now;
  struct Hook {
    uint64_t id;  // 0: removed
    std::function<void()> run;
  };
  std::deque<Hook> hooks;
  uint64_t next_hook_id = 1;
  bool running_hooks = false;
  std::atomic<bool> stopping{false};
  std::atomic<uint64_t> turns{0};
};

namespace {

const SystemClock& TheSystemClock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace

Loop::Loop() : Loop(TheSystemClock()) {}

Loop::Loop(const Clock& clock) : impl_(std::make_unique<Impl>(clock)) {}

Loop::~Loop() {
  // Messages, timers and hooks may own things that close handles: first them, then the handles.
  impl_->hooks.clear();
  impl_->timers = TimerQueue();
  impl_->mailbox.reset();
  uv_walk(
      &impl_->loop,
      [](uv_handle_t* handle, void*) {
        if (uv_is_closing(handle) == 0) uv_close(handle, nullptr);
      },
      nullptr);
  uv_run(&impl_->loop, UV_RUN_DEFAULT);
  Must(uv_loop_close(&impl_->loop), "uv_loop_close");
}

void Loop::Run() {
  uv_run(&impl_->loop, UV_RUN_DEFAULT);
}

void Loop::Stop() {
  impl_->stopping.store(true);
  uv_async_send(&impl_->async);
}

MonoTime Loop::now() const {
  return impl_->Now();
}

TimerQueue& Loop::timers() {
  return impl_->timers;
}

void Loop::Post(Mailbox::Message message) {
  impl_->mailbox->Post(std::move(message));
}

uint64_t Loop::AtTurnEnd(std::function<void()> hook) {
  impl_->hooks.push_back({impl_->next_hook_id, std::move(hook)});
  return impl_->next_hook_id++;
}

void Loop::RemoveHook(uint64_t id) {
  impl_->RemoveHook(id);
}

uint64_t Loop::turns() const {
  return impl_->turns.load(std::memory_order_relaxed);
}

uv_loop_t* Loop::raw() {
  return &impl_->loop;
}

struct Poller::Handle {
  uv_poll_t poll{};
  UniqueFd fd;
  Callback callback;
  int wanted = 0;
  int watched = 0;  // by libuv; each change costs system calls, so a stop waits for an event
  bool open = false;

  static void OnEvents(uv_poll_t* poll, int status, int events) {
    auto* self = static_cast<Handle*>(poll->data);
    if (status < 0) {
      // libuv has stopped watching: it reports a pending socket error (an ICMP message, a reset)
      // as EBADF. The owner's read or write collects the error.
      self->watched = 0;
      if (self->wanted == 0) return;
      self->callback(true, true);
      return self->Follow();  // also after the owner has gone: libuv still holds the handle
    }
    if (self->wanted == 0) {
      self->watched = 0;
      uv_poll_stop(poll);
      return;
    }
    self->callback((events & UV_READABLE) != 0, (events & UV_WRITABLE) != 0);
  }
  void Follow() {
    auto* const handle = reinterpret_cast<uv_handle_t*>(&poll);
    if (wanted == 0 || wanted == watched || uv_is_closing(handle) != 0) return;
    watched = wanted;
    uv_poll_start(&poll, wanted, OnEvents);
  }
};

Poller::Poller(Loop& loop, UniqueFd fd, Callback callback) : handle_(new Handle) {
  handle_->fd = std::move(fd);
  handle_->callback = std::move(callback);
  const int status = uv_poll_init(loop.raw(), &handle_->poll, handle_->fd.get());
  handle_->open = status == 0;
  handle_->poll.data = handle_;
  if (status != 0) LogError("loop", "cannot watch a socket: {}", uv_strerror(status));
}

Poller::~Poller() {
  if (!handle_->open) {
    delete handle_;
    return;
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->poll),
           [](uv_handle_t* handle) { delete static_cast<Handle*>(handle->data); });
}

int Poller::fd() const {
  return handle_->fd.get();
}

bool Poller::valid() const {
  return handle_->open;
}

void Poller::Watch(Interest interest) {
  const int events = (interest.readable ? UV_READABLE : 0) | (interest.writable ? UV_WRITABLE : 0);
  if (!handle_->open) return;
  handle_->wanted = events;
  handle_->Follow();
}

}  // namespace breakwater
