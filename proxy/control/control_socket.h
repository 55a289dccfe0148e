// The Unix control socket: one JSON request a line, one JSON reply a line, in order, as many as
// the peer likes on one connection (control_request.h). Who is at the other end is asked of the
// kernel when it connects (roles.h). Lives on the control thread's loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proxy/base/result.h"
#include "proxy/config/settings.h"
#include "proxy/control/roles.h"
#include "proxy/net/acceptor.h"

namespace breakwater {

struct ControlCaller {
  Role role = Role::kRead;
  std::string who;  // for the audit line: "uid=1000 user=alice pid=4711"
};

struct ControlReply {
  ControlReply(std::string line, MonoTime wait = {}) : text(std::move(line)), hold(wait) {}
  std::string text;  // one line without its newline
  // Sent only after so long, and nothing more is read of that peer meanwhile.
  MonoTime hold;
};

struct ControlSocketSettings {
  std::string path;
  uint32_t mode = 0660;
  std::string group;  // empty: the process's own
  size_t max_connections = 64;
  ControlAccess access{};
};
ControlSocketSettings ControlSocketSettingsOf(const Settings& settings);

class ControlSocket {
 public:
  // Answers one line; on the loop's thread, and soon. ControlCommands::Handle in the server.
  using Handler = std::function<ControlReply(std::string_view line, const ControlCaller& caller)>;

  // `loop` must outlive it. On the loop's thread, or before it runs.
  ControlSocket(Loop& loop, Handler handler, ControlSocketSettings settings);
  ~ControlSocket();  // removes the file, if it is still the one made here
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  // Binds and listens. A file left behind by a process that is gone is replaced; one that
  // somebody serves, or that is no socket, is an error.
  TextResult<void> Start();
  size_t connections() const;

 private:
  class Connection;
  TextResult<UniqueFd> Bind();
  TextResult<void> GiveToGroup();
  void Admit(UniqueFd fd);
  void Close(int fd);
  const std::string& UserName(uid_t uid);

  Loop& loop_;
  Handler handler_;
  ControlSocketSettings settings_;
  RoleTable roles_;
  std::map<uid_t, std::string> user_names_;  // looked up once each
  uint64_t inode_ = 0;                       // of the socket file; 0 before Start()
  std::unique_ptr<Acceptor> listener_;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;  // by descriptor
};

}  // namespace breakwater
