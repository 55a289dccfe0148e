#include "tests/reference/pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "lua/constants.h"
#include "lua/ffi_call.h"
#include "lua/stat_node.h"
#include "tests/reference/page_table.h"

namespace breakwater::lua::reference {
namespace {

const char* Where(Scope scope) {
  switch (scope) {
    case Scope::kAnywhere:
      return "in the file, on the console, in rules and callbacks";
    case Scope::kScript:
      return "in the file, on the console, in callbacks; not while a packet is handled";
    case Scope::kConfigOnly:
      return "in the file only; later it prints \"cannot be used at runtime!\"";
  }
  return "";
}

std::string Anchor(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string Heading(const Page& page) {
  return fmt::format(
      "# {}\n\n{}\n\nMade from the bindings' help and `examples/{}.lua` by "
      "`write_reference`. All pages: [README.md](README.md).\n",
      page.title, page.about, page.name);
}

std::string CodeOf(const Example& example) {
  const char* const kind = example.console ? "\nOn the console:\n" : "";
  return fmt::format("{}\n```lua\n{}```\n", kind, example.text);
}

// The examples that begin with the name; where there is none, a link to the one that has it too.
std::string ExamplesOf(const std::string& name, const std::vector<Example>& examples) {
  std::string text, link;
  for (const Example& example : examples) {
    if (!example.Shows(name)) continue;
    if (example.names.front() == name) {
      text += CodeOf(example);
    } else if (link.empty()) {
      const std::string& first = example.names.front();
      link = fmt::format("\nExample: with [{}](#{}).\n", first, Anchor(first));
    }
  }
  return text.empty() ? link : text;
}

std::string OptionsText(const std::map<std::string, OptionKind>& options, OptionKind kind,
                        const char* what) {
  std::string list;
  for (const auto& [name, its_kind] : options) {
    if (its_kind == kind) list += fmt::format("{}`{}`", list.empty() ? "" : ", ", name);
  }
  return list.empty() ? std::string() : fmt::format("\n{}: {}.\n", what, list);
}

std::string FunctionText(const FunctionRow& row, const std::vector<Example>& examples,
                         const KnownOptionsMap& options) {
  std::string text = fmt::format("\n## {}\n\n    {}\n\n{}\n\nWhere: {}.\n", row.name, row.signature,
                                 row.help, Where(row.scope));
  const auto known = options.find(row.name);
  if (known != options.end()) {
    text += OptionsText(known->second, OptionKind::kRead, "Options");
    text += OptionsText(known->second, OptionKind::kUnavailable, "Not available yet");
  }
  return text + ExamplesOf(row.name, examples);
}

std::string ClassText(const ClassRow& row, const std::vector<Example>& examples) {
  std::string text = fmt::format("\n## {}\n\n{}\n", row.name, row.help);
  if (!row.methods.empty()) text += "\n";
  for (const FunctionRow& method : row.methods) {
    text += fmt::format("- `{}`: {}{}\n", method.signature, method.help,
                        method.scope == Scope::kAnywhere ? "" : " Not while a packet is handled.");
  }
  if (!row.attributes.empty()) text += "\n";
  for (const AttributeRow& attribute : row.attributes) {
    text += fmt::format("- `{}.{}`{}: {}\n", row.name, attribute.name,
                        attribute.set != nullptr ? "" : " (read only)", attribute.help);
  }
  return text + ExamplesOf(row.name, examples);
}

// The functions of ffi.C, which have no examples of their own.
std::string FfiText() {
  std::string text =
      "# ffi.C\n\nThe functions of the table `require(\"ffi\").C`, for "
      "[LuaFFIRule](policies.md#luaffirule) "
      "and its relatives.\nMade from the bindings' help by `write_reference`. All pages: "
      "[README.md](README.md).\n\n"
      "It is a plain table of our own functions, not LuaJIT's: a result comes back as a string or "
      "a number. Where dnsdist's\nfunction writes it to a place, that place may be given too, as "
      "`ffi.new(\"const char *[1]\")` makes it, and has it at `[0]`.\nA `const char *` is a "
      "string, "
      "and a buffer of `ffi.new(\"char[64]\")` is filled. `ffi.cdef()` is not needed: types and "
      "functions\nare known. dq, dr and servers are good for the call that got them; later they "
      "are "
      "an error. Sizes are bytes.\n\n";
  for (const FfiRows& rows : AllFfiRows()) {
    for (const FfiRow& row : rows) {
      text += fmt::format("- `dnsdist_ffi_{}{}`: {}\n", row.name, row.parameters, row.help);
    }
  }
  text += "\nFor visitors of [setSuffixMatchRuleFFI](dynamic_blocks.md#dynblockrulesgroup):\n\n";
  for (const FunctionRow& row : StatNodeFfiFunctions()) {
    text += fmt::format("- `{}`: {}\n", row.signature, row.help);
  }
  return text;
}

std::string ConstantsText() {
  std::string text =
      "# Constants\n\nTables of numbers, `DNSQType.A` say. Made from the bindings by "
      "`write_reference`. All pages: [README.md](README.md).\n";
  for (const ConstantTable& table : ConstantTables()) {
    text += fmt::format("\n## {}\n\n{}\n\n", table.name, table.help);
    const char* separator = "";
    for (const Constant& row : table.rows) {
      text += fmt::format("{}`{}` {}", separator, row.name, row.value);
      separator = ", ";
    }
    text += ".\n";
  }
  return text;
}

std::string IndexText(const std::vector<Page>& pages) {
  std::string text =
      "# Reference of the Lua interface\n\n"
      "Made by `write_reference` from the help of the bindings; a test runs every example. "
      "Numbers by name: [constants.md](constants.md). "
      "What is not there, and why: [exceptions.md](exceptions.md).\n\n| page | what is on it |\n"
      "|---|---|\n";
  std::map<std::string, std::string> links;
  for (const Page& page : pages) {
    text += fmt::format("| [{}]({}.md) | {} |\n", page.title, page.name, page.about);
    const auto add = [&](const std::string& name) {
      links[name] = fmt::format("[{}]({}.md#{})", name, page.name, Anchor(name));
    };
    for (const FunctionRow* row : page.functions) add(row->name);
    for (const ClassRow* row : page.classes) add(row->name);
  }
  text += fmt::format("\n## All {} names\n\n", links.size());
  for (const auto& [name, link] : links) text += link + "\n";
  return text;
}

constexpr const char* kOtherwise = R"(
# What works in another way

- **Lua that waits for a disk or a program.** While a packet is handled (`LuaAction`, `LuaRule`, policies, their
  relatives for responses) `io.open`, `io.lines`, `io.popen`, methods of files, `os.execute`, `os.remove`,
  `dofile`, `require` of a module that is not loaded yet and others like them raise an error: one slow disk would
  stop all clients. An action that calls one answers SERVFAIL. `--check-config` tries each function on a sample and
  warns. Instead: `LogAction(FILE)`, `RemoteLogAction()` or `DnstapLogAction()` write down what was asked,
  `infolog()` writes a line; `newCDBKVStore()` and its relatives look things up in files; `maintenance()` and the
  file itself, when it is read, may open files and keep what they read in a Lua table.
- **No finalizers of scripts.** `__gc` in a metatable has no effect, as with LuaJIT, where tables have none: Lua runs
  finalizers where no budget stops them. `debug.getregistry()` is an error for the same reason, and
  `debug.setmetatable()` of an object. A message handler of `xpcall()` is not called for a function that
  `setLuaBudget()` stopped.
- **Whole numbers that a division gives.** Lua is 5.4, where `4/2` is 2.0, and the operator `..` writes that as
  `2.0`: `"a" .. (4/2)` is `a2.0`, where LuaJIT has `a2`. The operator is built into Lua and cannot be changed.
  `print()`, `tostring()`, `string.format()`, `table.concat()` and all functions of dnsdist that take a text write `2`
  as LuaJIT does. Where a number that came from `/`, `^`, `math.pow()` or a text with a point, or from adding what
  is written with one (`n + 1.0`), goes before or behind `..`, write `4//2`, `math.floor(4/2)`, `tostring(4/2)` or `string.format("a%d", 4/2)`; sums, products and remainders
  of whole numbers are not concerned, but wrap around beyond 2^63.
- **A slow answer is asked for elsewhere.** A query over UDP that stays without an answer for 100 ms, or four times the
  server's usual latency where that is longer (at most half of its timeout), is sent to another server of the pool
  that is up, and the first answer wins. dnsdist waits for the first server. Where `order`, a hash or a policy of
  your own must hold for slow names too, `setRetryBudget({share=0})` switches it off; a server that refuses at
  once (ICMP, a closed connection) is still replaced for the query.
- **No console on standard input.** Without `--supervised` dnsdist opens a prompt on its terminal, runs the lines that
  are piped into it, and ends with its input. Breakwater never reads standard input, with or without that option, and
  ends with SIGTERM or SIGINT. The console is `breakwater -c`; `breakwater -c < FILE` runs the lines of a file.
)";

// "REASON: NAME NAME", going on in lines that begin with two blanks; # begins a comment.
std::string ExceptionsText(const std::string& not_bound) {
  std::string text =
      "# What does not work\n\n"
      "These names of dnsdist exist here, and fail with \"NAME is not available yet\" where they "
      "are called. `--check-config` finds them before they are met.\n\n| names | reason |\n"
      "|---|---|\n";
  std::istringstream in(not_bound);
  std::vector<std::string> rows;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("  ") && !rows.empty()) {
      rows.back() += line.substr(1);
    } else {
      rows.push_back(line);
    }
  }
  for (const std::string& row : rows) {
    const size_t colon = row.find(": ");
    std::istringstream words(row.substr(colon + 2));
    std::string names;
    for (std::string name; words >> name;) {
      names += fmt::format("{}`{}`", names.empty() ? "" : ", ", name);
    }
    text += fmt::format("| {} | {} |\n", names, row.substr(0, colon));
  }
  return text + kOtherwise;
}

}  // namespace

