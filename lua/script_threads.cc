#include "lua/script_threads.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

#include "lua/bare_state.h"
#include "lua/call_alarm.h"
#include "lua/lua_function.h"
#include "lua/object_args.h"
#include "lua/registry.h"
#include "proxy/base/log.h"

namespace breakwater::lua {
namespace {

constexpr std::chrono::milliseconds kInterruptStep{5};
constexpr size_t kLookUpThreads = 4;
constexpr size_t kMostAtOnce = 64;      // datagrams that Lua is handed in one turn
constexpr size_t kMostHostName = 1025;  // NI_MAXHOST

std::vector<Address> Resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;  // else each address comes once for each kind of socket
  addrinfo* found = nullptr;
  std::vector<Address> addresses;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    addresses.push_back(Address::FromSockaddr(one->ai_addr, one->ai_addrlen));
  }
  freeaddrinfo(found);
  return addresses;
}

std::string TooManyText() {
  return fmt::format("there are {} threads already, the most there may be",
                     ScriptThreads::kMostThreads);
}

bool IsText(lua_State* state, int index) {
  return lua_type(state, index) == LUA_TSTRING || lua_type(state, index) == LUA_TNUMBER;
}

}  // namespace

std::optional<ThreadMessageData> ReadMessageData(lua_State* state, int index) {
  if (lua_type(state, index) != LUA_TTABLE) return std::nullopt;
  ThreadMessageData data;
  const int top = lua_gettop(state);
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    if (!IsText(state, -2) || !IsText(state, -1)) {
      lua_settop(state, top);
      return std::nullopt;
    }
    data.emplace_back(PlainText(state, -2), PlainText(state, -1));
    lua_pop(state, 1);
  }
  return data;
}

TextResult<void> SubmitToMain(Runtime& runtime, const ThreadMessage& message) {
  size_t bytes = message.command.size();
  for (const auto& [key, value] : message.data) bytes += key.size() + value.size();
  if (bytes > kMostMessageBytes) {
    return Fail(fmt::format("a message of {} bytes, at most {}", bytes, kMostMessageBytes));
  }
  if (runtime.closed()) return Fail(std::string("the program ends"));
  Entry entry(runtime, Place::kScript);
  if (runtime.closed()) return Fail(std::string("the program ends"));
  lua_State* const main = entry.state();
  if (PushRawGlobal(main, "threadmessage") != LUA_TFUNCTION) {
    runtime.CountError("submitToMainThread()", "there is no function threadmessage(cmd, data)");
    return {};
  }
  Push(main, message.command);
  lua_createtable(main, 0, static_cast<int>(message.data.size()));
  for (const auto& [key, value] : message.data) {
    Push(main, key);
    Push(main, value);
    lua_rawset(main, -3);
  }
  const auto ran = ProtectedCall(main, 2, 0);
  // Who interrupts this thread means the code that sent the message, whose interpreter is another.
  if (CallWatch::WasInterrupted()) lua_sethook(main, nullptr, 0, 0);
  if (!ran) runtime.CountError("threadmessage()", ran.error());
  return {};
}

struct ScriptThreads::State {
  struct Thread {
    std::thread thread;
    bool ended = false;
  };
  struct HostLookUp {
    std::string host;
    LuaFunction callback;
  };

  explicit State(Runtime& of)
      : runtime(of.weak_from_this()),
        pause(of.options().thread_pause_s),
        metrics(of.builder().config().settings.custom_metrics),
        suspended(of.builder().config().settings.suspended) {}

  const std::weak_ptr<Runtime> runtime;
  const std::chrono::seconds pause;
  const std::shared_ptr<CustomMetrics> metrics;
  const std::shared_ptr<SuspendedTable> suspended;

