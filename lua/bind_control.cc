// Console, web server and control socket, callbacks, further files.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "lua/object_args.h"
#include "lua/script_bindings.h"
#include "lua/warn_unless_strict.h"
#include "proxy/base/random.h"
#include "proxy/base/text.h"
#include "proxy/web/web_auth.h"

namespace breakwater::lua {
namespace {

TextResult<void> ControlSocket(Call& call, const std::string& text) {
  auto address = Address::Parse(text, 5199);
  if (!address) return Fail(std::move(address.error()));
  call.builder().Edit().settings.control_socket = *address;
  return {};
}

// 32 octets in base64. A key that is none refuses everybody.
TextResult<void> SetKey(Call& call, const std::string& text) {
  const auto key = Base64Decode(text);
  if (!text.empty() && (!key || key->size() != 32)) {
    return Fail(std::string("the key must be 32 octets in base64, as makeKey() prints"));
  }
  call.builder().Edit().settings.console_key =
      key ? std::string(key->begin(), key->end()) : std::string();
  return {};
}

void MakeKey(Call& call) {
  std::array<uint8_t, 32> key;
  FillRandom(key);
  call.Print(fmt::format("setKey(\"{}\")\n", Base64Encode(key)));
}

template <auto Member>
void SetConsole(Call& call,
                std::remove_reference_t<decltype(std::declval<Settings>().*Member)> value) {
  call.builder().Edit().settings.*Member = value;
}

// {alice="operate", ["@dnsops"]="flush"}
void ReadRoles(Call& call, Options& options, ControlAccess* access) {
  options.Accept({"roles"});
  if (!options.Has("roles")) return;
  lua_State* const state = call.state();
  lua_getfield(state, 2, "roles");
  if (!IsTable(state, -1)) {
    options.Reject("roles is a table, {alice=\"operate\", [\"@dnsops\"]=\"flush\"}");
    lua_pop(state, 1);
    return;
  }
  lua_pushnil(state);
  while (lua_next(state, -2) != 0) {
    const std::string who = PlainText(state, -2);
    const std::string name = PlainText(state, -1);
    lua_pop(state, 1);
    const auto role = ParseRole(name);
    if (!role) {
      options.Reject(
          fmt::format("roles: '{}' is no role; there are read, flush, operate and admin", name));
    } else if (const auto added = AddRole(*access, who, *role); !added) {
      options.Reject("roles: " + added.error());
    }
  }
  lua_pop(state, 1);
}

TextResult<void> UnixSocket(Call& call, const std::string& path, Options options) {
  options.RejectProblems();
  ControlAccess access = call.builder().config().settings.control_access;
  access.users.clear();
  access.groups.clear();
  ReadRoles(call, options, &access);
  options.Read("audit", &access.audit_path);
  Settings& settings = call.builder().Edit().settings;
  settings.control_access = std::move(access);
  std::string mode;
  options.Read("group", &settings.control_unix_group);
  if (options.Read("mode", &mode)) {
    char* end = nullptr;
    const unsigned long bits = std::strtoul(mode.c_str(), &end, 8);
    if (mode.empty() || *end != '\0' || bits > 0777) {
      options.Reject(fmt::format("mode '{}' is not three octal digits", mode));
    }
    settings.control_unix_mode = static_cast<uint32_t>(bits);
  }
  settings.control_unix_path = path;
  return options.Finish();
}

TextResult<std::string> ReadToken(Options& options) {
  std::string token;
  std::string path;
  const bool given = options.Read("token", &token);
  const bool in_file = options.Read("tokenFile", &path);
  if (given == in_file) return Fail(std::string("either token or tokenFile must be there"));
  if (in_file) {
    auto read = ReadTokenFile(path);
    if (!read) return read;
    token = std::move(*read);
  }
  if (token.size() < kMinTokenLength) {
    return Fail(fmt::format("a token has {} characters or more, this one {}", kMinTokenLength,
                            token.size()));
  }
  return token;
}

TextResult<void> ReadTokenZones(Options& options, ControlToken* token) {
  NamesArg zones;
  if (!options.Read("zones", &zones)) return {};
  if (token->role != Role::kFlush) {
    return Fail(fmt::format("zones say what may be flushed: the role must be flush, not {}",
                            RoleName(token->role)));
  }
  if (zones.names.empty()) {
    return Fail(std::string("zones is empty: leave it out for a token that may flush anything"));
  }
  token->zones = std::move(zones.names);
  return {};
}

// One of the same name takes the place of the one before.
TextResult<void> AddToken(Call& call, Options options) {
  options.RejectProblems();
  ControlToken token;
  std::string role;
  options.Read("name", &token.name);
  if (token.name.empty()) options.Reject("a token needs a name, which the audit log then shows");
  if (options.Read("role", &role)) {
    const auto parsed = ParseRole(role);
    if (!parsed) {
      options.Reject(
          fmt::format("'{}' is no role; there are read, flush, operate and admin", role));
    }
    token.role = parsed.value_or(Role::kRead);
  }
  if (const auto read = ReadTokenZones(options, &token); !read) options.Reject(read.error());
  auto text = ReadToken(options);
  if (!text) options.Reject(text.error());
  if (auto good = options.Finish(); !good) return good;
  token.hash = HashToken(*text);
  auto& tokens = call.builder().Edit().settings.control_access.tokens;
  std::erase_if(tokens, [&](const ControlToken& other) { return other.name == token.name; });
  if (FindToken(tokens, *text) != nullptr) {
    return Fail(fmt::format("the token '{}' is that of another name", token.name));
  }
  tokens.push_back(std::move(token));
  return {};
}

TextResult<void> WebServer(Call& call, const std::string& text) {
  // Left out without a word, the page would be open to whoever names a password.
  if (!lua_isnoneornil(call.state(), 2)) {
    return Fail(
        std::string("takes the address alone since 1.8; password, API key, headers and access list "
                    "go into setWebserverConfig({password=, apiKey=, customHeaders=, acl=})"));
  }
  auto address = Address::Parse(text, 8083);
  if (!address) return Fail(std::move(address.error()));
  call.builder().Edit().web.addresses.push_back(*address);
  return {};
}

TextResult<void> ReadHeaders(Call& call, WebServerSettings* web) {
  lua_State* const state = call.state();
  lua_pushstring(state, "customHeaders");
  lua_rawget(state, 1);
  if (IsTable(state, -1)) {
    web->custom_headers.clear();
    lua_pushnil(state);
    while (lua_next(state, -2) != 0) {
      web->custom_headers[PlainText(state, -2)] = PlainText(state, -1);
      lua_pop(state, 1);
    }
  }
  lua_pop(state, 1);
  return {};
}

TextResult<void> HashCredential(std::string* credential) {
  if (credential->empty() || IsHashedPassword(*credential)) return {};
  auto hashed = HashPassword(*credential);
  if (!hashed) return Fail(std::move(hashed.error()));
  *credential = std::move(*hashed);
  return {};
}

TextResult<void> WebConfig(Call& call, Options options) {
  WebServerSettings web = call.builder().config().web;
  options.Read("password", &web.password);
  options.Read("apiKey", &web.api_key);
  // One text with commas between, as well as a list.
  if (options.Has("acl")) {
    StringOrList items;
    options.Read("acl", &items);
    web.acl.Clear();
    for (const std::string& item : items.items) {
      for (const std::string_view mask : Split(item, ',')) {
        if (const auto added = web.acl.Add(TrimSpace(mask)); !added) options.Reject(added.error());
      }
    }
  }
  options.Accept({"customHeaders"});
  options.Read("allowCrossOriginRequests", &web.allow_cross_origin_requests);
  options.Read("apiRequiresAuthentication", &web.api_requires_authentication);
  options.Read("dashboardRequiresAuthentication", &web.dashboard_requires_authentication);
  options.Read("statsRequireAuthentication", &web.stats_require_authentication);
  options.Read("prometheusAddInstanceLabel", &web.prometheus_add_instance_label);
  options.Read("maxConcurrentConnections", &web.max_concurrent_connections);
  bool hash = false;
  options.Read("hashPlaintextCredentials", &hash);
  if (auto good = options.Finish(); !good) return good;
  if (hash) {
    for (std::string* credential : {&web.password, &web.api_key}) {
      if (auto good = HashCredential(credential); !good) return good;
    }
  }
  if (auto good = ReadHeaders(call, &web); !good) return good;
  call.builder().Edit().web = std::move(web);
  return {};
}

void ApiWritable(Call& call, bool allow, const std::optional<std::string>& directory) {
  WebServerSettings& web = call.builder().Edit().web;
  web.api_read_write = allow;
  if (directory) web.api_config_directory = *directory;
}

// --- callbacks

void AddExit(Call& call, const LuaFunction& callback) {
  call.runtime().callbacks().exit.push_back(callback);
}
void AddMaintenance(Call& call, const LuaFunction& callback) {
  call.runtime().callbacks().maintenance.push_back(callback);
}
void AddServerState(Call& call, const LuaFunction& callback) {
  call.runtime().callbacks().server_state.push_back(callback);
}

bool InClient(Call& call) {
  return call.runtime().options().client;
}
bool InCheck(Call& call) {
  return call.runtime().options().check;
}

// Every *.conf of the directory, in order of name; nothing hidden.
TextResult<void> IncludeDirectory(Call& call, const std::string& path) {
  std::error_code problem;
  std::vector<std::string> files;
  for (std::filesystem::directory_iterator entry(path, problem), end; !problem && entry != end;
       entry.increment(problem)) {
    const std::filesystem::path& file = entry->path();
    if (file.filename().string()[0] == '.' || file.extension() != ".conf") continue;
    std::error_code missing;
    if (entry->is_regular_file(missing)) {
      files.push_back(file.string());
    } else if (missing) {
      const auto skipped = WarnUnlessStrict(
          call, fmt::format("cannot read {}: {}: not included", file.string(), missing.message()));
      if (!skipped) return skipped;
    }
  }
  if (problem == std::errc::no_such_file_or_directory) {
    return WarnUnlessStrict(call, fmt::format("{} does not exist: nothing is included", path));
  }
  if (problem) return Fail(fmt::format("cannot read {}: {}", path, problem.message()));
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    if (auto ran = call.runtime().interpreter().RunFile(file); !ran) return ran;
  }
  return {};
}

constexpr FunctionRow kFunctions[] = {
    {"addControlToken", Bind<&AddToken>,
     "addControlToken({name=, token= or tokenFile=, role=\"flush\", zones=})",
     "Lets whoever shows the token on the control socket do what the role may, in the zones "
     "alone."},
    {"addExitCallback", Bind<&AddExit>, "addExitCallback(callback)",
     "Calls the function at a clean stop."},
    {"addMaintenanceCallback", Bind<&AddMaintenance>, "addMaintenanceCallback(callback)",
     "Calls the function each second."},
    {"addServerStateChangeCallback", Bind<&AddServerState>,
     "addServerStateChangeCallback(callback)",
     "Calls function(name, up) when checks change a server's state; it may take 5 seconds."},
    {"controlSocket", Bind<&ControlSocket>, "controlSocket(address)",
     "Opens the console on this address.", Scope::kConfigOnly},
    {"controlUnixSocket", Bind<&UnixSocket>, "controlUnixSocket(path [, options])",
     "Opens the control socket that breakwaterctl uses: mode, group, roles, audit.",
     Scope::kConfigOnly},
    {"inClientStartup", Bind<&InClient>, "inClientStartup() -> bool",
     "Whether this is a console client.", Scope::kAnywhere},
    {"inConfigCheck", Bind<&InCheck>, "inConfigCheck() -> bool",
     "Whether the file is only checked.", Scope::kAnywhere},
    {"includeDirectory", Bind<&IncludeDirectory>, "includeDirectory(path)",
     "Reads every *.conf of a directory.", Scope::kConfigOnly},
    {"makeKey", Bind<&MakeKey>, "makeKey()", "Prints a new key for the console."},
    {"setAPIWritable", Bind<&ApiWritable>, "setAPIWritable(allow [, dir])",
     "Lets the web API change the access list, and keep it in acl.conf of the directory."},
    {"setConsoleConnectionsLogging", Bind<&SetConsole<&Settings::console_connections_logging>>,
     "setConsoleConnectionsLogging(enabled)", "Whether console connections are logged."},
    {"setConsoleMaximumConcurrentConnections",
     Bind<&SetConsole<&Settings::console_max_connections>>,
     "setConsoleMaximumConcurrentConnections(max)", "Console connections at a time; 0: no limit.",
     Scope::kConfigOnly},
    {"setConsoleOutputMaxMsgSize", Bind<&SetConsole<&Settings::console_output_max>>,
     "setConsoleOutputMaxMsgSize(size)", "The largest answer of the console that a client takes."},
    {"setKey", Bind<&SetKey>, "setKey(key)", "Sets the key of the console."},
    {"setWebserverConfig", Bind<&WebConfig>, "setWebserverConfig(options)",
     "Password, key and access list of the web server."},
    {"webserver", Bind<&WebServer>, "webserver(listen_address)",
     "Opens the web server on this address.", Scope::kConfigOnly},
};

}  // namespace

FunctionPage ControlFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
