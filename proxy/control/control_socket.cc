#include "proxy/control/control_socket.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "proxy/base/log.h"
#include "proxy/control/audit_log.h"
#include "proxy/control/control_request.h"

namespace breakwater {
namespace {

constexpr size_t kReadChunk = 16 * 1024;
// A peer that does not read its replies is not read from either.
constexpr size_t kMaxPendingOutput = 1024 * 1024;
constexpr int kBacklog = 64;
constexpr size_t kMaxUserNames = 4096;

std::string SystemText(std::string_view what, const std::string& path) {
  return fmt::format("control socket {}: {}: {}", path, what, std::strerror(errno));
}

UniqueFd NewSocket() {
  return UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

TextResult<sockaddr_un> SocketAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return Fail(fmt::format("control socket '{}': the path must have 1 to {} characters", path,
                            sizeof(address.sun_path) - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// Removes the socket file of a process that is gone.
TextResult<void> RemoveStale(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return Fail(SystemText("cannot look at it", path));
  }
  if (!S_ISSOCK(status.st_mode)) {
    return Fail(fmt::format("control socket {}: a file that is no socket is in the way", path));
  }
  const UniqueFd probe = NewSocket();
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
      errno == EAGAIN) {
    return Fail(fmt::format("control socket {}: another process is serving it", path));
  }
  if (errno != ECONNREFUSED) return Fail(SystemText("cannot tell whether it is in use", path));
  if (unlink(path.c_str()) != 0) return Fail(SystemText("cannot remove the old one", path));
  return {};
}

TextResult<gid_t> GroupId(const std::string& name) {
  char buffer[16384];
  group entry{};
  group* found = nullptr;
  getgrnam_r(name.c_str(), &entry, buffer, sizeof(buffer), &found);
  if (found == nullptr) return Fail(fmt::format("there is no group '{}'", name));
  return found->gr_gid;
}

}  // namespace

ControlSocketSettings ControlSocketSettingsOf(const Settings& settings) {
  return {.path = settings.control_unix_path,
          .mode = settings.control_unix_mode,
          .group = settings.control_unix_group,
          .access = settings.control_access};
}

// One peer. Destroys itself through its owner when the peer goes or breaks the protocol.
class ControlSocket::Connection {
 public:
  Connection(ControlSocket& owner, UniqueFd fd, ControlCaller caller)
      : owner_(owner),
        caller_(std::move(caller)),
        fd_(fd.get()),
        poller_(owner.loop_, std::move(fd),
                [this](bool readable, bool writable) { OnReady(readable, writable); }) {
    poller_.Watch({.readable = true});
  }
  ~Connection() { owner_.loop_.timers().Cancel(hold_timer_); }

 private:
  void OnReady(bool readable, bool writable) {
    if (writable && !Flush()) return owner_.Close(fd_);
    if (readable && !Read()) return owner_.Close(fd_);
    AnswerLines();
    Continue();
  }
  void Continue() {
    if (!Flush()) return owner_.Close(fd_);
    const bool held = hold_timer_ != 0;
    const bool lines_wait = !held && HasLine();
    if (ended_ && output_.empty() && !held && !lines_wait) return owner_.Close(fd_);
    poller_.Watch({.readable = !ended_ && !held && !lines_wait && !IsFull(),
                   .writable = !output_.empty() || lines_wait});
  }
  bool HasLine() const { return input_.find('\n') != std::string::npos; }
  bool IsFull() const { return output_.size() >= kMaxPendingOutput; }

  // False when the connection is over.
  bool Read() {
    char chunk[kReadChunk];
    const ssize_t got = recv(fd_, chunk, sizeof(chunk), 0);
    if (got == 0) {
      ended_ = true;
      return true;
    }
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    input_.append(chunk, static_cast<size_t>(got));
    return true;
  }

  // Those for whose answers there is room; the rest wait until the peer has read.
  void AnswerLines() {
    size_t begin = 0;
    size_t end = 0;
    while (hold_timer_ == 0 && !IsFull() && (end = input_.find('\n', begin)) != std::string::npos) {
      ControlReply reply = owner_.handler_({input_.data() + begin, end - begin}, caller_);
      reply.text += '\n';
      begin = end + 1;
      if (reply.hold == MonoTime{}) {
        output_ += reply.text;
      } else {
        Hold(std::move(reply));
      }
    }
    input_.erase(0, begin);
    if (input_.size() > kMaxControlLine && !HasLine()) {
      output_ += R"({"ok":false,"code":"bad-request","error":"the request is too long"})";
      output_ += '\n';
      input_.clear();
      ended_ = true;
    }
  }

