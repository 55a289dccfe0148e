// setAlertCommand: what is run when zones turn bad or good (control/alert_command.h). Part of the
// snapshot.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace breakwater {

struct AlertSettings {
  std::vector<std::string> command;  // program and arguments; empty: none is run
  // Between the beginnings of two runs; with gather_s it bounds how late the program is told.
  uint32_t interval_s = 8;
  uint32_t gather_s = 2;    // from a change to the run, so that it tells of those with it
  uint32_t timeout_s = 10;  // what is not done by then is killed
};

}  // namespace breakwater
