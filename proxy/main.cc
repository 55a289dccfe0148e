// argv -> serve, be a console client, or check a configuration.
#include <fmt/format.h>
#include <sodium.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>

#include "lua/configuration.h"
#include "proxy/base/journal.h"
#include "proxy/base/log.h"
#include "proxy/base/version.h"
#include "proxy/config/config_builder.h"
#include "proxy/console/control_cipher.h"
#include "proxy/console/control_client.h"
#include "proxy/console/control_server.h"
#include "proxy/net/descriptors.h"
#include "proxy/options.h"
#include "proxy/server.h"
#include "proxy/web/web_server.h"
#include "proxy/worker/privileges.h"

namespace breakwater {
namespace {

int Complain(const std::string& text) {
  fmt::print(stderr, "{}\n", text);
  return 1;
}

void SetUpLogs(const Options& options) {
  LogSettings logs;
  // Checking speaks to a person; serving speaks to a collector.
  logs.structured = options.structured_logging.value_or(options.mode == RunMode::kServe);
  if (options.structured_backend == "json") logs.format = StructuredFormat::kJson;
  if (logs.structured && options.structured_backend == "systemd-journal") {
    logs.format = JournalOrPairs();
  }
  logs.verbose = options.verbose;
  logs.syslog = !options.disable_syslog && options.mode == RunMode::kServe;
  logs.timestamps = options.log_timestamps;
  SetLogSettings(logs);
}

// The named file, else the default one where it exists, else none.
TextResult<std::string> ConfigPath(const Options& options) {
  const bool named = !options.config_path.empty();
  const std::string path = named ? options.config_path : kDefaultConfigPath;
  if (access(path.c_str(), R_OK) == 0) return path;
  if (!named) return std::string();
  return Fail(
      fmt::format("Unable to read configuration file '{}': {}", path, std::strerror(errno)));
}

void AddFrontend(Config& config, const Address& address) {
  for (const Protocol protocol : {Protocol::kDoUdp, Protocol::kDoTcp}) {
    auto frontend = std::make_shared<Frontend>();
    frontend->settings.address = address;
    frontend->settings.protocol = protocol;
    config.frontends.push_back(std::move(frontend));
  }
}

// What the command line adds to the file, and the defaults where neither says a thing.
TextResult<void> ApplyOptions(const Options& options, ConfigBuilder& builder) {
  for (const std::string& text : options.locals) {
    const auto address = Address::Parse(text, 53);
    if (!address) return Fail(fmt::format("-l: {}", address.error()));
    AddFrontend(builder.Edit(), *address);
  }
  if (!options.acls.empty()) {
    NetmaskGroup acl;
    for (const std::string& text : options.acls) {
      if (auto added = acl.Add(text); !added) return Fail(fmt::format("-a: {}", added.error()));
    }
    builder.Edit().acl = std::move(acl);
  }
  for (const std::string& text : options.servers) {
    const auto address = Address::Parse(text, 53);
    if (!address) return Fail(address.error());
    BackendSettings settings;
    settings.address = *address;
    auto backend = std::make_shared<Backend>(std::move(settings));
    builder.AddBackendAndPools(backend);
  }
  if (builder.config().frontends.empty()) {
    AddFrontend(builder.Edit(), *Address::Parse("127.0.0.1:53"));
  }
  return {};
}

int CheckConfig(const Options& options) {
  const auto path = ConfigPath(options);
  if (!path) return Complain(path.error());
  ConfigBuilder builder;
  auto loaded = lua::Configuration::Load(*path, builder, {.check = true, .strict = options.strict});
  if (!loaded) return Complain(fmt::format("Fatal Lua error: {}", loaded.error()));
  if (auto applied = ApplyOptions(options, builder); !applied) return Complain(applied.error());
  (*loaded)->RunExitCallbacks();
  if (options.structured_logging.value_or(false)) {
    LogInfo("setup", "Configuration OK");
  } else {
    fmt::print("Configuration '{}' OK!\n", *path);
  }
  return 0;
}

int RunClient(const Options& options) {
  const auto path = ConfigPath(options);
  if (!path) return Complain(path.error());
  ConfigBuilder builder;
  auto loaded = lua::Configuration::Load(*path, builder, {.client = true});
  if (!loaded) return Complain(fmt::format("Fatal Lua error: {}", loaded.error()));
  const Settings& settings = builder.config().settings;
  ControlClientSettings client{.server = settings.control_socket,
                               .key = settings.console_key,
                               .max_reply = settings.console_output_max};
  if (!options.client_address.empty()) {
    const auto address = Address::Parse(options.client_address, 5199);
    if (!address) return Complain(address.error());
    client.server = *address;
  }
  if (!options.key.empty()) {
    auto key = DecodeConsoleKey(options.key);
    if (!key) return Complain(fmt::format("-k: {}", key.error()));
    client.key = *key;
  }
  if (!client.server.IsSet()) client.server = *Address::Parse("127.0.0.1:5199");
  if (options.execute.empty()) return RunConsoleClient(client, std::cout, std::cerr);
  return RunConsoleCommand(client, options.execute, std::cout, std::cerr);
}

// While the configuration is read there is nothing to finish.
void EndWhileReading(int) {
  constexpr std::string_view kText = "ended by a signal while the configuration was read\n";
  (void)!write(STDERR_FILENO, kText.data(), kText.size());
  _exit(0);
}

// The signals that end the program, of the main thread, which never waits for Lua.
class Signals {
 public:
  // From now on until Block() a signal ends the program at once.
  static void EndAtOnce() {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGTERM, EndWhileReading);
    std::signal(SIGINT, EndWhileReading);
    sigset_t later;
    sigemptyset(&later);
    sigaddset(&later, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &later, nullptr);
  }
  // Before any thread is made: all inherit that these signals wait for Await().
  static void Block() {
    const sigset_t waited = Waited();
    pthread_sigmask(SIG_BLOCK, &waited, nullptr);
  }
  // Until SIGTERM or SIGINT.
  static void Await(Server& server) {
    const sigset_t waited = Waited();
    for (;;) {
      const int signal = sigwaitinfo(&waited, nullptr);
      if (signal == SIGTERM || signal == SIGINT) return;
      if (signal == SIGHUP) {
        server.ReopenFiles();
        LogInfo("setup", "SIGHUP: log files were opened anew; the configuration stays as it is");
      }
    }
  }

