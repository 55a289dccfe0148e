// help(), print() and the log functions.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <map>

#include "lua/bindings.h"
#include "lua/registry.h"
#include "proxy/base/log.h"

namespace breakwater::lua {
namespace {

std::string ClassHelp(const ClassRow& row) {
  std::string text = fmt::format("{}: {}\n", row.name, row.help);
  for (const FunctionRow& method : row.methods) {
    text += fmt::format("  {}: {}\n", method.signature, method.help);
  }
  for (const AttributeRow& attribute : row.attributes) {
    text += fmt::format("  {}.{}: {}\n", row.name, attribute.name, attribute.help);
  }
  return text;
}

std::string ListOfAll() {
  std::map<std::string, std::string> sorted;
  ForEachFunction([&](const FunctionRow& row) { sorted[row.name] = row.signature; });
  ForEachClass(
      [&](const ClassRow& row) { sorted[row.name] = fmt::format("{}: a class", row.name); });
  std::string text;
  for (const auto& [name, signature] : sorted) text += signature + "\n";
  return text + "help(\"name\") says more.\n";
}

void Help(Call& call, const std::optional<std::string>& name) {
  if (!name) {
    call.Print(ListOfAll());
    return;
  }
  if (const FunctionRow* row = FindFunction(*name)) {
    call.Print(fmt::format("{}: {}\n", row->signature, row->help));
    return;
  }
  if (const ClassRow* row = FindClass(*name)) {
    call.Print(ClassHelp(*row));
    return;
  }
  const bool known = FindApiName("", *name) != ApiKind::kNone;
  call.Print(fmt::format(
      "{}\n", known ? UnavailableText(*name) : fmt::format("nothing is known of {}", *name)));
}

// The arguments as text, tostring() called on each, with tabs between.
std::string LineOf(Call& call) {
  lua_State* const state = call.state();
  std::string line;
  for (int i = 1; i <= call.count(); ++i) {
    if (i > 1) line += '\t';
    PushRawGlobal(state, "tostring");
    lua_pushvalue(state, i);
    const auto converted = ProtectedCall(state, 1, 1);
    line += converted ? PlainText(state, -1) : converted.error();
    if (converted) lua_pop(state, 1);
  }
  return line + "\n";
}

Pushed Show(Call& call) {
  call.Print(LineOf(call));
  return {};
}

// Of the file of a client this alone is printed.
Pushed PrintLine(Call& call) {
  if (!call.runtime().options().client) return Show(call);
  fmt::print("{}", LineOf(call));
  std::fflush(stdout);
  return {};
}

void ErrLog(const std::string& line) {
  LogError("lua", "{}", line);
}
void WarnLog(const std::string& line) {
  LogWarning("lua", "{}", line);
}
void InfoLog(const std::string& line) {
  LogInfo("lua", "{}", line);
}
void VerboseLog(const std::string& line) {
  LogDebug("lua", "{}", line);
}

void Delta(Call& call) {
  call.Print(call.runtime().delta());
}

// As the signal that a service manager sends; what is in flight is finished.
void Shutdown(Call& call) {
  if (call.runtime().options().check) return;
  kill(getpid(), SIGTERM);
}

constexpr FunctionRow kFunctions[] = {
    {"delta", Bind<&Delta>, "delta()", "The console lines that changed the configuration."},
    {"errlog", Bind<&ErrLog>, "errlog(line)", "Logs a line as an error.", Scope::kAnywhere},
    {"help", Bind<&Help>, "help([name])", "Lists all functions, or explains one of them.",
     Scope::kAnywhere},
    {"infolog", Bind<&InfoLog>, "infolog(line)", "Logs a line.", Scope::kAnywhere},
    {"print", Bind<&PrintLine>, "print(...)", "Prints its arguments where the command was given.",
     Scope::kAnywhere},
    {"show", Bind<&Show>, "show(...)", "The same as print().", Scope::kAnywhere},
    {"shutdown", Bind<&Shutdown>, "shutdown()", "Ends the program, as SIGTERM does."},
    {"vinfolog", Bind<&VerboseLog>, "vinfolog(line)", "Logs a line in verbose mode.",
     Scope::kAnywhere},
    {"warnlog", Bind<&WarnLog>, "warnlog(line)", "Logs a line as a warning.", Scope::kAnywhere},
};

}  // namespace

FunctionPage ConsoleFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
