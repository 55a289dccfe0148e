#include "proxy/control/ctl_options.h"

#include <fmt/format.h>

#include <charconv>

#include "proxy/base/text.h"
#include "proxy/control/stop_condition.h"
#include "proxy/dns/types.h"

namespace breakwater {
namespace {

// Options taken out, what remains are the words of the command.
struct Scanner {
  CtlOptions options;
  std::vector<std::string> words;
  bool flush_options = false;
  bool list_options = false;
  bool drill_options = false;
  bool explain_options = false;

  TextResult<void> Scan(const std::vector<std::string>& arguments);
  TextResult<bool> ScanFlag(const std::string& argument);
  TextResult<void> ScanValue(const std::string& option, const std::string& value);
};

TextResult<bool> Scanner::ScanFlag(const std::string& argument) {
  if (argument == "--json") {
    options.json = true;
  } else if (argument == "--suffix") {
    options.suffix = flush_options = true;
  } else if (argument == "--hard") {
    options.hard = flush_options = true;
  } else if (argument == "--bad") {
    options.bad_alone = true;
  } else if (argument == "--live") {
    options.drill.live = drill_options = true;
  } else if (argument == "--tcp") {
    options.tcp = explain_options = true;
  } else if (argument == "--dnssec") {
    options.dnssec = explain_options = true;
  } else if (argument == "--undo-on-stop") {
    options.undo_on_stop = list_options = true;
  } else if (argument == "--strict") {
    options.strict = list_options = true;
  } else if (argument == "--undo") {
    options.undo = true;
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
  } else if (option == "--token-file") {
    options.token_path = value;
  } else if (option == "--type") {
    options.type = value;
    flush_options = true;
  } else if (option == "--pool") {
    options.pool = value;
    options.pool_set = true;
  } else if (option == "--client") {
    options.client = value;
    explain_options = true;
  } else if (option == "--list") {
    options.list_path = value;
    list_options = true;
  } else if (option == "--rate") {
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), options.rate);
    if (error != std::errc{} || end != value.data() + value.size() ||
        !(options.rate >= 0.01 && options.rate <= 1e6)) {
      return Fail(fmt::format(
          "--rate needs a number of flushes a second, 0.01 to a million, not '{}'", value));
    }
    list_options = true;
  } else if (option == "--for") {
    const auto seconds = ParseSeconds(value);
    if (!seconds) return Fail(seconds.error());
    options.drill.seconds = *seconds;
    drill_options = true;
  } else if (option == "--share") {
    const auto share = ParseShare(value);
    if (!share) return Fail(share.error());
    options.drill.share = *share;
    drill_options = true;
  } else if (option == "--stop-on") {
    for (const std::string_view item : Split(value, ',')) {
      const auto condition = ParseStopCondition(TrimSpace(item));
      if (!condition) return Fail(fmt::format("--stop-on: {}", condition.error()));
      options.stop_on.push_back(condition->text);
    }
    list_options = true;
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
  if (words.size() == 2 && words[1] == "lists") {
    options.command = CtlCommand::kFlushLists;
    return {};
  }
  if (words.size() == 3 && words[1] == "stop") {
    const auto job = ParseId(words[2]);
    if (!job) return Fail(fmt::format("'{}' is not the number of a list", words[2]));
    options.command = CtlCommand::kFlushStop;
    options.first_id = *job;
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

// explain NAME [TYPE]
TextResult<void> ReadExplain(const std::vector<std::string>& words, CtlOptions& options) {
  if (words.size() != 2 && words.size() != 3) {
    return Fail(std::string("explain needs a NAME and, if it is not A, a TYPE"));
  }
  options.command = CtlCommand::kExplain;
  options.name = words[1];
  if (words.size() == 3) options.type = words[2];
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
  if (words[0] == "drill") {
    options.command = CtlCommand::kDrill;
    return ReadDrill(words, options.drill);
  }
  if (words[0] == "flush") return ReadFlush(words, options);
  if (words[0] == "explain") return ReadExplain(words, options);
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

TextResult<void> CheckList(const CtlOptions& options) {
  if (options.command != CtlCommand::kFlushList) return {};
  if (!options.stop_on.empty() && options.rate <= 0) {
    return Fail(std::string("--stop-on needs --rate N: without a pace there is no time to look"));
  }
  if (options.undo_on_stop && options.hard) {
    return Fail(std::string("--undo-on-stop cannot take back what --hard removes"));
  }
  if (!options.type.empty() && !dns::ParseType(options.type)) {
    return Fail(fmt::format("--type: '{}' is not a record type", options.type));
  }
  return {};
}

}  // namespace

TextResult<CtlOptions> ParseCtlOptions(const std::vector<std::string>& arguments) {
  Scanner scanner;
  if (auto scanned = scanner.Scan(arguments); !scanned) return Fail(scanned.error());
  CtlOptions options = scanner.options;
  if (auto read = ReadCommand(scanner.words, options); !read) return Fail(read.error());
  const bool flushes =
      options.command == CtlCommand::kFlush || options.command == CtlCommand::kFlushList;
  const bool explains = options.command == CtlCommand::kExplain;
  if (scanner.explain_options && !explains) {
    return Fail(std::string("--client, --tcp and --dnssec belong to explain"));
  }
  if ((scanner.flush_options || (options.pool_set && !explains)) && !flushes) {
    return Fail(std::string("--suffix, --type, --hard and --pool belong to flush"));
  }
  const bool begins =
      options.command == CtlCommand::kDrill && options.drill.what == CtlDrill::What::kBegin;
  if (scanner.drill_options && !begins) {
    return Fail(std::string("--for, --share and --live belong to drill SERVER"));
  }
  if (options.bad_alone && options.command != CtlCommand::kZones) {
    return Fail(std::string("--bad belongs to zones"));
  }
  if (scanner.list_options && options.command != CtlCommand::kFlushList) {
    return Fail(
        std::string("--rate, --stop-on, --undo-on-stop and --strict belong to flush --list FILE"));
  }
  if (options.undo && options.command != CtlCommand::kFlushStop) {
    return Fail(std::string("--undo belongs to flush stop LIST"));
  }
  if (auto fits = CheckList(options); !fits) return Fail(fits.error());
  return options;
}

std::string CtlHelp() {
  return R"(usage: breakwaterctl [--socket PATH] [--token-file FILE] [--json] COMMAND

  status                          what the server is doing
  servers                         the backends, their state and counters
  server NAME up|down|auto        force a backend up or down, or let health checks decide
  zones [--bad]                   how servers answer for each zone, or for those that are bad
  drill SERVER [--for 30s] [--share 1%] [--live]
                                  asks a standby for a share of the queries as well, and tells how
                                  its answers differ from the first tier's; with --live clients
                                  get its answer where it is equal. The status is 1 where any
                                  differ, or none was compared
  drill report [ID] | stop        of the latest drill, or that one; ends the one that runs
  explain NAME [TYPE] [--client ADDRESS] [--pool POOL] [--tcp] [--dnssec]
                                  what would become of a query: the rules that match, what the
                                  cache holds, which server is asked and why; nothing is sent
  rules                           the rule chains and how often each rule matched
  cache stats                     the packet caches
  certificates reload             the certificates of all frontends are read again; a frontend
                                  whose files are bad keeps its old ones, and the status is 1
  version
  flush NAME [--suffix] [--type T] [--hard] [--pool POOL]
                                  entries of NAME are asked for again; with --suffix those of
                                  all names below it as well; with --hard they are gone at once
  flush --list FILE [--rate N [--stop-on COND]] [--undo-on-stop] [--strict]
        [--suffix] [--type T] [--hard] [--pool POOL]
                                  the names in FILE ('-': standard input), at most N a second.
                                  A line is NAME [TYPE] [suffix] [hard]; lines that are not
                                  understood are told by number and left out, with --strict
                                  nothing is done then. With --stop-on each name is asked for at
                                  the servers of the first tier, and the list stops when more of
                                  the answers, or of those to clients, are as COND says:
                                  refused>1%, servfail>5%, timeout>2%, bad>1% (any of those),
                                  nxdomain>1%; several with commas. Where pools have different
                                  servers name one with --pool. With --undo-on-stop the soft
                                  flushes are taken back then.
                                  The server does it: a list goes on when this program is gone.
                                  Ctrl-C stops it (and takes back, with --undo-on-stop)
  flush lists                     the lists that the server is at, and the last ones
  flush stop LIST [--undo]        ends one before its time; --undo takes its flushes back
  flush undo ID[-ID]              takes soft flushes back
  flush status ID                 how many entries a flush has met

NAME of a server is its name, its id or its address:port.
--socket PATH   the control socket, )" +
         std::string(kDefaultControlSocket) + R"( if not given
--token-file FILE  a token (addControlToken), whose rights then count in place of yours; nobody
                else may read the file. Without it the variable BREAKWATER_TOKEN is looked at
--json          the answer as one JSON object

Exit status: 0 done; 1 the server refused, or a part of it failed; 2 wrong use;
3 no connection to the server; 4 your role or your token does not allow the command;
5 a list of flushes was stopped before its end.
)";
}

}  // namespace breakwater