 private:
  static sigset_t Waited() {
    sigset_t waited;
    sigemptyset(&waited);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&waited, signal);
    return waited;
  }
};

// Runs maintenance once a second until it is destroyed, which waits for Lua.
class ScriptThread {
 public:
  explicit ScriptThread(lua::Configuration& lua) : lua_(lua), thread_([this] { Run(); }) {}
  ~ScriptThread() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  ScriptThread(const ScriptThread&) = delete;
  ScriptThread& operator=(const ScriptThread&) = delete;

 private:
  void Run() {
    pthread_setname_np(pthread_self(), "bw/script");
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; })) {
      lock.unlock();
      lua_.Maintenance();
      lock.lock();
    }
  }

  lua::Configuration& lua_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

// Each hears of the other.
void Connect(lua::Configuration& lua, Server& server) {
  lua.UseServer(server, server.script_stats());
  server.OnServerState([&](const BackendPtr& backend, bool up) { lua.OnServerState(backend, up); });
  server.OnUpgrade([&](const BackendPtr& backend, const BackendPtr& upgraded) {
    lua.OnUpgrade(backend, upgraded);
  });
  server.OnZoneState([&](const ZoneNews& news) { lua.OnZoneState(news); });
  lua.OnPublish([&](ConfigPtr config) { server.Publish(std::move(config)); });
  server.OnTicketKey([&](const std::string& key) { lua.OnTicketKey(key); });
}

int Serve(const Options& options) {
  Signals::EndAtOnce();
  RaiseDescriptorLimit();
  const auto path = ConfigPath(options);
  if (!path) return Complain(path.error());
  ConfigBuilder builder;
  auto loaded = lua::Configuration::Load(*path, builder, {.strict = options.strict});
  if (!loaded) return Complain(fmt::format("Fatal Lua error: {}", loaded.error()));
  lua::Configuration& lua = **loaded;
  if (auto applied = ApplyOptions(options, builder); !applied) return Complain(applied.error());

  Signals::Block();
  Server server(builder.Publish());
  ControlServer console(server.control_loop(), lua);
  const Address console_address = builder.config().settings.control_socket;
  if (console_address.IsSet()) {
    // Before the ports, as the control socket. One that cannot be had is no reason not to serve.
    if (auto up = console.Start(console_address); !up) LogError("console", "{}", up.error());
  }
  if (auto bound = server.Bind(); !bound) return Complain(bound.error());
  if (auto dropped = DropPrivileges(
          {options.user, options.group, builder.config().settings.retained_capabilities});
      !dropped) {
    return Complain(dropped.error());
  }
  Connect(lua, server);
  std::vector<std::unique_ptr<WebServer>> webs;
  for (const Address& address : builder.config().web.addresses) {
    webs.push_back(std::make_unique<WebServer>(server, lua, server.rates()));
    if (auto up = webs.back()->Start(address); !up) LogError("web", "{}", up.error());
  }
  server.Start();
  sd_notify(0, "READY=1");
  std::optional<ScriptThread> script(lua);
  lua.StartThreads();
  Signals::Await(server);

  sd_notify(0, "STOPPING=1");
  LogInfo("setup", "Exiting on user request");
  if (!lua.Close()) {
    // All that waits for it waits on; what has to be finished does without.
    LogError("setup", "a function that Lua has called does not return: exit callbacks do not run");
    server.Stop(Server::ScriptWaits::kLeft);
    std::_Exit(0);
  }
  const bool threads_ended = lua.StopThreads();
  script.reset();
  webs.clear();
  const bool workers_ended = server.Stop();
  lua.OnPublish(nullptr);
  lua.RunExitCallbacks();
  if (threads_ended && workers_ended) return 0;
  if (!threads_ended) {
    LogWarning("setup",
               "a thread of newThread() or getAddressInfo() does not end: it is left behind");
  }
  std::_Exit(0);
}

int Run(int argc, char** argv) {
  const auto options = ParseOptions(argc, argv);
  if (!options) return Complain(options.error());
  if (sodium_init() < 0) return Complain("libsodium cannot be initialised");
  SetUpLogs(*options);
  switch (options->mode) {
    case RunMode::kHelp:
      fmt::print("{}", HelpText());
      return 0;
    case RunMode::kVersion:
      fmt::print("{}\n", VersionText());
      return 0;
    case RunMode::kCheckConfig:
      return CheckConfig(*options);
    case RunMode::kClient:
      return RunClient(*options);
    case RunMode::kServe:
      return Serve(*options);
  }
  return 1;
}

}  // namespace
}  // namespace breakwater

int main(int argc, char** argv) {
  return breakwater::Run(argc, argv);
}
