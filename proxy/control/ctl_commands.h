// What breakwaterctl does once its command line is read: asks the server, prints the answer.
#pragma once

#include <iosfwd>

#include "proxy/control/ctl_options.h"

namespace breakwater {

struct CtlOutput {
  std::ostream& out;
  std::ostream& err;
  bool progress = false;  // `err` is a terminal: show how far a list is
};

CtlExit RunCtl(const CtlOptions& options, const CtlOutput& output);

}  // namespace breakwater
