// dnsdist's encrypted console over TCP. Lives on the control thread's loop; a command runs on a
// helper thread (it may wait for the script thread as long as it likes) and its output comes back
// with Loop::Post, so that health checks and flushes go on meanwhile. The command of a client that
// is gone is stopped two seconds later.
//
// A connection is refused without a key in the configuration, outside the console's access list,
// and above the limit; all three are read from the newest configuration at each connection.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "proxy/base/result.h"
#include "proxy/control/command_runner.h"
#include "proxy/net/acceptor.h"

namespace breakwater {

class ControlServer {
 public:
  // Both must outlive it. Destroy it on the loop's thread, while `runner` still answers.
  ControlServer(Loop& loop, CommandRunner& runner);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // Listens; warns where no key is set. An address in use is an error that leaves nothing behind.
  TextResult<void> Start(const Address& address);
  // The address listened on, with the port the kernel chose.
  Address address() const;
  size_t connections() const;

 private:
  class Connection;
  class Helper;
  void Admit(UniqueFd fd, const Address& peer);
  // Nothing, or why not.
  std::string RefusalOf(const Address& peer, const Config& config) const;
  void Run(uint64_t connection, std::string command);
  // Nobody waits for its command any more: it is not begun, or made to fail. False: there is none.
  bool StopCommand(uint64_t connection);
  void Close(uint64_t connection);

  Loop& loop_;
  CommandRunner& runner_;
  std::unique_ptr<Acceptor> listener_;
  uint64_t next_id_ = 1;
  std::unordered_map<uint64_t, std::unique_ptr<Connection>> connections_;
  std::unique_ptr<Helper> helper_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace breakwater
