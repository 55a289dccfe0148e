// The host around the server: its interfaces, capabilities, where log lines go; and the encryption
// of addresses for those who get logs.
#include <fmt/format.h>
#include <syslog.h>

#include "lua/object_args.h"
#include "lua/script_bindings.h"
#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/net/host_interfaces.h"
#include "proxy/net/ip_cipher.h"
#include "proxy/net/neighbour_table.h"
#include "proxy/worker/privileges.h"

namespace breakwater::lua {
namespace {

template <typename T>
TextResult<std::vector<std::string>> Texts(const TextResult<std::vector<T>>& list) {
  if (!list) return Fail(list.error());
  std::vector<std::string> texts;
  for (const T& item : *list) texts.push_back(item.ToString());
  return texts;
}
TextResult<std::vector<std::string>> AddressesOf(const std::string& name) {
  return Texts(InterfaceAddresses(name));
}
TextResult<std::vector<std::string>> RangesOf(const std::string& name) {
  return Texts(InterfaceNetworks(name));
}
std::string MacOf(const AddressArg& address) {
  const auto mac = AskForNeighbour(address.address);
  return mac ? std::string(mac->begin(), mac->end()) : std::string();
}

std::string CipherKey(const std::string& password) {
  const IpCipherKey key = MakeIpCipherKey(password);
  return {key.begin(), key.end()};
}

TextResult<void> Retain(Call& call, const StringOrList& names) {
  for (const std::string& name : names.items) {
    const auto number = CapabilityNumber(name);
    if (!number) return Fail(number.error());
    call.builder().Edit().settings.retained_capabilities.push_back(*number);
  }
  return {};
}

struct Facility {
  std::string_view name;
  int number;
};
constexpr Facility kFacilities[] = {
    {"kern", LOG_KERN},     {"user", LOG_USER},     {"mail", LOG_MAIL},
    {"daemon", LOG_DAEMON}, {"auth", LOG_AUTH},     {"syslog", LOG_SYSLOG},
    {"lpr", LOG_LPR},       {"news", LOG_NEWS},     {"uucp", LOG_UUCP},
    {"cron", LOG_CRON},     {"ftp", LOG_FTP},       {"authpriv", LOG_AUTHPRIV},
    {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2},
    {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},
    {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7},
};

TextResult<int> FacilityOf(const std::variant<int, std::string>& wanted) {
  for (const Facility& one : kFacilities) {
    if (const int* number = std::get_if<int>(&wanted)) {
      if (*number == one.number) return *number;
    } else {
      std::string name = ToLowerAscii(std::get<std::string>(wanted));
      if (name.starts_with("log_")) name.erase(0, 4);
      if (name == one.name) return one.number;
    }
  }
  return Fail(std::string("no facility of syslog: \"daemon\", \"local0\" to \"local7\" and so on"));
}

TextResult<void> SetFacility(const std::variant<int, std::string>& wanted) {
  const auto facility = FacilityOf(wanted);
  if (!facility) return Fail(facility.error());
  LogSettings log = GetLogSettings();
  log.syslog_facility = *facility;
  SetLogSettings(log);
  return {};
}

TextResult<void> SetVerboseFile(Call& call, const std::string& path) {
  if (call.runtime().options().check || call.runtime().options().client) return {};
  return SetVerboseLogFile(path);
}

void ClearHistory(Call& call) {
  call.runtime().delta() = {};
}

constexpr Scope kOnce = Scope::kConfigOnly;
constexpr FunctionRow kFunctions[] = {
    {"addCapabilitiesToRetain", Bind<&Retain>, "addCapabilitiesToRetain(capabilities)",
     "Keeps these (\"CAP_SYS_ADMIN\"), one or a list, when root is given up (-u).", kOnce},
    {"clearConsoleHistory", Bind<&ClearHistory>, "clearConsoleHistory()",
     "Forgets the console lines that delta() shows."},
    {"getListOfAddressesOfNetworkInterface", Bind<&AddressesOf>,
     "getListOfAddressesOfNetworkInterface(itf) -> table", "The addresses of an interface."},
    {"getListOfNetworkInterfaces", Bind<&InterfaceNames>, "getListOfNetworkInterfaces() -> table",
     "The names of the host's interfaces."},
    {"getListOfRangesOfNetworkInterface", Bind<&RangesOf>,
     "getListOfRangesOfNetworkInterface(itf) -> table", "The networks of an interface."},
    {"getMACAddress", Bind<&MacOf>, "getMACAddress(ip) -> string",
     "The six octets of a neighbour's hardware address; empty where the kernel knows none."},
    {"makeIPCipherKey", Bind<&CipherKey>, "makeIPCipherKey(password) -> string",
     "A key of 16 octets for ComboAddress:ipencrypt(), from a password."},
    {"setSyslogFacility", Bind<&SetFacility>, "setSyslogFacility(facility)",
     "The facility of log lines that go to syslog: a name, or its number in syslog.h; by default "
     "\"daemon\".",
     kOnce},
    {"setVerboseLogDestination", Bind<&SetVerboseFile>, "setVerboseLogDestination(dest)",
     "Appends verbose log lines to a file instead; an empty name takes that back."},
};

}  // namespace

FunctionPage HostFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