  std::mutex mutex;
  std::condition_variable changed;
  // All below: under the mutex.
  bool started = false;
  bool stopping = false;
  std::vector<Code> codes;
  std::list<Thread> threads;  // of both kinds
  std::deque<HostLookUp> look_ups;
  size_t looking_up = 0;
  size_t look_up_threads = 0;
  using Sources = std::shared_ptr<std::vector<NetworkSource>>;
  std::vector<Sources> listeners;
  // Readable once the threads are to end.
  const UniqueFd end_event{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

  void StartOne(const std::shared_ptr<State>& self, std::function<void()> run) {
    Thread& made = threads.emplace_back();
    try {
      made.thread = std::thread([self, run = std::move(run), &made] {
        run();
        const std::lock_guard lock(self->mutex);
        made.ended = true;
        self->changed.notify_all();
      });
    } catch (const std::system_error& problem) {
      threads.pop_back();
      LogError("lua",
               "no thread can be made for a script: {}; raise TasksMax or the limit of "
               "processes",
               problem.what());
    }
  }
  void StartCode(const std::shared_ptr<State>& self, const Code& code) {
    StartOne(self, [self, code] { self->RunCode(code); });
  }
  void StartListener(const std::shared_ptr<State>& self, const Sources& sources) {
    StartOne(self, [self, sources] { self->RunListener(*sources); });
  }
  size_t ThreadsOfScripts() const { return codes.size() + listeners.size(); }
  void StartLookUps(const std::shared_ptr<State>& self) {
    while (look_up_threads < std::min(kLookUpThreads, look_ups.size() + looking_up)) {
      ++look_up_threads;
      StartOne(self, [self] { self->RunLookUps(); });
    }
  }

  bool IsStopping() {
    const std::lock_guard lock(mutex);
    return stopping;
  }
  void RunCode(const Code& code);
  void Tell(const Code& code, const TextResult<void>& ran);
  void RunLookUps();
  void RunListener(const std::vector<NetworkSource>& sources);
  // False where nothing more waits there.
  bool TakeDatagrams(const NetworkSource& source);
  void Answer(const HostLookUp& look_up, const std::vector<Address>& addresses);
  // What is bound to the interpreter of a thread.
  static int Submit(lua_State* state);
  int SubmitFrom(lua_State* state);
  static int Refresh(lua_State*) { return 0; }
};

int ScriptThreads::State::Submit(lua_State* state) {
  auto* const self = static_cast<State*>(lua_touserdata(state, lua_upvalueindex(1)));
  const int results = self->SubmitFrom(state);
  return results < 0 ? lua_error(state) : results;
}

// Pushes the error and gives -1, so that the caller raises it with nothing alive.
int ScriptThreads::State::SubmitFrom(lua_State* state) {
  std::string error;
  const auto data = ReadMessageData(state, 2);
  if (!IsText(state, 1)) error = "bad argument #1 (string expected)";
  if (error.empty() && !data) error = "bad argument #2 (table of strings expected)";
  if (error.empty()) {
    const auto alive = runtime.lock();
    TextResult<void> sent = Fail(std::string("the program ends"));
    if (alive) sent = SubmitToMain(*alive, {PlainText(state, 1), *data});
    if (sent) return 0;
    error = sent.error();
  }
  Push(state, fmt::format("{}submitToMainThread: {}", WhereOf(state), error));
  return -1;
}

void ScriptThreads::State::RunCode(const Code& code) {
  pthread_setname_np(pthread_self(), "bw/luathread");
  const FfiShared shared{*metrics, *suspended, runtime};
  while (!IsStopping()) {
    {
      // A runtime of its own, for what is bound: nobody else sees its configuration.
      ConfigBuilder builder;
      const auto own = std::make_shared<Runtime>(builder, RuntimeOptions{});
      LuaState& lua = own->interpreter();
      lua_State* const state = lua.raw();
      SetUpBareState(state, shared);
      RegisterHelpers(state);
      lua_pushlightuserdata(state, this);
      lua_pushcclosure(state, Submit, 1);
      lua_setglobal(state, "submitToMainThread");
      lua_register(state, "refreshRuntimeConfiguration", Refresh);
      const auto ran = lua.RunText(code.code, code.name);
      if (!IsStopping()) Tell(code, ran ? TextResult<void>() : Fail(ran.error()));
    }
    std::unique_lock lock(mutex);
    changed.wait_for(lock, pause, [this] { return stopping; });
  }
}

void ScriptThreads::State::Tell(const Code& code, const TextResult<void>& ran) {
  const std::string name = code.name.substr(1);
  const auto alive = runtime.lock();
  if (alive) alive->Count(Metric::kLuaThreadEnds);
  if (ran) {
    LogWarning("lua", "the code of {} has ended: it is started again in {} seconds", name,
               pause.count());
  } else if (alive) {
    alive->CountError(
        fmt::format("the thread of {}, which is started again in {} seconds", name, pause.count()),
        ran.error());
  }
}

void ScriptThreads::State::RunLookUps() {
  pthread_setname_np(pthread_self(), "bw/resolve");
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return stopping || !look_ups.empty(); });
    if (stopping) return;
    const HostLookUp look_up = std::move(look_ups.front());
    look_ups.pop_front();
    ++looking_up;
    lock.unlock();
    Answer(look_up, Resolve(look_up.host));
    lock.lock();
    --looking_up;
  }
}

void ScriptThreads::State::Answer(const HostLookUp& look_up,
                                  const std::vector<Address>& addresses) {
  const auto alive = runtime.lock();
  if (!alive || alive->closed()) return;
  Entry entry(*alive, Place::kScript);
  if (alive->closed()) return;
  look_up.callback.Push(entry.state());
  Push(entry.state(), look_up.host);
  Push(entry.state(), addresses);
  const auto ran = ProtectedCall(entry.state(), 2, 0);
  if (!ran) alive->CountError("a callback of getAddressInfo()", ran.error());
}

