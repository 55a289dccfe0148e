// The command line, dnsdist's own flags (compat: cli).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/base/result.h"

namespace breakwater {

enum class RunMode : uint8_t { kServe, kCheckConfig, kClient, kVersion, kHelp };

struct Options {
  RunMode mode = RunMode::kServe;
  std::string config_path;           // empty: none was named
  std::vector<std::string> locals;   // -l
  std::vector<std::string> acls;     // -a
  std::vector<std::string> servers;  // positional: backends with the default configuration
  std::string client_address;        // -c IP[:PORT]
  std::string key;                   // -k, base64
  std::string execute;               // -e
  std::string user;
  std::string group;
  bool verbose = false;
  bool strict = false;
  bool disable_syslog = false;
  bool log_timestamps = false;
  std::optional<bool> structured_logging;
  std::string structured_backend;  // default, json, systemd-journal; empty: not named
};

// The error is a sentence for stderr; exit status 1.
TextResult<Options> ParseOptions(int argc, char** argv);
std::string HelpText();

inline constexpr char kDefaultConfigPath[] = "/etc/dnsdist/dnsdist.conf";

}  // namespace breakwater
