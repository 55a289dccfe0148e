#include "proxy/control/control_request.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "proxy/control/audit_log.h"
#include "proxy/control/list_request.h"
#include "proxy/dns/name_error.h"

namespace breakwater {
namespace {

using nlohmann::json;

struct CommandInfo {
  std::string_view name;
  Role role;
  ZoneRule zones;
  std::array<std::string_view, 6> members;  // allowed beside "command" and "token"
};

// In the order of ControlCommand.
constexpr std::array<CommandInfo, 20> kCommands = {{
    {"status", Role::kRead, ZoneRule::kFree, {}},
    {"version", Role::kRead, ZoneRule::kFree, {}},
    {"servers", Role::kRead, ZoneRule::kFree, {}},
    {"server", Role::kOperate, ZoneRule::kNever, {"server", "state"}},
    {"rules", Role::kRead, ZoneRule::kFree, {}},
    {"cache-stats", Role::kRead, ZoneRule::kFree, {}},
    {"flush", Role::kFlush, ZoneRule::kNames, {"name", "suffix", "type", "hard", "pool"}},
    {"undo", Role::kFlush, ZoneRule::kOwn, {"id", "to"}},
    {"flush-status", Role::kRead, ZoneRule::kFree, {"id"}},
    {"reload-certificates", Role::kOperate, ZoneRule::kNever, {}},
    {"zones", Role::kRead, ZoneRule::kFree, {"bad"}},
    {"flush-list", Role::kFlush, ZoneRule::kBegins, {"rate", "stop-on", "undo-on-stop", "pool"}},
    {"flush-list-add", Role::kFlush, ZoneRule::kOwnNames, {"job", "lines"}},
    {"flush-list-run", Role::kFlush, ZoneRule::kOwn, {"job"}},
    {"flush-list-status", Role::kRead, ZoneRule::kFree, {"job"}},
    {"flush-list-stop", Role::kFlush, ZoneRule::kOwn, {"job", "undo"}},
    {"drill", Role::kOperate, ZoneRule::kNever, {"server", "seconds", "share", "live"}},
    {"drill-report", Role::kRead, ZoneRule::kFree, {"id"}},
    {"drill-stop", Role::kOperate, ZoneRule::kNever, {}},
    {"explain", Role::kRead, ZoneRule::kFree, {"name", "type", "client", "pool", "tcp", "dnssec"}},
}};

const CommandInfo& InfoOf(ControlCommand command) {
  return kCommands[static_cast<size_t>(command)];
}

TextResult<std::string> Text(const json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end()) return Fail(fmt::format("'{}' is missing", member));
  if (!found->is_string()) return Fail(fmt::format("'{}' must be a string", member));
  return found->get<std::string>();
}

TextResult<bool> Flag(const json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end()) return false;
  if (!found->is_boolean()) return Fail(fmt::format("'{}' must be true or false", member));
  return found->get<bool>();
}

TextResult<void> ReadServer(const json& object, ControlRequest& request) {
  auto server = Text(object, "server");
  if (!server) return Fail(server.error());
  const auto state = Text(object, "state");
  if (!state) return Fail(state.error());
  request.server = std::move(*server);
  if (*state == "up") {
    request.state = ServerState::kUp;
  } else if (*state == "down") {
    request.state = ServerState::kDown;
  } else if (*state == "auto") {
    request.state = ServerState::kAuto;
  } else {
    return Fail(std::string("'state' must be up, down or auto"));
  }
  return {};
}

TextResult<dns::Name> ReadName(const json& object) {
  const auto text = Text(object, "name");
  if (!text) return Fail(text.error());
  auto name = text->empty() ? TextResult<dns::Name>(Fail(std::string("it is empty")))
                            : dns::Name::Parse(*text);
  if (!name) {
    return Fail(fmt::format("'{}' is not a domain name: {}", *text, dns::WhyNoName(name.error())));
  }
  return name;
}

TextResult<std::optional<dns::Type>> ReadType(const json& object) {
  if (!object.contains("type")) return std::optional<dns::Type>();
  const auto text = Text(object, "type");
  if (!text) return Fail(text.error());
  const auto type = dns::ParseType(*text);
  if (!type) return Fail(fmt::format("'{}' is not a record type", *text));
  return std::optional<dns::Type>(*type);
}

TextResult<std::optional<std::string>> ReadPool(const json& object) {
  if (!object.contains("pool")) return std::optional<std::string>();
  auto pool = Text(object, "pool");
  if (!pool) return Fail(pool.error());
  return std::optional<std::string>(std::move(*pool));
}

TextResult<void> ReadFlush(const json& object, ControlRequest& request) {
  const auto name = ReadName(object);
  if (!name) return Fail(name.error());
  request.flush.name = *name;
  const auto suffix = Flag(object, "suffix");
  if (!suffix) return Fail(suffix.error());
  const auto hard = Flag(object, "hard");
  if (!hard) return Fail(hard.error());
  request.flush.suffix = *suffix;
  request.flush.hard = *hard;
  auto type = ReadType(object);
  if (!type) return Fail(type.error());
  request.flush.type = *type;
  auto pool = ReadPool(object);
  if (!pool) return Fail(pool.error());
  request.pool = std::move(*pool);
  return {};
}