void ScriptThreads::State::RunListener(const std::vector<NetworkSource>& sources) {
  pthread_setname_np(pthread_self(), "bw/listener");
  std::vector<pollfd> watched;
  for (const NetworkSource& source : sources) {
    watched.push_back({.fd = source.fd.get(), .events = POLLIN, .revents = 0});
  }
  watched.push_back({.fd = end_event.get(), .events = POLLIN, .revents = 0});
  while (!IsStopping()) {
    if (poll(watched.data(), watched.size(), -1) < 0) continue;  // EINTR
    for (size_t i = 0; i < sources.size(); ++i) {
      while (watched[i].revents != 0 && !IsStopping() && TakeDatagrams(sources[i])) {
      }
    }
  }
}

bool ScriptThreads::State::TakeDatagrams(const NetworkSource& source) {
  std::vector<UnixDatagram> taken;
  while (taken.size() < kMostAtOnce) {
    auto datagram = ReceiveUnixDatagram(source.fd.get());
    if (!datagram) break;
    taken.push_back(std::move(*datagram));
  }
  const auto alive = runtime.lock();
  if (taken.empty() || !alive || alive->closed()) return false;
  Entry entry(*alive, Place::kScript);
  for (const UnixDatagram& datagram : taken) {
    if (alive->closed()) return false;
    source.callback.Push(entry.state());
    Push(entry.state(), source.id);
    Push(entry.state(), datagram.data);
    Push(entry.state(), datagram.from);
    const auto ran = ProtectedCall(entry.state(), 3, 0);
    if (!ran) alive->CountError("a callback of newNetworkListener()", ran.error());
  }
  return taken.size() == kMostAtOnce;
}

ScriptThreads::ScriptThreads(Runtime& runtime) : state_(std::make_shared<State>(runtime)) {}

ScriptThreads::~ScriptThreads() {
  RequestStop();
  (void)Stop();
}

TextResult<void> ScriptThreads::Add(Code code) {
  const std::lock_guard lock(state_->mutex);
  if (state_->ThreadsOfScripts() >= kMostThreads) return Fail(TooManyText());
  state_->codes.push_back(std::move(code));
  if (state_->started && !state_->stopping) state_->StartCode(state_, state_->codes.back());
  return {};
}

TextResult<void> ScriptThreads::Listen(std::vector<NetworkSource> sources) {
  const std::lock_guard lock(state_->mutex);
  if (state_->ThreadsOfScripts() >= kMostThreads) return Fail(TooManyText());
  state_->listeners.push_back(std::make_shared<std::vector<NetworkSource>>(std::move(sources)));
  if (state_->started && !state_->stopping) {
    state_->StartListener(state_, state_->listeners.back());
  }
  return {};
}

TextResult<void> ScriptThreads::LookUp(const std::string& host, const LuaFunction& callback) {
  if (host.empty() || host.size() > kMostHostName || host.find('\0') != std::string::npos) {
    return Fail(fmt::format("a host name has 1 to {} characters, and no zero", kMostHostName));
  }
  const std::lock_guard lock(state_->mutex);
  if (state_->look_ups.size() + state_->looking_up >= kMostLookUps) {
    return Fail(fmt::format("{} names are looked up already, the most there may be", kMostLookUps));
  }
  state_->look_ups.push_back({host, callback});
  if (state_->started && !state_->stopping) state_->StartLookUps(state_);
  state_->changed.notify_all();
  return {};
}

void ScriptThreads::Start() {
  const std::lock_guard lock(state_->mutex);
  if (std::exchange(state_->started, true) || state_->stopping) return;
  for (const Code& code : state_->codes) state_->StartCode(state_, code);
  for (const auto& sources : state_->listeners) state_->StartListener(state_, sources);
  state_->StartLookUps(state_);
}

void ScriptThreads::RequestStop() {
  const std::lock_guard lock(state_->mutex);
  state_->stopping = true;
  const uint64_t one_event = 1;
  (void)!write(state_->end_event.get(), &one_event, sizeof(one_event));
  state_->changed.notify_all();
  for (auto& one : state_->threads) {
    if (!one.ended && one.thread.joinable()) CallWatch::Interrupt(one.thread.native_handle());
  }
}

bool ScriptThreads::Stop() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::unique_lock lock(state_->mutex);
  const auto all_ended = [this] {
    return std::ranges::all_of(state_->threads, [](const auto& one) { return one.ended; });
  };
  while (!all_ended() && std::chrono::steady_clock::now() < deadline) {
    for (auto& one : state_->threads) {
      if (!one.ended && one.thread.joinable()) CallWatch::Interrupt(one.thread.native_handle());
    }
    state_->changed.wait_for(lock, kInterruptStep, all_ended);
  }
  bool left = false;
  for (auto& one : state_->threads) {
    if (!one.thread.joinable()) continue;
    if (one.ended) {
      lock.unlock();
      one.thread.join();
      lock.lock();
    } else {
      left = true;
      one.thread.detach();
    }
  }
  state_->look_ups.clear();
  return !left;
}

}  // namespace breakwater::lua
