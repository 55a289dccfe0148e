// Writes lua/reference/*.md anew.
#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "tests/reference/pages.h"

int main() {
  using namespace breakwater::lua::reference;
  const std::string root = BW_SOURCE_DIR;
  const auto examples = ReadExamples(root + "/lua/reference/examples");
  Runner runner;
  for (const Example& example : examples) {
    const std::string wrong = runner.Run(example);
    if (!wrong.empty()) fmt::print(stderr, "{}\n", wrong);
  }
  std::ostringstream not_bound;
  not_bound << std::ifstream(root + "/tests/repo_test/not_bound.txt").rdbuf();
  for (const auto& [name, text] : Render(examples, runner.options(), not_bound.str())) {
    std::ofstream out(root + "/lua/reference/" + name);
    out << text;
    if (!out.flush()) {
      fmt::print(stderr, "lua/reference/{}: cannot be written\n", name);
      return 1;
    }
  }
  return 0;
}
