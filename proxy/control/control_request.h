// One line of the control socket's protocol, parsed: a JSON object with a "command" and that
// command's members; the first wrong or unknown member is named. Nothing here ever reaches Lua.
//
//   {"command":"status"}                           also "version", "servers", "rules"
//   {"command":"reload-certificates"}
//   {"command":"cache-stats"}
//   {"command":"server","server":NAME,"state":"up"|"down"|"auto"}
//   {"command":"flush","name":NAME[,"suffix":true][,"type":"A"][,"hard":true][,"pool":POOL]}
//   {"command":"undo","id":ID}                     takes a soft flush back
//   {"command":"flush-status","id":ID}
//   {"command":"zones"[,"bad":true]}               how servers answer for each zone; at most 10,000
//
// A reply is one line: {"ok":true, ...} or {"ok":false,"code":CODE,"error":TEXT}.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/result.h"
#include "proxy/cache/flush_table.h"
#include "proxy/control/roles.h"

namespace breakwater {

inline constexpr size_t kMaxControlLine = 64 * 1024;

enum class ControlCommand : uint8_t {
  kStatus,
  kVersion,
  kServers,
  kServer,
  kRules,
  kCacheStats,
  kFlush,
  kUndo,
  kFlushStatus,
  kReloadCertificates,
  kZones
};
enum class ServerState : uint8_t { kUp, kDown, kAuto };

struct ControlRequest {
  ControlCommand command = ControlCommand::kStatus;
  std::string server;  // kServer
  ServerState state = ServerState::kAuto;
  FlushRequest flush;               // kFlush
  std::optional<std::string> pool;  // kFlush: that pool's cache alone
  uint64_t id = 0;                  // kUndo, kFlushStatus
  bool bad_alone = false;           // kZones
};

TextResult<ControlRequest> ParseControlRequest(std::string_view line);

Role RequiredRole(ControlCommand command);
std::string_view CommandName(ControlCommand command);
// Commands that change something get an audit line.
bool IsChanging(ControlCommand command);

}  // namespace breakwater
