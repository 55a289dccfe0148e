// breakwaterctl's command line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/control/ctl_drill.h"

namespace breakwater {

inline constexpr std::string_view kDefaultControlSocket = "/run/breakwater/control.sock";

enum class CtlCommand : uint8_t {
  kHelp,
  kVersion,
  kStatus,
  kServers,
  kServer,
  kRules,
  kCacheStats,
  kFlush,
  kFlushList,
  kFlushUndo,
  kFlushStatus,
  kFlushLists,
  kFlushStop,
  kReloadCertificates,
  kZones,
  kDrill,
  kExplain
};

// Exit statuses of breakwaterctl, as --help lists them.
enum class CtlExit : int {
  kDone = 0,
  kFailed = 1,  // the server refused or knows no such thing
  kUsage = 2,
  kNoServer = 3,  // no connection, or it broke
  kDenied = 4,    // the role of the caller does not allow it
  kStopped = 5,   // a list was stopped before its end
};

struct CtlOptions {
  CtlCommand command = CtlCommand::kHelp;
  std::string socket = std::string(kDefaultControlSocket);
  std::string token_path;  // empty: the token in the environment, if any
  bool json = false;
  bool bad_alone = false;  // kZones
  std::string server;      // kServer
  std::string state;       // kServer: up, down, auto
  std::string name;        // kFlush, kExplain
  std::string type;        // flushes, kExplain; empty: every type
  std::string pool;        // flushes, kExplain; empty: every pool
  bool pool_set = false;
  std::string client;   // kExplain
  bool tcp = false;     // kExplain
  bool dnssec = false;  // kExplain
  bool suffix = false;
  bool hard = false;
  std::string list_path;               // kFlushList; "-": standard input
  double rate = 0;                     // kFlushList: a second; 0: as fast as it goes
  std::vector<std::string> stop_on{};  // kFlushList: conditions
  bool undo_on_stop = false;           // kFlushList
  bool strict = false;                 // kFlushList: all lines or none
  bool undo = false;                   // kFlushStop
  CtlDrill drill;                      // kDrill
  uint64_t first_id = 0;               // kFlushUndo, kFlushStatus; kFlushStop: of the list
  uint64_t last_id = 0;                // kFlushUndo: a range "17-40016"
};

TextResult<CtlOptions> ParseCtlOptions(const std::vector<std::string>& arguments);
std::string CtlHelp();

}  // namespace breakwater
