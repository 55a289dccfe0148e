// From a request to its answer, without sockets: login, method, path, content. The order of the
// checks is dnsdist's (meaning-operation.md, "Web server and API"). Any thread.
#pragma once

#include "proxy/backend/server_rates.h"
#include "proxy/control/command_runner.h"
#include "proxy/control/control_target.h"
#include "proxy/control/web_message.h"

namespace breakwater {

class WebHandler {
 public:
  WebHandler(ControlTarget& target, CommandRunner& runner, const ServerRates& rates)
      : target_(target), runner_(runner), rates_(rates) {}
  WebResponse Handle(const WebRequest& request) const;

 private:
  WebResponse Answer(const WebRequest& request, const Config& config) const;
  WebResponse JsonStat(const WebRequest& request) const;
  WebResponse PoolPage(const WebRequest& request, const Config& config) const;
  WebResponse PurgeCache(const WebRequest& request, const Config& config) const;
  WebResponse AllowFrom(const WebRequest& request, const Config& config) const;

  ControlTarget& target_;
  CommandRunner& runner_;
  const ServerRates& rates_;
};

}  // namespace breakwater
