// The web server: libmicrohttpd on a thread of its own. Each connection serves one request, which
// reads snapshots; one that changes the configuration waits until it has been published. Access
// list, limit and credentials are read from the newest configuration.
#pragma once

#include <memory>

#include "proxy/backend/server_rates.h"
#include "proxy/base/address.h"
#include "proxy/base/result.h"
#include "proxy/control/command_runner.h"
#include "proxy/control/control_target.h"

namespace breakwater {

class WebServer {
 public:
  // All must outlive it.
  WebServer(ControlTarget& target, CommandRunner& runner, const ServerRates& rates);
  ~WebServer();  // waits for the request being served
  WebServer(const WebServer&) = delete;
  WebServer& operator=(const WebServer&) = delete;

  // An address in use is an error that leaves nothing behind. Once.
  TextResult<void> Start(const Address& address);
  // The address listened on, with the port the kernel chose.
  Address address() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater
