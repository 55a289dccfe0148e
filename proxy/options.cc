#include "proxy/options.h"

#include <fmt/format.h>
#include <getopt.h>

#include <algorithm>
#include <cctype>

namespace breakwater {
namespace {

enum LongOnly { kSupervised = 256, kCheck, kNoSyslog, kTimestamps, kStructured, kBackend, kStrict };

constexpr option kLong[] = {
    {"acl", required_argument, nullptr, 'a'},
    {"check-config", no_argument, nullptr, kCheck},
    {"client", optional_argument, nullptr, 'c'},
    {"config", required_argument, nullptr, 'C'},
    {"disable-syslog", no_argument, nullptr, kNoSyslog},
    {"execute", required_argument, nullptr, 'e'},
    {"gid", required_argument, nullptr, 'g'},
    {"help", no_argument, nullptr, 'h'},
    {"local", required_argument, nullptr, 'l'},
    {"log-timestamps", no_argument, nullptr, kTimestamps},
    {"setkey", required_argument, nullptr, 'k'},
    {"strict", no_argument, nullptr, kStrict},
    {"structured-logging", required_argument, nullptr, kStructured},
    {"structured-logging-backend", required_argument, nullptr, kBackend},
    {"supervised", no_argument, nullptr, kSupervised},
    {"uid", required_argument, nullptr, 'u'},
    {"verbose", no_argument, nullptr, 'v'},
    {"version", no_argument, nullptr, 'V'},
    {nullptr, 0, nullptr, 0},
};

bool IsTrue(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text == "true";
}

TextResult<void> ApplyLong(int flag, const char* value, Options& options) {
  switch (flag) {
    case kSupervised:  // what it switches off is not there
      break;
    case kCheck:
      options.mode = RunMode::kCheckConfig;
      break;
    case kNoSyslog:
      options.disable_syslog = true;
      break;
    case kTimestamps:
      options.log_timestamps = true;
      break;
    case kStrict:
      options.strict = true;
      break;
    case kStructured:
      options.structured_logging = IsTrue(value);
      break;
    case kBackend:
      options.structured_backend = value;
      if (options.structured_backend != "default" && options.structured_backend != "json" &&
          options.structured_backend != "systemd-journal") {
        return Fail(
            fmt::format("--structured-logging-backend is default, json or "
                        "systemd-journal, not '{}'",
                        value));
      }
      break;
    default:
      return Fail("unknown option; --help lists them");
  }
  return {};
}

TextResult<void> Apply(int flag, const char* value, Options& options) {
  switch (flag) {
    case 'a':
      options.acls.emplace_back(value);
      break;
    case 'c':
      options.mode = RunMode::kClient;
      if (value != nullptr) options.client_address = value;
      break;
    case 'C':
      options.config_path = value;
      break;
    case 'e':
      options.execute = value;
      break;
    case 'g':
      options.group = value;
      break;
    case 'h':
      options.mode = RunMode::kHelp;
      break;
    case 'k':
      options.key = value;
      break;
    case 'l':
      options.locals.emplace_back(value);
      break;
    case 'u':
      options.user = value;
      break;
    case 'v':
      options.verbose = true;
      break;
    case 'V':
      options.mode = RunMode::kVersion;
      break;
    default:
      return ApplyLong(flag, value, options);
  }
  return {};
}

}  // namespace

TextResult<Options> ParseOptions(int argc, char** argv) {
  Options options;
  optind = 1;
  opterr = 0;
  int flag = 0;
  while ((flag = getopt_long(argc, argv, "a:cC:e:g:hk:l:u:vV", kLong, nullptr)) != -1) {
    if (flag == '?') {
      return Fail(fmt::format("'{}' is not an option, or lacks its value; --help lists them",
                              argv[optind - 1]));
    }
    if (auto applied = Apply(flag, optarg, options); !applied) return Fail(applied.error());
  }
  for (int i = optind; i < argc; ++i) {
    // `-c 127.0.0.1:5199`: the address of the console is a word of its own.
    if (options.mode == RunMode::kClient && options.client_address.empty()) {
      options.client_address = argv[i];
    } else {
      options.servers.emplace_back(argv[i]);
    }
  }
  // -e is a client's word, with or without -c.
  if (!options.execute.empty() && options.mode == RunMode::kServe) options.mode = RunMode::kClient;
  return options;
}

std::string HelpText() {
  return R"(Usage: breakwater [options] [ADDRESS[:PORT] ...]

-a, --acl NETMASK          Allow this network to ask (repeatable; replaces the default list)
-C, --config FILE          Read the configuration from FILE
    --check-config         Read the configuration, say what is wrong with it, and exit
-c, --client [IP[:PORT]]   Be a console client of a running server
-e, --execute CMD          Run one console command, print what it returns, and exit
-g, --gid GROUP            Change to this group once the sockets are open
-h, --help                 Print this text
-k, --setkey KEY           Key of the console (base64), for -c
-l, --local ADDR[:PORT]    Listen there for queries (repeatable)
-u, --uid USER             Change to this user once the sockets are open
-v, --verbose              Log more
-V, --version              Print the version
    --strict               Unknown options in the configuration are errors
    --supervised           Accepted: standard input is never read; the console is -c
    --disable-syslog       Log to standard output only
    --log-timestamps       Put the time in front of unstructured log lines
    --structured-logging true|false
    --structured-logging-backend default|json|systemd-journal

Each ADDRESS is a backend server with the default options.
)";
}

}  // namespace breakwater
