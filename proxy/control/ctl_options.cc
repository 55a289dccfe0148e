#include "proxy/control/ctl_options.h"

#include <fmt/format.h>

#include <charconv>

namespace breakwater {
namespace {

// Options taken out, what remains are the words of the command.
struct Scanner {
  CtlOptions options;
  std::vector<std::string> words;
  bool flush_options = false;
  bool list_options = false;

  TextResult<void> Scan(const std::vector<std::string>& arguments);
  TextResult<bool> ScanFlag(const std::string& argument);
  TextResult<void> ScanValue(const std::string& option, const std::string& value);
};

std::string NotYet(std::string_view option) {
  return fmt::format("{} is not available yet", option);
}

TextResult<bool> Scanner::ScanFlag(const std::string& argument) {
  if (argument == "--json") {
    options.json = true;
  } else if (argument == "--suffix") {
    options.suffix = flush_options = true;
  } else if (argument == "--hard") {
    options.hard = flush_options = true;
  } else if (argument == "--bad") {
    options.bad_alone = true;
  } else if (argument == "--undo-on-stop") {
    return Fail(NotYet(argument));
  } else if (argument == "--help" || argument == "-h") {
    words.assign(1, "help");
    flush_options = list_options = false;
    return true;
  } else {
    return false;
  }
  return true;
}

TextResult<void> Scanner::ScanValue(const std::string& option, const std::string& value) {
  if (option == "--socket") {
    options.socket = value;
  } else if (option == "--type") {
    options.type = value;
    flush_options = true;
  } else if (option == "--pool") {
    options.pool = value;
    options.pool_set = flush_options = true;
  } else if (option == "--list") {
    options.list_path = value;
    list_options = true;
  } else if (option == "--rate") {
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), options.rate);
    if (error != std::errc{} || end != value.data() + value.size() || !(options.rate > 0)) {
      return Fail(fmt::format("--rate needs a number of flushes a second, not '{}'", value));
    }
    list_options = true;
  } else if (option == "--stop-on") {
    return Fail(NotYet(option));
  } else {
    return Fail(fmt::format("unknown option {}", option));
  }
  return {};
}

TextResult<void> Scanner::Scan(const std::vector<std::string>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument.size() < 2 || argument[0] != '-') {
      words.push_back(argument);
      continue;
    }
    const auto flag = ScanFlag(argument);
    if (!flag) return Fail(flag.error());
    if (*flag) {
      if (words == std::vector<std::string>{"help"}) return {};
      continue;
    }
    const size_t equals = argument.find('=');
    const std::string option = argument.substr(0, equals);
    std::string value;
    if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return Fail(fmt::format("unknown option {}, or its value is missing", option));
    }
    if (auto scanned = ScanValue(option, value); !scanned) return Fail(scanned.error());
  }
  return {};
}

TextResult<uint64_t> ParseId(std::string_view text) {
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    return Fail(fmt::format("'{}' is not the number of a flush", text));
  }
  return id;
}

TextResult<void> ReadIds(std::string_view text, CtlOptions& options) {
  const size_t dash = text.find('-');
  const auto first = ParseId(text.substr(0, dash));
  if (!first) return Fail(first.error());
  options.first_id = options.last_id = *first;
  if (dash == std::string_view::npos) return {};
  const auto last = ParseId(text.substr(dash + 1));
  if (!last) return Fail(last.error());
  if (*last < *first) return Fail(fmt::format("'{}' is a range that ends before it begins", text));
  options.last_id = *last;
  return {};
}

TextResult<void> ReadFlush(const std::vector<std::string>& words, CtlOptions& options) {
  if (!options.list_path.empty()) {
    if (words.size() != 1) return Fail(std::string("flush takes a NAME or --list, not both"));
    options.command = CtlCommand::kFlushList;
    return {};
  }
  if (words.size() == 3 && (words[1] == "undo" || words[1] == "status")) {
    options.command = words[1] == "undo" ? CtlCommand::kFlushUndo : CtlCommand::kFlushStatus;
    if (auto ids = ReadIds(words[2], options); !ids) return Fail(ids.error());
    if (options.command == CtlCommand::kFlushStatus && options.first_id != options.last_id) {
      return Fail(std::string("flush status takes one ID"));
    }
    return {};
  }
  if (words.size() != 2) {
    return Fail(std::string("flush needs one NAME ('.' with --suffix is everything)"));
  }
  options.command = CtlCommand::kFlush;
  options.name = words[1];
  return {};
}

