// What the commands of the control socket do. Owned by the server, used on the control thread
// alone; every command is short and none waits for another thread: caches, backends, certificates
// and counters are thread-safe.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "proxy/control/audit_log.h"
#include "proxy/control/control_request.h"
#include "proxy/control/control_socket.h"
#include "proxy/control/control_target.h"
#include "proxy/control/flush_commands.h"
#include "proxy/control/permission.h"

namespace breakwater {

class ControlCommands {
 public:
  ControlCommands(ControlTarget& target, ListFlushTools tools)
      : target_(target), counters_(tools.counters), flushes_(target, tools) {}
  ControlCommands(const ControlCommands&) = delete;
  ControlCommands& operator=(const ControlCommands&) = delete;

  // With an empty path the audit log is the log. Before the first command.
  TextResult<void> OpenAudit(const std::string& path) { return audit_.Open(path); }

  // Carries out one request line, if the caller may; the reply is one line without its newline.
  ControlReply Handle(std::string_view line, const ControlCaller& caller);

 private:
  TextResult<Rights> FindRights(const ControlRequest& request, const ControlCaller& caller) const;
  TextResult<void> MayRun(const ControlRequest& request, const Rights& rights) const;
  ControlReply Refuse(const std::string& audit, std::string_view error, MonoTime hold = {});
  // `who` asks, for people.
  nlohmann::json Run(const ControlRequest& request, const Rights& rights, std::string_view who);
  nlohmann::json Status() const;
  nlohmann::json Servers() const;
  nlohmann::json Zones(const ControlRequest& request) const;
  nlohmann::json SetServer(const ControlRequest& request);
  nlohmann::json Rules() const;
  nlohmann::json CacheStats() const;
  nlohmann::json ReloadAllCertificates();
  nlohmann::json Drill(const DrillOrder& order);
  nlohmann::json DrillReportOf(uint64_t id) const;
  nlohmann::json StopDrill();

  ControlTarget& target_;
  Counters* counters_;
  AuditLog audit_;
  FlushCommands flushes_;
};

}  // namespace breakwater
