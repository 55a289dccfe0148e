#include "tests/reference/examples.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "lua/configuration.h"
#include "proxy/dnscrypt/key_files.h"

namespace breakwater::lua::reference {
namespace {

constexpr std::string_view kMark = "-- @ ";
constexpr std::string_view kConsole = " (console)";
constexpr std::string_view kFolder = "/etc/breakwater/";

bool IsWordCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::vector<std::string> SplitNames(const std::string& list) {
  std::vector<std::string> names;
  std::istringstream in(list);
  for (std::string name; std::getline(in, name, ',');) {
    names.push_back(name.substr(name.find_first_not_of(' ')));
  }
  return names;
}

Example Begin(std::string heading) {
  Example example;
  heading.erase(0, kMark.size());
  if (heading.ends_with(kConsole)) {
    example.console = true;
    heading.resize(heading.size() - kConsole.size());
  }
  example.names = SplitNames(heading);
  return example;
}

void ReadPage(const std::filesystem::path& path, std::vector<Example>* examples) {
  std::ifstream in(path);
  int number = 0;
  bool begun = false;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.starts_with(kMark)) {
      examples->push_back(Begin(line));
      examples->back().page = path.stem();
      examples->back().line = number;
      begun = true;
    } else if (begun) {
      examples->back().text += line + "\n";
    }
  }
}

// The examples cannot run without what it makes.
void Command(const std::string& command) {
  if (std::system(command.c_str()) == 0) return;
  fmt::print(stderr, "this failed: {}\n", command);
  std::abort();
}

void TrimBlankLines(Example* example) {
  while (example->text.ends_with("\n\n")) example->text.pop_back();
}

}  // namespace

bool Example::Shows(std::string_view name) const {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool Example::Uses(std::string_view name) const {
  for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
    const size_t end = at + name.size();
    const bool begins = at == 0 || !IsWordCharacter(text[at - 1]);
    if (begins && (end == text.size() || !IsWordCharacter(text[end]))) return true;
  }
  return false;
}

std::string Example::Where() const {
  return fmt::format("examples/{}.lua:{}", page, line);
}

std::vector<Example> ReadExamples(const std::string& folder) {
  std::set<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".lua") paths.insert(entry.path());
  }
  std::vector<Example> examples;
  for (const auto& path : paths) ReadPage(path, &examples);
  for (Example& example : examples) TrimBlankLines(&example);
  return examples;
}

Runner::Runner() {
  const auto made = folder_.Make({.names = {"dns.example.net"}});
  std::filesystem::copy_file(made.certificate, folder_.path() + "/cert.pem");
  std::filesystem::copy_file(made.key, folder_.path() + "/key.pem");
  folder_.Write("tickets.key", std::string(160, 'k'));
  folder_.Write("acl.txt", "192.0.2.0/24\n2001:db8::/32\n");
  folder_.Write("tokens.txt", "");
  folder_.Write("example.org.zone",
                "$ORIGIN example.org.\n$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n"
                "@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.80\n");
  WriteStores();
  WriteDnscryptFiles();
  std::filesystem::create_directory(folder_.path() + "/conf.d");
  folder_.Write("conf.d/10-acl.conf", "addACL('198.51.100.0/24')\n");
}

// With the programs that operators make such files with.
void Runner::WriteStores() {
  const std::string folder = folder_.path() + "/";
  const std::string text = folder_.Write("names.cdb.txt", "+5,5:a key->value\n\n");
  Command("cdb -c " + folder + "names.cdb " + text);
  const auto lmdb = [&](const char* database, const char* pairs) {
    const std::string dump = folder_.Write(
        "names.mdb.txt",
        std::string("VERSION=3\nformat=print\ntype=btree\nHEADER=END\n") + pairs + "DATA=END\n");
    Command(std::string("mdb_load -n -s ") + database + " -f " + dump + " " + folder + "names.mdb");
  };
  lmdb("customers", " \\07example\\03org\\00\n north\n");
  lmdb("ranges", " \\c0\\00\\02\\ff\n \\c0\\00\\02\\00net\n");
  const std::string countries =
      folder_.Write("country.json", R"({"192.0.2.0/24": {"country": {"iso_code": "NL"}}})");
  Command("/usr/bin/python3 " BW_SOURCE_DIR "/tests/support/mmdb_writer.py " + folder +
          "country.mmdb < " + countries);
}

void Runner::WriteDnscryptFiles() {
  const std::string start = folder_.path() + "/";
  (void)dnscrypt::WriteProviderKeys({start + "provider.pub", start + "provider.key"});
  const auto provider = dnscrypt::ReadProviderSecret(start + "provider.key");
  uint32_t serial = 0;
  for (const std::string name : {"one", "two"}) {
    const auto made =
        dnscrypt::MakeCertificate(*provider, {.serial = ++serial,
                                              .valid_from = 946'684'800,     // in 2000
                                              .valid_until = 4'102'444'800,  // in 2100
                                              .suite = static_cast<dnscrypt::Suite>(serial)});
    (void)dnscrypt::WriteCertificate(made, {start + name + ".cert", start + name + ".key"});
  }
}

std::string Runner::Run(const Example& example) {
  if (example.console) return {};
  std::string text = example.text;
  for (size_t at = text.find(kFolder); at != std::string::npos; at = text.find(kFolder, at)) {
    text.replace(at, kFolder.size(), folder_.path() + "/");
    at += folder_.path().size();
  }
  const std::string path = folder_.Write("example.conf", text);
  ConfigBuilder builder;
  const auto loaded = Configuration::Load(path, builder, {.check = true, .strict = true});
  if (!loaded) return fmt::format("{}: {}", example.Where(), loaded.error());
  (*loaded)->RunExitCallbacks();
  (*loaded)->Maintenance();
  const auto warnings = (*loaded)->warnings();
  Runtime& runtime = (*loaded)->runtime();
  for (const auto& [function, names] : KnownOptions(runtime)) {
    options_[function].insert(names.begin(), names.end());
  }
  if (!warnings.empty()) return fmt::format("{}: {}", example.Where(), warnings.front());
  if (runtime.Counted(Metric::kLuaErrors) > 0) return example.Where() + ": a callback failed";
  return {};
}

std::vector<std::string> WithoutExample(const std::vector<Example>& examples) {
  std::vector<std::string> missing;
  const auto shown = [&](const std::string& owner, const std::string& name) {
    return std::any_of(examples.begin(), examples.end(), [&](const Example& example) {
      return example.Shows(owner) && example.Uses(name);
    });
  };
  ForEachFunction([&](const FunctionRow& row) {
    if (!shown(row.name, row.name)) missing.emplace_back(row.name);
  });
  ForEachClass([&](const ClassRow& row) {
    for (const FunctionRow& method : row.methods) {
      if (!shown(row.name, method.name))
        missing.push_back(fmt::format("{}:{}", row.name, method.name));
    }
    for (const AttributeRow& attribute : row.attributes) {
      if (!shown(row.name, attribute.name)) {
        missing.push_back(fmt::format("{}:{}", row.name, attribute.name));
      }
    }
  });
  return missing;
}

}  // namespace breakwater::lua::reference