TextResult<void> ReadCommand(const std::vector<std::string>& words, CtlOptions& options) {
  const auto simple = [&](CtlCommand command, size_t count) -> TextResult<void> {
    if (words.size() != count) return Fail(fmt::format("'{}' takes no argument", words[0]));
    options.command = command;
    return {};
  };
  if (words.empty()) return Fail(std::string("a command is missing"));
  if (words[0] == "help") return simple(CtlCommand::kHelp, 1);
  if (words[0] == "version") return simple(CtlCommand::kVersion, 1);
  if (words[0] == "status") return simple(CtlCommand::kStatus, 1);
  if (words[0] == "servers") return simple(CtlCommand::kServers, 1);
  if (words[0] == "rules") return simple(CtlCommand::kRules, 1);
  if (words[0] == "zones") return simple(CtlCommand::kZones, 1);
  if (words[0] == "cache" && words.size() > 1 && words[1] == "stats") {
    return simple(CtlCommand::kCacheStats, 2);
  }
  if (words[0] == "certificates" && words.size() > 1 && words[1] == "reload") {
    return simple(CtlCommand::kReloadCertificates, 2);
  }
  if (words[0] == "flush") return ReadFlush(words, options);
  if (words[0] == "server") {
    if (words.size() != 3 || (words[2] != "up" && words[2] != "down" && words[2] != "auto")) {
      return Fail(std::string("server needs a NAME and up, down or auto"));
    }
    options.command = CtlCommand::kServer;
    options.server = words[1];
    options.state = words[2];
    return {};
  }
  return Fail(fmt::format("unknown command '{}'", fmt::join(words, " ")));
}

}  // namespace

TextResult<CtlOptions> ParseCtlOptions(const std::vector<std::string>& arguments) {
  Scanner scanner;
  if (auto scanned = scanner.Scan(arguments); !scanned) return Fail(scanned.error());
  CtlOptions options = scanner.options;
  if (auto read = ReadCommand(scanner.words, options); !read) return Fail(read.error());
  const bool flushes =
      options.command == CtlCommand::kFlush || options.command == CtlCommand::kFlushList;
  if (scanner.flush_options && !flushes) {
    return Fail(std::string("--suffix, --type, --hard and --pool belong to flush"));
  }
  if (options.bad_alone && options.command != CtlCommand::kZones) {
    return Fail(std::string("--bad belongs to zones"));
  }
  if (scanner.list_options && options.command != CtlCommand::kFlushList) {
    return Fail(std::string("--rate belongs to flush --list FILE"));
  }
  return options;
}

std::string CtlHelp() {
  return R"(usage: breakwaterctl [--socket PATH] [--json] COMMAND

  status                          what the server is doing
  servers                         the backends, their state and counters
  server NAME up|down|auto        force a backend up or down, or let health checks decide
  zones [--bad]                   how servers answer for each zone, or for those that are bad
  rules                           the rule chains and how often each rule matched
  cache stats                     the packet caches
  certificates reload             the certificates of all frontends are read again; a frontend
                                  whose files are bad keeps its old ones, and the status is 1
  version
  flush NAME [--suffix] [--type T] [--hard] [--pool POOL]
                                  entries of NAME are asked for again; with --suffix those of
                                  all names below it as well; with --hard they are gone at once
  flush --list FILE [--rate N] [--suffix] [--type T] [--hard] [--pool POOL]
                                  the names in FILE ('-': standard input), one a line, at most N
                                  a second
  flush undo ID[-ID]              takes soft flushes back
  flush status ID                 how many entries a flush has met

NAME of a server is its name, its id or its address:port.
--socket PATH   the control socket, )" +
         std::string(kDefaultControlSocket) + R"( if not given
--json          the answer as one JSON object

Exit status: 0 done; 1 the server refused, or a part of it failed; 2 wrong use;
3 no connection to the server; 4 your role does not allow the command.
)";
}

}  // namespace breakwater