std::vector<Page> Pages() {
  std::vector<Page> pages;
  std::map<std::string, bool> taken;
  for (const PageRow& row : PageRows()) {
    Page page{.name = row.name,
              .title = row.title,
              .about = row.about,
              .functions = {},
              .classes = row.classes};
    for (const FunctionPage& functions : row.functions) {
      for (const FunctionRow& function : functions) page.functions.push_back(&function);
    }
    pages.push_back(std::move(page));
  }
  for (const Page& page : pages) {
    for (const FunctionRow* row : page.functions) taken[row->name] = true;
    for (const ClassRow* row : page.classes) taken[row->name] = true;
  }
  Page more{.name = "more",
            .title = "More",
            .about = "What has no page of its own yet.",
            .functions = {},
            .classes = {}};
  ForEachFunction([&](const FunctionRow& row) {
    if (!taken[row.name]) more.functions.push_back(&row);
  });
  ForEachClass([&](const ClassRow& row) {
    if (!taken[row.name]) more.classes.push_back(&row);
  });
  if (!more.functions.empty() || !more.classes.empty()) pages.push_back(std::move(more));
  for (Page& page : pages) {
    std::sort(page.functions.begin(), page.functions.end(),
              [](const auto* a, const auto* b) { return std::string_view(a->name) < b->name; });
  }
  return pages;
}

std::map<std::string, std::string> Render(const std::vector<Example>& examples,
                                          const KnownOptionsMap& options,
                                          const std::string& not_bound) {
  const std::vector<Page> pages = Pages();
  std::map<std::string, std::string> files;
  for (const Page& page : pages) {
    std::string text = Heading(page);
    for (const FunctionRow* row : page.functions) text += FunctionText(*row, examples, options);
    for (const ClassRow* row : page.classes) text += ClassText(*row, examples);
    files[page.name + ".md"] = std::move(text);
  }
  files["ffi.md"] = FfiText();
  files["constants.md"] = ConstantsText();
  files["README.md"] = IndexText(pages);
  files["exceptions.md"] = ExceptionsText(not_bound);
  return files;
}

}  // namespace breakwater::lua::reference
