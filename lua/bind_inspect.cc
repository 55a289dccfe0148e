// Looking at the process from Lua: rings entry by entry, the clock, the system's resolvers, TCP
// statistics; and the small tools around credentials.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "lua/dns_header.h"
#include "lua/object_args.h"
#include "lua/script_bindings.h"
#include "proxy/base/text.h"
#include "proxy/console/control_cipher.h"
#include "proxy/control/tcp_stats_text.h"
#include "proxy/web/web_auth.h"

namespace breakwater::lua {

// An entry of the rings, as getRingEntries() gives it.
struct RingEntryView {
  RingEntry entry;
  bool response = false;
  int64_t when_ns = 0;  // since 1970
};
template <>
struct LuaClass<RingEntryView> {
  static constexpr const char* kName = "LuaRingEntry";
};

namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;

int64_t WallNs() {
  const WallTime now = WallNow();
  return now.seconds * kNsPerSecond + now.nanoseconds;
}

// --- rings

TextResult<std::vector<std::shared_ptr<RingEntryView>>> RingEntries(Call& call) {
  const ControlTarget* const target = call.runtime().target();
  if (target == nullptr) return Fail(std::string("the server has not started yet"));
  std::vector<std::shared_ptr<RingEntryView>> list;
  const MonoTime now = target->clock().Now();
  const int64_t wall_ns = WallNs();
  const auto add = [&](const RingEntry& entry, bool response) {
    auto view = std::make_shared<RingEntryView>();
    view->entry = entry;
    view->response = response;
    view->when_ns = wall_ns - (now - entry.when).us() * 1000;
    list.push_back(std::move(view));
  };
  for (const RingQuery& query : target->rings().Queries()) add(query, false);
  for (const RingResponse& response : target->rings().Responses()) add(response, true);
  return list;
}

std::optional<Address> EntryBackend(const RingEntryView& view) {
  const bool from_server = view.response && view.entry.backend.IsSet();
  return from_server ? std::optional<Address>(view.entry.backend) : std::nullopt;
}
DnsHeader EntryHeader(const RingEntryView& view) {
  std::array<uint8_t, dns::kHeaderSize> bytes{};
  dns::Header header(bytes.data());
  header.set_id(view.entry.id);
  header.set_flags(view.entry.flags);
  header.set_count(dns::Section::kQuestion, 1);
  header.set_count(dns::Section::kAnswer, view.entry.answers);
  return DnsHeader(bytes.data());
}
bool EntryIsResponse(const RingEntryView& view) {
  return view.response;
}
// As it is now: the rings do not hold it.
std::string EntryMac(Call& call, const RingEntryView& view) {
  const auto mac = call.builder().config().settings.neighbours->Find(view.entry.client);
  return mac ? std::string(mac->begin(), mac->end()) : std::string();
}
std::string EntryProtocol(const RingEntryView& view) {
  return std::string(ProtocolName(view.entry.protocol));
}
dns::Name EntryName(const RingEntryView& view) {
  return view.entry.Name();
}
uint16_t EntryType(const RingEntryView& view) {
  return static_cast<uint16_t>(view.entry.type);
}
Address EntryRequestor(const RingEntryView& view) {
  return view.entry.client;
}
uint16_t EntrySize(const RingEntryView& view) {
  return view.entry.size;
}
uint32_t EntryUsec(const RingEntryView& view) {
  return view.response ? view.entry.latency_us : 0;
}
Pushed EntryWhen(Call& call, const RingEntryView& view) {
  PushTimespec(call.state(), view.when_ns);
  return {1};
}

constexpr AttributeRow kEntryAttributes[] = {
    {"backend", Bind<&EntryBackend>, nullptr, "The server that answered; nil for all else."},
    {"dnsheader", Bind<&EntryHeader>, nullptr, "The message's header."},
    {"isResponse", Bind<&EntryIsResponse>, nullptr, "Whether it is an answer."},
    {"macAddress", Bind<&EntryMac>, nullptr,
     "The client's hardware address, six octets; empty where it is not known."},
    {"protocol", Bind<&EntryProtocol>, nullptr, "DoUDP and so on."},
    {"qname", Bind<&EntryName>, nullptr, "The name asked for."},
    {"qtype", Bind<&EntryType>, nullptr, "The type asked for."},
    {"requestor", Bind<&EntryRequestor>, nullptr, "The client."},
    {"size", Bind<&EntrySize>, nullptr, "Of the message, in bytes."},
    {"usec", Bind<&EntryUsec>, nullptr, "Microseconds that the answer took."},
    {"when", Bind<&EntryWhen>, nullptr, "When it was seen: tv_sec and tv_nsec."},
};
const ClassRow kEntryClass = {"LuaRingEntry", {},      kEntryAttributes,           nullptr, nullptr,
                              nullptr,        nullptr, "A recent query or answer."};

// --- the process and its host

Pushed CurrentTime(Call& call) {
  PushTimespec(call.state(), WallNs());
  return {1};
}

// The addresses of "nameserver" lines, as in resolv.conf; what is none is left out.
std::vector<std::string> Resolvers(const std::string& path) {
  std::vector<std::string> list;
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line.substr(0, line.find_first_of(";#")));
    std::string word;
    if (!(words >> word) || word != "nameserver") continue;
    while (words >> word) {
      if (const auto address = Address::Parse(word)) list.push_back(address->ToString());
    }
  }
  return list;
}

