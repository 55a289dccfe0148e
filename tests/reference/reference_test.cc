#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/reference/pages.h"

namespace breakwater::lua::reference {
namespace {

constexpr const char* kFolder = BW_SOURCE_DIR "/lua/reference/";
constexpr const char* kHowTo = "run ./build/release/tests/write_reference and commit lua/reference";

std::string Read(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::set<std::string> ListedWithoutExample() {
  std::set<std::string> names;
  std::ifstream in(BW_SOURCE_DIR "/tests/repo_test/no_example.txt");
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t space = line.find(' ');
    EXPECT_NE(space, std::string::npos) << line << ": no_example.txt tells no reason";
    names.insert(line.substr(0, space));
  }
  return names;
}

TEST(Reference, EveryExampleRunsAndThePagesAreWhatTheBindingsSay) {
  const auto examples = ReadExamples(std::string(kFolder) + "examples");
  EXPECT_GT(examples.size(), 100U);
  Runner runner;
  for (const Example& example : examples) EXPECT_EQ(runner.Run(example), "");
  std::set<std::string> files;
  const auto pages =
      Render(examples, runner.options(), Read(BW_SOURCE_DIR "/tests/repo_test/not_bound.txt"));
  for (const auto& [name, text] : pages) {
    EXPECT_TRUE(Read(kFolder + name) == text) << "lua/reference/" << name << ": " << kHowTo;
    files.insert(name);
  }
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".md") continue;
    EXPECT_TRUE(files.contains(entry.path().filename()))
        << entry.path() << " is not a page any more: remove it";
  }
}

TEST(Reference, EveryNameHasAnExample) {
  const auto missing = WithoutExample(ReadExamples(std::string(kFolder) + "examples"));
  const std::set<std::string> listed = ListedWithoutExample();
  for (const std::string& name : missing) {
    EXPECT_TRUE(listed.contains(name))
        << name << ": write an example into lua/reference/examples, or list it in no_example.txt";
  }
  const std::set<std::string> found(missing.begin(), missing.end());
  for (const std::string& name : listed) {
    EXPECT_TRUE(found.contains(name))
        << name << " has an example, or is gone: take it from no_example.txt";
  }
}

TEST(Reference, ExamplesAreOnTheirPageAndUseWhatTheyName) {
  std::map<std::string, std::string> page_of;
  for (const Page& page : Pages()) {
    for (const FunctionRow* row : page.functions) page_of[row->name] = page.name;
    for (const ClassRow* row : page.classes) page_of[row->name] = page.name;
  }
  for (const Example& example : ReadExamples(std::string(kFolder) + "examples")) {
    EXPECT_NE(example.text, "") << example.Where();
    for (const std::string& name : example.names) {
      EXPECT_EQ(page_of[name], example.page) << example.Where() << ": " << name;
      EXPECT_TRUE(example.Uses(name) || FindClass(name)) << example.Where() << ": " << name;
    }
  }
}

}  // namespace
}  // namespace breakwater::lua::reference
