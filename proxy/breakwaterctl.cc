// breakwaterctl: the operator's hand on the Unix control socket.
#include <unistd.h>

#include <iostream>

#include "proxy/control/ctl_commands.h"

int main(int argc, char** argv) {
  using breakwater::CtlExit;
  const auto options = breakwater::ParseCtlOptions(std::vector<std::string>(argv + 1, argv + argc));
  if (!options) {
    std::cerr << "breakwaterctl: " << options.error() << "\nbreakwaterctl --help tells more\n";
    return static_cast<int>(CtlExit::kUsage);
  }
  const breakwater::CtlOutput output{
      .out = std::cout, .err = std::cerr, .progress = isatty(STDERR_FILENO) != 0};
  return static_cast<int>(breakwater::RunCtl(*options, output));
}