void ShowTcpStats(Call& call) {
  const ControlTarget* const target = call.runtime().target();
  call.Print(TcpStatsText(call.builder().config(),
                          target == nullptr ? ControlTarget::TcpWorkers{} : target->tcp_workers()));
}

// --- credentials

TextResult<std::string> Hash(const std::string& password, std::optional<uint64_t> work_factor) {
  return HashPassword(password, work_factor.value_or(1024));
}

// Seals and opens a text under the console's key.
TextResult<void> TestCrypto(Call& call) {
  const std::string& key = call.builder().config().settings.console_key;
  const ConsoleNonce ours = RandomConsoleNonce();
  const ConsoleNonce theirs = RandomConsoleNonce();
  auto here = ControlCipher::Make(key, ours, theirs);
  auto there = ControlCipher::Make(key, theirs, ours);
  if (!here || !there)
    return Fail(std::string("there is no key: makeKey() prints one for setKey()"));
  for (const std::string_view text : {"a text", "another one, under the next nonce"}) {
    const std::string sealed = here->Seal(text);
    const std::span box(reinterpret_cast<const uint8_t*>(sealed.data()), sealed.size());
    const auto opened = there->Open(box.subspan(kConsoleLengthSize));
    if (!opened || *opened != text) return Fail(std::string("what was sealed cannot be opened"));
  }
  call.Print("Everything is ok!\n");
  return {};
}

const char* YesNo(bool value) {
  return value ? "yes" : "no";
}
const char* SetOrNot(const std::string& value) {
  return value.empty() ? "unset" : "set";
}

void ShowWebConfig(Call& call) {
  const WebServerSettings& web = call.builder().config().web;
  std::string text = "Current web server configuration:\n";
  for (const Address& address : web.addresses) {
    text += fmt::format("Address: {}\n", address.ToStringWithPort());
  }
  text += fmt::format("ACL: {}\n", web.acl.ToString());
  text += web.custom_headers.empty() ? "Custom headers: None\n" : "Custom headers:\n";
  for (const auto& [name, value] : web.custom_headers) {
    text += fmt::format(" - {}: {}\n", name, value);
  }
  text += fmt::format(
      "API requires authentication: {}\nDashboard requires authentication: {}\n"
      "Statistics require authentication: {}\nPassword: {}\nAPI key: {}\nAPI writable: {}\n"
      "Maximum concurrent connections: {}\n",
      YesNo(web.api_requires_authentication), YesNo(web.dashboard_requires_authentication),
      YesNo(web.stats_require_authentication), SetOrNot(web.password), SetOrNot(web.api_key),
      YesNo(web.api_read_write), web.max_concurrent_connections);
  call.Print(text);
}

constexpr FunctionRow kFunctions[] = {
    {"getCurrentTime", Bind<&CurrentTime>, "getCurrentTime() -> timespec",
     "The time of the clock on the wall: tv_sec and tv_nsec.", Scope::kAnywhere},
    {"getResolvers", Bind<&Resolvers>, "getResolvers(path) -> [string]",
     "The nameservers of a file like resolv.conf."},
    {"getRingEntries", Bind<&RingEntries>, "getRingEntries() -> [LuaRingEntry]",
     "The recent queries and answers."},
    {"hashPassword", Bind<&Hash>, "hashPassword(password [, workFactor]) -> string",
     "A hash for setWebserverConfig; the factor is a power of two."},
    {"showTCPStats", Bind<&ShowTcpStats>, "showTCPStats()",
     "Prints what clients and servers do over TCP."},
    {"showWebserverConfig", Bind<&ShowWebConfig>, "showWebserverConfig()",
     "Prints the settings of the web server."},
    {"testCrypto", Bind<&TestCrypto>, "testCrypto()",
     "Tries the encryption of the console with its key."},
};

}  // namespace

const ClassRow& RingEntryClass() {
  return kEntryClass;
}
FunctionPage InspectFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
