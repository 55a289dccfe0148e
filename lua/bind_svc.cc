// newSVCRecordParameters and SpoofSVCAction: answers with SVCB and HTTPS records.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "lua/bindings.h"
#include "lua/object_args.h"
#include "lua/rule_objects.h"
#include "lua/script_bindings.h"
#include "proxy/rules/actions/svc_actions.h"

namespace breakwater::lua {

template <>
struct LuaClass<SvcRecord> {
  static constexpr const char* kName = "SVCRecordParameters";
};

namespace {

// RFC 9460, 14.3.2: the keys in the order of their numbers.
constexpr std::array<std::string_view, 7> kKeys = {"mandatory", "alpn", "no-default-alpn", "port",
                                                   "ipv4hint",  "ech",  "ipv6hint"};

// "port", or "key12345" for one without a name.
std::optional<uint16_t> KeyNumber(std::string_view text) {
  const auto known = std::find(kKeys.begin(), kKeys.end(), text);
  if (known != kKeys.end()) return static_cast<uint16_t>(known - kKeys.begin());
  if (text.substr(0, 3) != "key") return std::nullopt;
  uint16_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, problem] = std::from_chars(text.data() + 3, end, number);
  if (problem != std::errc() || stopped != end) return std::nullopt;
  return number;
}

void ReadMandatory(Options& options, SvcRecord* record) {
  std::vector<std::string> names;
  options.Read("mandatory", &names);
  for (const std::string& name : names) {
    if (const auto key = KeyNumber(name)) {
      record->mandatory.insert(*key);
    } else {
      options.Reject(fmt::format("option 'mandatory': '{}' is no key", name));
    }
  }
}

void ReadHints(Options& options, const char* name, std::vector<Address>* hints) {
  std::vector<AddressArg> list;
  options.Read(name, &list);
  for (const AddressArg& item : list) hints->push_back(item.address);
}

// Keys that have no name of their own, in the table at `index`.
std::vector<std::string> NumberedKeys(lua_State* state, int index) {
  std::vector<std::string> keys;
  if (!IsTable(state, index)) return keys;
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    lua_pop(state, 1);
    const std::string key = PlainText(state, -1);
    if (lua_type(state, -1) == LUA_TSTRING && key.rfind("key", 0) == 0 && KeyNumber(key)) {
      keys.push_back(key);
    }
  }
  return keys;
}

TextResult<std::shared_ptr<SvcRecord>> NewRecord(Call& call, uint16_t priority,
                                                 const NameArg& target) {
  auto record = std::make_shared<SvcRecord>();
  record->priority = priority;
  record->target = target.name;
  auto options = Reader<Options>::Read(call, 3);
  if (!options) return Fail(std::move(options.error()));
  uint16_t port = 0;
  ReadMandatory(*options, record.get());
  options->Read("alpn", &record->alpns);
  options->Read("noDefaultAlpn", &record->no_default_alpn);
  if (options->Read("port", &port)) record->port = port;
  options->Read("ech", &record->ech);
  ReadHints(*options, "ipv4hint", &record->ipv4_hints);
  ReadHints(*options, "ipv6hint", &record->ipv6_hints);
  for (const std::string& key : NumberedKeys(call.state(), 3)) {
    options->Read(key.c_str(), &record->additional[*KeyNumber(key)]);
  }
  if (auto good = options->Finish(); !good) return Fail(std::move(good.error()));
  return record;
}

TextResult<ActionPtr> SpoofSvc(
    const std::variant<std::shared_ptr<SvcRecord>, std::vector<std::shared_ptr<SvcRecord>>>& what,
    Options options) {
  std::vector<SvcRecord> records;
  if (const auto* one = std::get_if<std::shared_ptr<SvcRecord>>(&what)) {
    records.push_back(**one);
  } else {
    for (const auto& item : std::get<std::vector<std::shared_ptr<SvcRecord>>>(what)) {
      records.push_back(*item);
    }
  }
  SpoofOptions spoof;
  options.Read("aa", &spoof.flags.aa);
  options.Read("ad", &spoof.flags.ad);
  options.Read("ra", &spoof.flags.ra);
  options.Read("ttl", &spoof.ttl);
  if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  return MakeSpoofSvcAction(records, spoof);
}

const ClassRow kClass = {"SVCRecordParameters",
                         {},
                         {},
                         nullptr,
                         nullptr,
                         nullptr,
                         nullptr,
                         "A SVCB or HTTPS record for SpoofSVCAction."};

constexpr FunctionRow kFunctions[] = {
    {"SpoofSVCAction", Bind<&SpoofSvc>, "SpoofSVCAction(svcParams [, options]) -> DNSAction",
     "Answers with these SVCB or HTTPS records."},
    {"newSVCRecordParameters", Bind<&NewRecord>,
     "newSVCRecordParameters(priority, target [, SVCParams]) -> SVCRecordParameters",
     "A record from mandatory, alpn, noDefaultAlpn, port, ipv4hint, ipv6hint, ech and keyNUMBER."},
};

}  // namespace

const ClassRow& SvcRecordClass() {
  return kClass;
}
FunctionPage SvcFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
