#include "proxy/control/ctl_commands.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "proxy/base/text.h"
#include "proxy/config/control_access.h"
#include "proxy/control/control_request.h"
#include "proxy/control/ctl_client.h"
#include "proxy/control/ctl_flush_list.h"
#include "proxy/control/ctl_text.h"

namespace breakwater {
namespace {

using nlohmann::json;

json FlushJson(const CtlOptions& options, const std::string& name) {
  json request = {{"command", "flush"}, {"name", name}};
  if (options.suffix) request["suffix"] = true;
  if (options.hard) request["hard"] = true;
  if (!options.type.empty()) request["type"] = options.type;
  if (options.pool_set) request["pool"] = options.pool;
  return request;
}

json ExplainJson(const CtlOptions& options) {
  json request = {{"command", "explain"}, {"name", options.name}};
  if (!options.type.empty()) request["type"] = options.type;
  if (!options.client.empty()) request["client"] = options.client;
  if (options.pool_set) request["pool"] = options.pool;
  if (options.tcp) request["tcp"] = true;
  if (options.dnssec) request["dnssec"] = true;
  return request;
}

json RequestOf(const CtlOptions& options) {
  switch (options.command) {
    case CtlCommand::kVersion:
      return {{"command", "version"}};
    case CtlCommand::kServers:
      return {{"command", "servers"}};
    case CtlCommand::kServer:
      return {{"command", "server"}, {"server", options.server}, {"state", options.state}};
    case CtlCommand::kRules:
      return {{"command", "rules"}};
    case CtlCommand::kCacheStats:
      return {{"command", "cache-stats"}};
    case CtlCommand::kFlush:
      return FlushJson(options, options.name);
    case CtlCommand::kFlushStatus:
      return {{"command", "flush-status"}, {"id", options.first_id}};
    case CtlCommand::kFlushLists:
      return {{"command", "flush-list-status"}};
    case CtlCommand::kReloadCertificates:
      return {{"command", "reload-certificates"}};
    case CtlCommand::kExplain:
      return ExplainJson(options);
    case CtlCommand::kZones:
      return {{"command", "zones"}, {"bad", options.bad_alone}};
    default:
      return {{"command", "status"}};
  }
}

bool IsOk(const json& reply) {
  const auto found = reply.find("ok");
  return found != reply.end() && found->is_boolean() && found->get<bool>();
}

std::string TextOf(const json& reply, const char* member) {
  const auto found = reply.find(member);
  return found != reply.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string Dump(const json& reply) {
  return reply.dump(-1, ' ', false, json::error_handler_t::replace);
}

CtlExit ExitOf(const json& reply) {
  if (IsOk(reply)) return CtlExit::kDone;
  return TextOf(reply, "code") == "denied" ? CtlExit::kDenied : CtlExit::kFailed;
}

CtlExit Print(const CtlOptions& options, const json& reply, const CtlOutput& output) {
  if (options.json) {
    output.out << Dump(reply) << std::endl;
  } else if (IsOk(reply)) {
    output.out << CtlReplyText(options.command, reply) << std::flush;
  } else {
    output.err << "breakwaterctl: " << TextOf(reply, "error") << std::endl;
  }
  return ExitOf(reply);
}

CtlExit NoServer(const std::string& error, const CtlOptions& options, const CtlOutput& output) {
  if (options.json) {
    output.out << Dump({{"ok", false}, {"code", "no-server"}, {"error", error}}) << std::endl;
  } else {
    output.err << "breakwaterctl: " << error << std::endl;
  }
  return CtlExit::kNoServer;
}

// A drill that was begun is waited for; a report is no success where answers differ.
CtlExit Drill(const CtlOptions& options, const CtlOutput& output, CtlClient& client) {
  constexpr std::chrono::milliseconds kLook{200};
  auto reply = client.Request(DrillRequest(options.drill));
  if (!reply) return NoServer(reply.error(), options, output);
  if (!IsOk(*reply)) return Print(options, *reply, output);
  if (options.drill.what == CtlDrill::What::kBegin) {
    const json question = {{"command", "drill-report"}, {"id", (*reply)["id"]}};
    do {
      std::this_thread::sleep_for(kLook);
      reply = client.Request(question);
      if (!reply) return NoServer(reply.error(), options, output);
    } while (IsOk(*reply) && !DrillIsOver(*reply));
  }
  const CtlExit exit = Print(options, *reply, output);
  return exit == CtlExit::kDone && !DrillIsClean(*reply) ? CtlExit::kFailed : exit;
}

CtlExit Undo(const CtlOptions& options, const CtlOutput& output, CtlClient& client) {
  CtlExit worst = CtlExit::kDone;
  // The newest first: a later flush of a name covers an earlier one.
  for (uint64_t left = options.last_id - options.first_id + 1; left > 0;) {
    const uint64_t count = std::min(left, kMostUndos);
    const uint64_t to = options.first_id + left - 1;
    json request = {{"command", "undo"}, {"id", to - count + 1}};
    if (count > 1) request["to"] = to;
    const auto reply = client.Request(request);
    if (!reply) return NoServer(reply.error(), options, output);
    worst = std::max(worst, Print(options, *reply, output));
    if (worst == CtlExit::kDenied) break;
    left -= count;
  }
  return worst;
}

// --token-file, else the environment; never the command line, which everybody can read.
TextResult<std::string> TokenOf(const CtlOptions& options) {
  if (!options.token_path.empty()) return ReadTokenFile(options.token_path);
  const char* const token = std::getenv("BREAKWATER_TOKEN");
  return std::string(token != nullptr ? TrimSpace(token) : std::string_view());
}

}  // namespace

CtlExit RunCtl(const CtlOptions& options, const CtlOutput& output) {
  if (options.command == CtlCommand::kHelp) {
    output.out << CtlHelp() << std::flush;
    return CtlExit::kDone;
  }
  auto token = TokenOf(options);
  if (!token) {
    output.err << "breakwaterctl: " << token.error() << std::endl;
    return CtlExit::kUsage;
  }
  auto client = CtlClient::Connect(options.socket);
  if (!client) return NoServer(client.error(), options, output);
  client->UseToken(std::move(*token));
  if (options.command == CtlCommand::kFlushList) {
    return RunFlushList(options, output, *client);
  }
  if (options.command == CtlCommand::kFlushStop) return RunFlushStop(options, output, *client);
  if (options.command == CtlCommand::kDrill) return Drill(options, output, *client);
  if (options.command == CtlCommand::kFlushUndo) return Undo(options, output, *client);
  const auto reply = client->Request(RequestOf(options));
  if (!reply) return NoServer(reply.error(), options, output);
  return Print(options, *reply, output);
}

}  // namespace breakwater
