// The examples of the reference: lua/reference/examples/PAGE.lua, each beginning with a line
//
//   -- @ NAME, NAME            a configuration of its own; what it gives to rules meets a packet
//   -- @ NAME, NAME (console)  lines for the console of a running proxy
//
// Files they name below /etc/breakwater/ exist while they run.
#pragma once

#include <string>
#include <vector>

#include "lua/known_options.h"
#include "lua/registry.h"
#include "tests/support/test_certificate.h"

namespace breakwater::lua::reference {

struct Example {
  std::string page;
  std::vector<std::string> names;  // of functions and classes
  std::string text;                // without the line above
  int line = 0;                    // of that line
  bool console = false;

  bool Shows(std::string_view name) const;
  // The name as a word of the text.
  bool Uses(std::string_view name) const;
  std::string Where() const;  // "examples/PAGE.lua:LINE"
};

std::vector<Example> ReadExamples(const std::string& folder);

// Runs configurations as --check-config --strict does.
class Runner {
 public:
  Runner();
  // Empty, or what is wrong. Console examples are not run, they need a proxy that runs.
  std::string Run(const Example& example);
  // What all the runs asked for.
  const KnownOptionsMap& options() const { return options_; }

 private:
  void WriteStores();
  void WriteDnscryptFiles();

  test::CertificateFolder folder_;
  KnownOptionsMap options_;
};

// Names of functions and "CLASS" or "CLASS:MEMBER" that no example shows.
std::vector<std::string> WithoutExample(const std::vector<Example>& examples);

}  // namespace breakwater::lua::reference