  void Hold(ControlReply reply) {
    hold_timer_ = owner_.loop_.timers().Add(owner_.loop_.now() + reply.hold,
                                            [this, text = std::move(reply.text)] {
                                              hold_timer_ = 0;
                                              output_ += text;
                                              AnswerLines();
                                              Continue();
                                            });
  }

  bool Flush() {
    size_t sent = 0;
    while (sent < output_.size()) {
      const ssize_t wrote = send(fd_, output_.data() + sent, output_.size() - sent, MSG_NOSIGNAL);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0 && errno == EAGAIN) break;
      if (wrote < 0) return false;
      sent += static_cast<size_t>(wrote);
    }
    output_.erase(0, sent);
    return true;
  }

  ControlSocket& owner_;
  ControlCaller caller_;
  int fd_;
  std::string input_;
  std::string output_;
  bool ended_ = false;      // nothing more is read; what is left of the output still goes out
  TimerId hold_timer_ = 0;  // a reply is held back
  Poller poller_;
};

ControlSocket::ControlSocket(Loop& loop, Handler handler, ControlSocketSettings settings)
    : loop_(loop), handler_(std::move(handler)), settings_(std::move(settings)) {}

size_t ControlSocket::connections() const {
  return connections_.size();
}

void ControlSocket::Close(int fd) {
  connections_.erase(fd);
}

ControlSocket::~ControlSocket() {
  struct stat status {};
  if (inode_ != 0 && lstat(settings_.path.c_str(), &status) == 0 && status.st_ino == inode_) {
    unlink(settings_.path.c_str());
  }
}

TextResult<UniqueFd> ControlSocket::Bind() {
  const std::string& path = settings_.path;
  const auto address = SocketAddress(path);
  if (!address) return Fail(address.error());
  if (auto clear = RemoveStale(path, *address); !clear) return Fail(clear.error());
  UniqueFd fd = NewSocket();
  if (!fd.valid()) return Fail(SystemText("cannot make a socket", path));
  // The file appears with the socket's own mode (less the umask): nobody else's until the group
  // is set, and nobody connects before listen().
  if (fchmod(fd.get(), 0600) != 0) return Fail(SystemText("cannot set the mode", path));
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0) {
    return Fail(SystemText("cannot bind", path));
  }
  if (auto given = GiveToGroup(); !given) return Fail(given.error());
  if (chmod(path.c_str(), settings_.mode) != 0)
    return Fail(SystemText("cannot set the mode", path));
  if (listen(fd.get(), kBacklog) != 0) return Fail(SystemText("cannot listen", path));
  return fd;
}

TextResult<void> ControlSocket::GiveToGroup() {
  const std::string& path = settings_.path;
  if (!settings_.group.empty()) {
    const auto group = GroupId(settings_.group);
    if (!group) return Fail(fmt::format("control socket {}: {}", path, group.error()));
    if (lchown(path.c_str(), static_cast<uid_t>(-1), *group) != 0) {
      return Fail(SystemText(fmt::format("cannot give it to group {}", settings_.group), path));
    }
  }
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return Fail(SystemText("cannot look at it", path));
  inode_ = status.st_ino;
  roles_ = MakeRoleTable(settings_.access, status.st_gid);
  return {};
}

TextResult<void> ControlSocket::Start() {
  auto fd = Bind();
  if (!fd) return Fail(fd.error());
  Acceptor::Handlers handlers{
      [this](UniqueFd accepted, const Address&) { Admit(std::move(accepted)); }};
  listener_ = std::make_unique<Acceptor>(loop_, std::move(*fd), std::move(handlers));
  return {};
}

const std::string& ControlSocket::UserName(uid_t uid) {
  if (user_names_.size() > kMaxUserNames) user_names_.clear();
  auto [known, is_new] = user_names_.try_emplace(uid);
  if (is_new) {
    char buffer[16384];
    passwd entry{};
    passwd* found = nullptr;
    getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found);
    known->second = AuditValue(found != nullptr ? found->pw_name : "");
  }
  return known->second;
}

void ControlSocket::Admit(UniqueFd fd) {
  const auto peer = ReadPeerCredentials(fd.get());
  if (!peer) return;
  const std::string who =
      fmt::format("uid={} user={} pid={}", peer->uid, UserName(peer->uid), peer->pid);
  if (connections_.size() >= settings_.max_connections) {
    LogWarning("control", "{}: connection refused, there are {} already", who, connections_.size());
    constexpr std::string_view kFull =
        "{\"ok\":false,\"code\":\"busy\",\"error\":\"too many connections\"}\n";
    (void)send(fd.get(), kFull.data(), kFull.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  const int number = fd.get();
  roles_.own_uid = geteuid();  // once privileges are dropped it is another
  ControlCaller caller{RoleOf(*peer, roles_), who};
  connections_[number] = std::make_unique<Connection>(*this, std::move(fd), std::move(caller));
}

}  // namespace breakwater
