// addLocal, setLocal, the binds that they make, and who may ask.
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <fstream>

#include "lua/bindings.h"
#include "lua/object_args.h"
#include "lua/tls_options.h"
#include "proxy/base/text.h"

namespace breakwater::lua {
namespace {

TextResult<void> AddFrontends(Call& call, const std::string& text, Options& options) {
  FrontendSettings settings;
  bool tcp = true;
  options.Read("doTCP", &tcp);
  options.Read("reusePort", &settings.reuse_port);
  options.Read("tcpFastOpenQueueSize", &settings.tcp_fast_open_queue);
  options.Read("interface", &settings.interface);
  options.Read("cpus", &settings.cpus);
  options.Read("tcpListenQueueSize", &settings.tcp_listen_queue);
  options.Read("maxInFlight", &settings.max_in_flight);
  options.Read("maxConcurrentTCPConnections", &settings.max_connections);
  ReadProxyOption(options, &settings);
  options.Unavailable({"xskSocket"});
  if (auto good = options.Finish(); !good) return good;
  auto address = Address::Parse(text, 53);
  if (!address) return Fail(std::move(address.error()));
  settings.address = *address;
  auto& frontends = call.builder().Edit().frontends;
  const auto add = [&](Protocol protocol) {
    auto frontend = std::make_shared<Frontend>();
    frontend->settings = settings;
    frontend->settings.protocol = protocol;
    frontends.push_back(std::move(frontend));
  };
  add(Protocol::kDoUdp);
  if (tcp) add(Protocol::kDoTcp);
  return {};
}

TextResult<void> AddLocal(Call& call, const std::string& address, Options options) {
  return AddFrontends(call, address, options);
}

// Takes the place of all plain listeners named before.
TextResult<void> SetLocal(Call& call, const std::string& address, Options options) {
  std::erase_if(call.builder().Edit().frontends, [](const std::shared_ptr<Frontend>& frontend) {
    const Protocol protocol = frontend->settings.protocol;
    return protocol == Protocol::kDoUdp || protocol == Protocol::kDoTcp;
  });
  return AddFrontends(call, address, options);
}

// --- the binds

std::shared_ptr<Frontend> GetBind(Call& call, size_t index) {
  const auto& frontends = call.builder().config().frontends;
  return index < frontends.size() ? frontends[index] : nullptr;
}

size_t GetBindCount(Call& call) {
  return call.builder().config().frontends.size();
}

void ShowBinds(Call& call) {
  std::string text = fmt::format("{:<3} {:<30} {:<21} {}\n", "#", "Address", "Protocol", "Queries");
  size_t index = 0;
  for (const auto& frontend : call.builder().config().frontends) {
    text += fmt::format("{:<3} {:<30} {:<21} {}\n", index++,
                        frontend->settings.address.ToStringWithPort(), frontend->TypeText(),
                        frontend->queries.Get());
  }
  call.Print(text);
}

std::string BindType(const Frontend& frontend) {
  return frontend.TypeText();
}
std::string BindText(const Frontend& frontend) {
  return frontend.settings.address.ToStringWithPort();
}
std::string TlsProvider(const Frontend& frontend) {
  return frontend.tls ? "openssl" : "";
}
bool GetMuted(const Frontend& frontend) {
  return frontend.muted.load();
}
void SetMuted(Frontend& frontend, bool muted) {
  frontend.muted.store(muted);
}

constexpr FunctionRow kBindMethods[] = {
    {"getConfiguredTLSProvider", Bind<&TlsProvider>,
     "ClientState:getConfiguredTLSProvider() -> string", "The same as getEffectiveTLSProvider().",
     Scope::kAnywhere},
    {"getEffectiveTLSProvider", Bind<&TlsProvider>,
     "ClientState:getEffectiveTLSProvider() -> string",
     "\"openssl\", whatever 'provider' asked for; empty where nothing is encrypted.",
     Scope::kAnywhere},
    {"getRequestedTLSProvider", Bind<&TlsProvider>,
     "ClientState:getRequestedTLSProvider() -> string", "The same as getEffectiveTLSProvider().",
     Scope::kAnywhere},
    {"getType", Bind<&BindType>, "ClientState:getType() -> string", "The kind of its transport.",
     Scope::kAnywhere},
    {"toString", Bind<&BindText>, "ClientState:toString() -> string", "Its address and port.",
     Scope::kAnywhere},
};
constexpr AttributeRow kBindAttributes[] = {
    {"muted", Bind<&GetMuted>, Bind<&SetMuted>, "Whether answers are held back."},
};

const ClassRow kBindClass = {"ClientState",
                             kBindMethods,
                             kBindAttributes,
                             [](const void* object) { return BindText(*static_cast<const Frontend*>(object)); },
                             nullptr,
                             nullptr,
                             nullptr,
                             "One address and transport that is listened on."};

// --- access lists

// Sorted as operators know it: IPv4 first, by address.
std::string GroupText(const NetmaskGroup& group) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const std::string& text : group.ToStrings()) {
    const auto mask = Netmask::Parse(text[0] == '!' ? text.substr(1) : text);
    std::string key;
    if (mask) {
      key += mask->network().IsV6() ? '6' : '4';
      const auto raw = mask->network().Raw();
      key.append(raw.begin(), raw.end());
      key += static_cast<char>(mask->bits());
    }
    rows.emplace_back(std::move(key), text);
  }
  std::sort(rows.begin(), rows.end());
  std::string result;
  for (const auto& [key, text] : rows) result += text + "\n";
  return result;
}

