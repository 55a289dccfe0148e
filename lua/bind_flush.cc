// addFlushSource.
#include <fmt/format.h>

#include "lua/object_args.h"
#include "lua/script_bindings.h"
#include "proxy/base/text.h"

namespace breakwater::lua {
namespace {

// What a shell would take for more than it says. Whoever needs it gives the words as a list.
constexpr std::string_view kShellCharacters = "'\"\\`$&|;<>*?()[]{}~#";

// A program and its arguments: a list of words, or a text that is cut at blanks and nothing else.
struct CommandArg {
  std::vector<std::string> words;
};

TextResult<std::vector<std::string>> CutWords(const std::string& text) {
  if (text.find_first_of(kShellCharacters) != std::string::npos) {
    return Fail(
        fmt::format("'{}' has characters that are special to a shell, and there is none: "
                    "give the words as a list",
                    text));
  }
  std::vector<std::string> words;
  for (const std::string_view word : Split(text, ' ')) {
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

}  // namespace

template <>
struct Reader<CommandArg> {
  static TextResult<CommandArg> Read(Call& call, int index) {
    auto given = Reader<StringOrList>::Read(call, index);
    if (!given) return Fail(std::move(given.error()));
    CommandArg command{std::move(given->items)};
    if (!IsTable(call.state(), index)) {
      auto words = CutWords(command.words.empty() ? std::string() : command.words.front());
      if (!words) return Fail(std::move(words.error()));
      command.words = std::move(*words);
    }
    if (command.words.empty() || command.words.front()[0] != '/') {
      return Fail(std::string("it needs the program's path, from / on"));
    }
    return command;
  }
};

namespace {

void ReadSeconds(Options& options, const char* name, uint32_t* value_ms) {
  double seconds = 0;
  if (!options.Read(name, &seconds)) return;
  if (!(seconds >= 0.1 && seconds <= 86400)) {
    return options.Reject(fmt::format("{} is in seconds, 0.1 to 86400, not {}", name, seconds));
  }
  *value_ms = static_cast<uint32_t>(seconds * 1000);
}

void ReadSource(Options& options, FlushSourceSettings* source) {
  if (options.Has("file") && options.Has("command")) {
    options.Accept({"file", "command", "timeout", "state"});
    return options.Reject(
        "it needs a file or a command, and not both: two sources can have one each");
  }
  options.Read("file", &source->file);
  CommandArg command;
  if (options.Read("command", &command)) source->command = std::move(command.words);
  if (source->file.empty() == source->command.empty()) {
    return options.Reject("it needs a file or a command");
  }
  if (!source->file.empty() && options.Has("timeout")) {
    options.Reject("timeout belongs to a command");
  }
  if (options.Read("state", &source->state) && source->file.empty()) {
    options.Reject("state belongs to a file");
  }
  if (!source->state.empty() && source->state == source->file) {
    options.Reject("state is a file of its own, not the one that is watched");
  }
}

TextResult<void> AddFlushSource(Call& call, Options options) {
  FlushSourceSettings source;
  ReadSource(options, &source);
  ReadSeconds(options, "interval", &source.interval_ms);
  ReadSeconds(options, "timeout", &source.timeout_ms);
  options.Read("suffix", &source.defaults.suffix);
  options.Read("hard", &source.defaults.hard);
  std::string pool;
  if (options.Read("pool", &pool)) source.pool = pool;
  if (auto good = options.Finish(); !good) return good;
  for (const FlushSourceSettings& other : call.builder().Edit().settings.flush_sources) {
    if (!source.state.empty() && source.state == other.state) {
      return Fail(
          fmt::format("'{}' is the state of another source: each needs its own", source.state));
    }
  }
  call.builder().Edit().settings.flush_sources.push_back(std::move(source));
  return {};
}

constexpr FunctionRow kFunctions[] = {
    {"addFlushSource", Bind<&AddFlushSource>,
     "addFlushSource({file=path or command=path, state=path, interval=1, timeout=10, suffix=false, "
     "hard=false, pool=\"\"})",
     "Lines appended to the file, or printed by the command each interval, are flushes: NAME "
     "[TYPE] [suffix] [hard]. In the state file, by default beside setCacheSnapshot's, stands how "
     "far the file was read, so that a restart misses none.",
     Scope::kConfigOnly},
};

}  // namespace

FunctionPage FlushFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