TextResult<void> ReadExplain(const json& object, ExplainQuestion& question) {
  const auto name = ReadName(object);
  if (!name) return Fail(name.error());
  question.name = *name;
  const auto type = ReadType(object);
  if (!type) return Fail(type.error());
  question.type = type->value_or(dns::Type::kA);
  const auto client = object.contains("client") ? Text(object, "client") : "127.0.0.1";
  if (!client) return Fail(client.error());
  const auto address = Address::Parse(*client);
  if (!address) return Fail(fmt::format("'client': {}", address.error()));
  question.client = *address;
  auto pool = ReadPool(object);
  if (!pool) return Fail(pool.error());
  question.pool = std::move(*pool);
  const auto tcp = Flag(object, "tcp");
  if (!tcp) return Fail(tcp.error());
  const auto dnssec = Flag(object, "dnssec");
  if (!dnssec) return Fail(dnssec.error());
  question.tcp = *tcp;
  question.dnssec = *dnssec;
  return {};
}

TextResult<void> ReadId(const json& object, ControlRequest& request) {
  const auto found = object.find("id");
  if (found == object.end() || !found->is_number_unsigned()) {
    return Fail(std::string("'id' must be a number"));
  }
  request.id = found->get<uint64_t>();
  return {};
}

TextResult<void> ReadUndo(const json& object, ControlRequest& request) {
  if (auto id = ReadId(object, request); !id) return id;
  request.to = request.id;
  const auto found = object.find("to");
  if (found == object.end()) return {};
  if (!found->is_number_unsigned() || found->get<uint64_t>() < request.id) {
    return Fail(std::string("'to' must be a number, and not below 'id'"));
  }
  request.to = found->get<uint64_t>();
  if (request.to - request.id >= kMostUndos) {
    return Fail(fmt::format("one request takes back {} flushes at most", kMostUndos));
  }
  return {};
}

TextResult<void> ReadDrill(const json& object, ControlRequest& request) {
  constexpr uint32_t kLongest_s = 7 * 86400;
  DrillOrder& order = request.drill;
  auto server = Text(object, "server");
  if (!server) return Fail(server.error());
  order.server = std::move(*server);
  if (const auto seconds = object.find("seconds"); seconds != object.end()) {
    if (!seconds->is_number_unsigned() || seconds->get<uint64_t>() < 1 ||
        seconds->get<uint64_t>() > kLongest_s) {
      return Fail(fmt::format("'seconds' must be 1 to {}", kLongest_s));
    }
    order.length_s = seconds->get<uint32_t>();
  }
  if (const auto share = object.find("share"); share != object.end()) {
    if (!share->is_number() || !(share->get<double>() > 0) || share->get<double>() > 1) {
      return Fail(std::string("'share' must be above 0 and at most 1"));
    }
    order.share = share->get<double>();
  }
  const auto live = Flag(object, "live");
  if (!live) return Fail(live.error());
  order.mode = *live ? DrillMode::kLive : DrillMode::kMirror;
  return {};
}

TextResult<void> ReadMembers(const json& object, ControlRequest& request) {
  switch (request.command) {
    case ControlCommand::kServer:
      return ReadServer(object, request);
    case ControlCommand::kFlush:
      return ReadFlush(object, request);
    case ControlCommand::kUndo:
      return ReadUndo(object, request);
    case ControlCommand::kFlushStatus:
      return ReadId(object, request);
    case ControlCommand::kDrill:
      return ReadDrill(object, request);
    case ControlCommand::kDrillReport:
      return object.contains("id") ? ReadId(object, request) : TextResult<void>();
    case ControlCommand::kExplain:
      return ReadExplain(object, request.explain);
    case ControlCommand::kZones: {
      const auto bad = Flag(object, "bad");
      if (!bad) return Fail(bad.error());
      request.bad_alone = *bad;
      return {};
    }
    case ControlCommand::kFlushList:
    case ControlCommand::kFlushListAdd:
    case ControlCommand::kFlushListRun:
    case ControlCommand::kFlushListStatus:
    case ControlCommand::kFlushListStop:
      return ReadListRequest(object, request);
    default:
      return {};
  }
}

TextResult<void> CheckMembers(const json& object, const CommandInfo& info) {
  for (const auto& [key, value] : object.items()) {
    if (key == "command" || key == "token") continue;
    const auto& allowed = info.members;
    if (std::find(allowed.begin(), allowed.end(), key) == allowed.end() || key.empty()) {
      return Fail(fmt::format("'{}' is no member of the command '{}'", key, info.name));
    }
  }
  return {};
}

}  // namespace

TextResult<ControlRequest> ParseControlRequest(std::string_view line) {
  if (line.size() > kMaxControlLine) return Fail(std::string("the request is too long"));
  const json object = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return Fail(std::string("the request is not a JSON object"));
  const auto name = Text(object, "command");
  if (!name) return Fail(name.error());
  for (size_t i = 0; i < kCommands.size(); ++i) {
    if (kCommands[i].name != *name) continue;
    ControlRequest request;
    request.command = static_cast<ControlCommand>(i);
    if (auto known = CheckMembers(object, kCommands[i]); !known) return Fail(known.error());
    if (auto read = ReadMembers(object, request); !read) return Fail(read.error());
    if (object.contains("token")) {
      auto token = Text(object, "token");
      if (!token) return Fail(token.error());
      request.token = std::move(*token);
    }
    request.audit_text = AuditArguments(object);
    return request;
  }
  return Fail(fmt::format("'{}' is not a command", *name));
}

Role RequiredRole(ControlCommand command) {
  return InfoOf(command).role;
}
std::string_view CommandName(ControlCommand command) {
  return InfoOf(command).name;
}
ZoneRule ZoneRuleOf(ControlCommand command) {
  return InfoOf(command).zones;
}

}  // namespace breakwater