using GroupMember = NetmaskGroup Config::*;

template <GroupMember Member>
void AddTo(Call& call, const NetmasksArg& masks) {
  (call.builder().Edit().*Member).AddAll(masks.group);
}
template <GroupMember Member>
void Replace(Call& call, const NetmasksArg& masks) {
  call.builder().Edit().*Member = masks.group;
}
template <GroupMember Member>
void Show(Call& call) {
  call.Print(GroupText(call.builder().config().*Member));
}

void RemoveAcl(Call& call, const NetmaskArg& mask) {
  if (!call.builder().Edit().acl.Remove(mask.netmask)) {
    call.Print(fmt::format("{} is not in the access list\n", mask.netmask.ToString()));
  }
}

// One network a line; "#" and ";" begin a comment.
TextResult<void> SetAclFromFile(Call& call, const std::string& path) {
  std::ifstream file(path);
  if (!file) return Fail(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  NetmaskGroup group;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const std::string_view text =
        TrimSpace(std::string_view(line).substr(0, line.find_first_of("#;")));
    if (text.empty()) continue;
    if (const auto added = group.Add(text); !added) {
      return Fail(fmt::format("{}:{}: {}", path, number, added.error()));
    }
  }
  call.builder().Edit().acl = std::move(group);
  return {};
}

constexpr FunctionRow kFunctions[] = {
    {"addACL", Bind<&AddTo<&Config::acl>>, "addACL(netmask)", "Lets one more network ask."},
    {"addConsoleACL", Bind<&AddTo<&Config::console_acl>>, "addConsoleACL(netmask)",
     "Lets one more network use the console."},
    {"addLocal", Bind<&AddLocal>, "addLocal(address[, options])",
     "Listens on one more address, over UDP and TCP.", Scope::kConfigOnly},
    {"getBind", Bind<&GetBind>, "getBind(index) -> ClientState", "A listener by its number."},
    {"getBindCount", Bind<&GetBindCount>, "getBindCount() -> int", "How many listeners there are."},
    {"rmACL", Bind<&RemoveAcl>, "rmACL(netmask)", "Takes a network out of the access list."},
    {"setACL", Bind<&Replace<&Config::acl>>, "setACL(netmasks)",
     "Lets exactly these networks ask."},
    {"setACLFromFile", Bind<&SetAclFromFile>, "setACLFromFile(fname)",
     "Lets exactly the networks ask that the file names, one a line."},
    {"setConsoleACL", Bind<&Replace<&Config::console_acl>>, "setConsoleACL(netmasks)",
     "Lets exactly these networks use the console."},
    {"setLocal", Bind<&SetLocal>, "setLocal(address[, options])",
     "Listens on this address instead of those named before.", Scope::kConfigOnly},
    {"setProxyProtocolACL", Bind<&Replace<&Config::proxy_acl>>, "setProxyProtocolACL(netmasks)",
     "Takes PROXY headers from exactly these networks, which must send them."},
    {"showACL", Bind<&Show<&Config::acl>>, "showACL()", "Prints who may ask."},
    {"showBinds", Bind<&ShowBinds>, "showBinds()", "Prints all listeners."},
    {"showConsoleACL", Bind<&Show<&Config::console_acl>>, "showConsoleACL()",
     "Prints who may use the console."},
};

}  // namespace

const ClassRow& BindClass() {
  return kBindClass;
}
FunctionPage ListenerFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
