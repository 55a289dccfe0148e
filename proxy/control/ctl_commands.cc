#include "proxy/control/ctl_commands.h"

#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "proxy/control/ctl_client.h"
#include "proxy/control/ctl_text.h"

namespace breakwater {
namespace {

using nlohmann::json;
using SteadyClock = std::chrono::steady_clock;

json FlushJson(const CtlOptions& options, const std::string& name) {
  json request = {{"command", "flush"}, {"name", name}};
  if (options.suffix) request["suffix"] = true;
  if (options.hard) request["hard"] = true;
  if (!options.type.empty()) request["type"] = options.type;
  if (options.pool_set) request["pool"] = options.pool;
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
    case CtlCommand::kReloadCertificates:
      return {{"command", "reload-certificates"}};
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

// Names of a list, with the number of their line.
using NameList = std::vector<std::pair<size_t, std::string>>;

NameList ReadNames(std::istream& in) {
  NameList names;
  std::string line;
  for (size_t number = 1; std::getline(in, line); ++number) {
    line.erase(std::min(line.find('#'), line.size()));
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos) continue;
    const size_t end = line.find_last_not_of(" \t\r");
    names.emplace_back(number, line.substr(begin, end - begin + 1));
  }
  return names;
}

TextResult<NameList> ReadList(const std::string& path) {
  if (path == "-") return ReadNames(std::cin);
  std::ifstream in(path);
  if (!in) return Fail(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  return ReadNames(in);
}

// Flushes a list at its pace and keeps the count.
class ListFlush {
 public:
  ListFlush(const CtlOptions& options, const CtlOutput& output, CtlClient& client)
      : options_(options), output_(output), client_(client) {}

  CtlExit Run(const NameList& names) {
    for (const auto& [line, name] : names) {
      WaitForTurn();
      auto reply = client_.Request(FlushJson(options_, name));
      if (!reply) {
        EndProgress();
        output_.err << fmt::format("breakwaterctl: stopped after {} of {} names\n", done_,
                                   names.size());
        return NoServer(reply.error(), options_, output_);
      }
      ++done_;
      if (IsOk(*reply)) {
        Note(*reply);
      } else {
        ++failed_;
        worst_ = std::max(worst_, ExitOf(*reply));
        EndProgress();
        output_.err << fmt::format("breakwaterctl: line {}: {}", line, TextOf(*reply, "error"))
                    << std::endl;
        if (worst_ == CtlExit::kDenied) break;  // so would be every other
      }
      ShowProgress(names.size());
    }
    EndProgress();
    Summarize();
    return worst_;
  }

 private:
  double Seconds() const {
    return std::chrono::duration<double>(SteadyClock::now() - started_).count();
  }
  void WaitForTurn() const {
    if (options_.rate <= 0) return;
    const std::chrono::duration<double> due(static_cast<double>(done_) / options_.rate);
    std::this_thread::sleep_until(started_ +
                                  std::chrono::duration_cast<SteadyClock::duration>(due));
  }
  void Note(const json& reply) {
    const auto id = reply.find("id");
    if (id == reply.end() || !id->is_number_unsigned()) return;
    last_id_ = id->get<uint64_t>();
    if (first_id_ == 0) first_id_ = last_id_;
  }
  void ShowProgress(size_t total) {
    const double now = Seconds();
    if (!output_.progress || (now - shown_ < 0.1 && done_ < total)) return;
    shown_ = now;
    output_.err << "\r\x1b[K" << CtlProgressText({done_, total, now}) << std::flush;
    line_open_ = true;
  }
  void EndProgress() {
    if (line_open_) output_.err << std::endl;
    line_open_ = false;
  }
  void Summarize() {
    const size_t flushed = done_ - failed_;
    if (options_.json) {
      json summary = {
          {"ok", failed_ == 0}, {"flushed", flushed}, {"failed", failed_}, {"seconds", Seconds()}};
      if (first_id_ != 0) summary["first-id"] = first_id_;
      if (first_id_ != 0) summary["last-id"] = last_id_;
      output_.out << Dump(summary) << std::endl;
      return;
    }
    output_.out << fmt::format("{} flushed, {} failed in {:.1f} s", flushed, failed_, Seconds());
    if (first_id_ != 0) {
      output_.out << fmt::format("; to take them back: flush undo {}-{}", first_id_, last_id_);
    }
    output_.out << std::endl;
  }

  const CtlOptions& options_;
  const CtlOutput& output_;
  CtlClient& client_;
  SteadyClock::time_point started_ = SteadyClock::now();
  size_t done_ = 0;
  size_t failed_ = 0;
  uint64_t first_id_ = 0;
  uint64_t last_id_ = 0;
  double shown_ = -1;
  bool line_open_ = false;
  CtlExit worst_ = CtlExit::kDone;
};

CtlExit Undo(const CtlOptions& options, const CtlOutput& output, CtlClient& client) {
  CtlExit worst = CtlExit::kDone;
  for (uint64_t id = options.first_id; id <= options.last_id; ++id) {
    const auto reply = client.Request({{"command", "undo"}, {"id", id}});
    if (!reply) return NoServer(reply.error(), options, output);
    worst = std::max(worst, Print(options, *reply, output));
    if (worst == CtlExit::kDenied || id == UINT64_MAX) break;
  }
  return worst;
}

}  // namespace

CtlExit RunCtl(const CtlOptions& options, const CtlOutput& output) {
  if (options.command == CtlCommand::kHelp) {
    output.out << CtlHelp() << std::flush;
    return CtlExit::kDone;
  }
  NameList names;
  if (options.command == CtlCommand::kFlushList) {
    auto read = ReadList(options.list_path);
    if (!read) {
      output.err << "breakwaterctl: " << read.error() << std::endl;
      return CtlExit::kUsage;
    }
    names = std::move(*read);
  }
  auto client = CtlClient::Connect(options.socket);
  if (!client) return NoServer(client.error(), options, output);
  if (options.command == CtlCommand::kFlushList) {
    return ListFlush(options, output, *client).Run(names);
  }
  if (options.command == CtlCommand::kFlushUndo) return Undo(options, output, *client);
  const auto reply = client->Request(RequestOf(options));
  if (!reply) return NoServer(reply.error(), options, output);
  return Print(options, *reply, output);
}

}  // namespace breakwater
