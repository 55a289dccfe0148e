// What the commands of the control socket do. Owned by the server, used on the control thread
// alone; every command is short and none waits for another thread: caches, backends, certificates
// and counters are thread-safe.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "proxy/control/control_request.h"
#include "proxy/control/control_socket.h"
#include "proxy/control/control_target.h"

namespace breakwater {

class ControlCommands {
 public:
  explicit ControlCommands(ControlTarget& target) : target_(target) {}
  ControlCommands(const ControlCommands&) = delete;
  ControlCommands& operator=(const ControlCommands&) = delete;

  // Carries out one request line; the reply is one line without its newline.
  std::string Handle(std::string_view line, const ControlCaller& caller);

 private:
  // A flush is made in every cache; the id told to the operator stands for all of them.
  struct Flushed {
    std::weak_ptr<PacketCache> cache;
    FlushId id = 0;
  };
  nlohmann::json Run(const ControlRequest& request);
  nlohmann::json Status() const;
  nlohmann::json Servers() const;
  nlohmann::json Zones(const ControlRequest& request) const;
  nlohmann::json SetServer(const ControlRequest& request);
  nlohmann::json Rules() const;
  nlohmann::json CacheStats() const;
  nlohmann::json Flush(const ControlRequest& request);
  nlohmann::json Undo(uint64_t id);
  nlohmann::json FlushState(uint64_t id) const;
  nlohmann::json ReloadAllCertificates();
  const std::vector<Flushed>* FindFlush(uint64_t id) const;

  ControlTarget& target_;
  uint64_t first_flush_ = 1;  // the id of flushes_.front()
  std::deque<std::vector<Flushed>> flushes_;
};

}  // namespace breakwater
