// One line of the control socket's protocol, parsed: a JSON object with a "command" and that
// command's members; the first wrong or unknown member is named. Nothing here ever reaches Lua.
//
//   {"command":"status"}                           also "version", "servers", "rules"
//   {"command":"reload-certificates"}
//   {"command":"cache-stats"}
//   {"command":"server","server":NAME,"state":"up"|"down"|"auto"}
//   {"command":"flush","name":NAME[,"suffix":true][,"type":"A"][,"hard":true][,"pool":POOL]}
//   {"command":"undo","id":ID[,"to":ID]}           takes a soft flush back, or all from ID to ID
//   {"command":"flush-status","id":ID}
//   {"command":"flush-list"[,"rate":N][,"stop-on":["refused>1%"]][,"undo-on-stop":true][,"pool":POOL]}
//   {"command":"flush-list-add","job":JOB,"lines":"NAME [TYPE] [suffix] [hard]\n..."}
//   {"command":"flush-list-run","job":JOB}         it goes on by itself (list_flush.h)
//   {"command":"flush-list-status"[,"job":JOB]}
//   {"command":"flush-list-stop","job":JOB[,"undo":true]}
//   {"command":"drill","server":NAME[,"seconds":30][,"share":0.01][,"live":true]}
//   {"command":"drill-report"[,"id":ID]}           also "drill-stop"
//   {"command":"explain","name":NAME[,"type":"A"][,"client":ADDRESS][,"pool":POOL][,"tcp":true]
//       [,"dnssec":true]}                          what would become of a query (explain.h)
//   {"command":"zones"[,"bad":true]}               how servers answer for each zone; at most 10,000
//
// Each may have a "token":TEXT; then its rights count, and not the peer's (permission.h).
// A reply is one line: {"ok":true, ...} or {"ok":false,"code":CODE,"error":TEXT}.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/backend/drill_settings.h"
#include "proxy/base/result.h"
#include "proxy/cache/flush_table.h"
#include "proxy/config/control_access.h"
#include "proxy/control/explain_question.h"
#include "proxy/control/list_flush.h"

namespace breakwater {

inline constexpr size_t kMaxControlLine = 64 * 1024;
inline constexpr uint64_t kMostUndos = 2'000;  // of one request, a turn of the control loop

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
  kZones,
  kFlushList,
  kFlushListAdd,
  kFlushListRun,
  kFlushListStatus,
  kFlushListStop,
  kDrill,
  kDrillReport,
  kDrillStop,
  kExplain,
  kLastCommand = kExplain
};
enum class ServerState : uint8_t { kUp, kDown, kAuto };
// What rights that are bound to zones do to a command: permission.h tells.
enum class ZoneRule : uint8_t { kFree, kBegins, kNames, kOwnNames, kOwn, kNever };

struct ControlRequest {
  ControlCommand command = ControlCommand::kStatus;
  std::string server;  // kServer
  ServerState state = ServerState::kAuto;
  FlushRequest flush;               // kFlush
  std::optional<std::string> pool;  // kFlush: that pool's cache alone
  uint64_t id = 0;         // kUndo, kFlushStatus; of a list: 0 is all, of a drill the latest
  uint64_t to = 0;         // kUndo: the last of a range, `id` where it is one
  bool bad_alone = false;  // kZones
  ListFlushPlan list{};    // kFlushList
  std::string lines;       // kFlushListAdd, a newline behind each
  std::vector<FlushRequest> flushes{};  // the same
  bool undo = false;                    // kFlushListStop
  DrillOrder drill;                     // kDrill
  ExplainQuestion explain;              // kExplain
  std::optional<std::string> token;
  std::string audit_text;  // its members, as the audit log shows them
};

TextResult<ControlRequest> ParseControlRequest(std::string_view line);

Role RequiredRole(ControlCommand command);
ZoneRule ZoneRuleOf(ControlCommand command);
std::string_view CommandName(ControlCommand command);

}  // namespace breakwater
