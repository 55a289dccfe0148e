#include "proxy/control/control_request.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

namespace breakwater {
namespace {

using nlohmann::json;

struct CommandInfo {
  std::string_view name;
  Role role;
  std::array<std::string_view, 5> members;  // allowed beside "command"
};

// In the order of ControlCommand.
constexpr std::array<CommandInfo, 11> kCommands = {{
    {"status", Role::kRead, {}},
    {"version", Role::kRead, {}},
    {"servers", Role::kRead, {}},
    {"server", Role::kOperate, {"server", "state"}},
    {"rules", Role::kRead, {}},
    {"cache-stats", Role::kRead, {}},
    {"flush", Role::kFlush, {"name", "suffix", "type", "hard", "pool"}},
    {"undo", Role::kFlush, {"id"}},
    {"flush-status", Role::kRead, {"id"}},
    {"reload-certificates", Role::kOperate, {}},
    {"zones", Role::kRead, {"bad"}},
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

TextResult<void> ReadFlush(const json& object, ControlRequest& request) {
  const auto text = Text(object, "name");
  if (!text) return Fail(text.error());
  const auto name = text->empty() ? TextResult<dns::Name>(Fail(std::string("it is empty")))
                                  : dns::Name::Parse(*text);
  if (!name) return Fail(fmt::format("'{}' is not a domain name: {}", *text, name.error()));
  request.flush.name = *name;
  const auto suffix = Flag(object, "suffix");
  if (!suffix) return Fail(suffix.error());
  const auto hard = Flag(object, "hard");
  if (!hard) return Fail(hard.error());
  request.flush.suffix = *suffix;
  request.flush.hard = *hard;
  if (object.contains("type")) {
    const auto type_text = Text(object, "type");
    if (!type_text) return Fail(type_text.error());
    request.flush.type = dns::ParseType(*type_text);
    if (!request.flush.type) return Fail(fmt::format("'{}' is not a record type", *type_text));
  }
  if (object.contains("pool")) {
    auto pool = Text(object, "pool");
    if (!pool) return Fail(pool.error());
    request.pool = std::move(*pool);
  }
  return {};
}

TextResult<void> ReadId(const json& object, ControlRequest& request) {
  const auto found = object.find("id");
  if (found == object.end() || !found->is_number_unsigned()) {
    return Fail(std::string("'id' must be the number of a flush"));
  }
  request.id = found->get<uint64_t>();
  return {};
}

TextResult<void> ReadMembers(const json& object, ControlRequest& request) {
  switch (request.command) {
    case ControlCommand::kServer:
      return ReadServer(object, request);
    case ControlCommand::kFlush:
      return ReadFlush(object, request);
    case ControlCommand::kUndo:
    case ControlCommand::kFlushStatus:
      return ReadId(object, request);
    case ControlCommand::kZones: {
      const auto bad = Flag(object, "bad");
      if (!bad) return Fail(bad.error());
      request.bad_alone = *bad;
      return {};
    }
    default:
      return {};
  }
}

TextResult<void> CheckMembers(const json& object, const CommandInfo& info) {
  for (const auto& [key, value] : object.items()) {
    if (key == "command") continue;
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
bool IsChanging(ControlCommand command) {
  return RequiredRole(command) > Role::kRead;
}

}  // namespace breakwater
