#include "proxy/console/control_server.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <thread>
#include <vector>

#include "proxy/base/log.h"
#include "proxy/console/control_cipher.h"

namespace breakwater {
namespace {

constexpr size_t kMaxCommand = 1024 * 1024;
constexpr size_t kReadChunk = 16 * 1024;
constexpr int64_t kHandshakeMs = 10'000;
// A client that has only closed its side may still want the answer of a short command.
constexpr int64_t kGoneMs = 2'000;
constexpr int64_t kStopAgainMs = 100;

}  // namespace

// Runs what it is given, one after another, on a thread of its own.
class ControlServer::Helper {
 public:
  Helper() : thread_([this] { Work(); }) {}
  ~Helper() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  void Post(uint64_t connection, std::function<void()> job) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back({connection, std::move(job)});
    }
    wake_.notify_one();
  }
  // The job of a connection is not begun, or told to end. False where that has none.
  bool Stop(uint64_t connection, CommandRunner& runner) {
    const std::lock_guard lock(mutex_);
    if (running_ == connection) {
      runner.StopCommandOf(thread_.native_handle());
      return true;
    }
    std::erase_if(jobs_, [&](const Job& job) { return job.connection == connection; });
    return false;
  }

 private:
  struct Job {
    uint64_t connection;
    std::function<void()> run;
  };
  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      const Job job = std::move(jobs_.front());
      jobs_.pop_front();
      running_ = job.connection;
      lock.unlock();
      job.run();
      lock.lock();
      running_ = 0;
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  uint64_t running_ = 0;  // whose job runs, 0: none does
  bool stopping_ = false;
  std::thread thread_;
};

// One client: 24 bytes of nonce each way, then one command at a time.
class ControlServer::Connection {
 public:
  struct Peer {
    uint64_t id;
    Address address;
    std::string key;
    bool log;
  };

  Connection(ControlServer& owner, UniqueFd fd, Peer peer)
      : owner_(owner),
        peer_(std::move(peer)),
        fd_(fd.get()),
        poller_(owner.loop_, std::move(fd), [this](bool r, bool w) { OnReady(r, w); }) {
    if (peer_.log) LogInfo("console", "connection from {}", peer_.address.ToStringWithPort());
    poller_.Watch({.readable = true});
    timeout_ =
        owner_.loop_.timers().Add(owner_.loop_.now() + MonoTime::FromMs(kHandshakeMs), [this] {
          timeout_ = 0;
          owner_.Close(peer_.id);
        });
  }
  ~Connection() {
    StopTimeout();
    if (peer_.log) LogInfo("console", "{} is gone", peer_.address.ToStringWithPort());
  }

  void OnOutput(std::string_view text) {
    running_ = false;
    StopTimeout();
    output_ += cipher_->Seal(text);
    Proceed();
  }

 private:
  void OnReady(bool readable, bool) {
    if (readable && !Read()) {
      if (!running_) return owner_.Close(peer_.id);
      ended_ = true;
    }
    if (ended_ && running_ && timeout_ == 0) StopCommandIn(kGoneMs);
    Proceed();
  }

  // May end with the connection destroyed.
  void Proceed() {
    if (!Consume() || !Flush() || (ended_ && !running_ && output_.empty())) {
      return owner_.Close(peer_.id);
    }
    // While a command runs as well: that its client has gone is told this way.
    const bool room = input_.size() < kMaxCommand;
    poller_.Watch({.readable = !ended_ && output_.empty() && (room || !running_),
                   .writable = !output_.empty()});
  }

  void StopCommandIn(int64_t milliseconds) {
    timeout_ =
        owner_.loop_.timers().Add(owner_.loop_.now() + MonoTime::FromMs(milliseconds), [this] {
          timeout_ = 0;
          if (!owner_.StopCommand(peer_.id)) return owner_.Close(peer_.id);
          StopCommandIn(kStopAgainMs);
        });
  }

  bool Read() {
    uint8_t chunk[kReadChunk];
    const ssize_t got = recv(fd_, chunk, sizeof(chunk), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) ended_ = true;
    input_.insert(input_.end(), chunk, chunk + got);
    return true;
  }

  void Drop(size_t bytes) {
    input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(bytes));
  }

  // Takes whole messages out of the input until one starts a command. False: close.
  bool Consume() {
    if (!cipher_ && input_.size() >= kConsoleNonceSize && !Greet()) return false;
    while (cipher_ && !running_ && input_.size() >= kConsoleLengthSize) {
      const uint32_t size = ControlCipher::BoxSize(std::span(input_).first<kConsoleLengthSize>());
      if (size > kMaxCommand) return false;
      if (input_.size() < kConsoleLengthSize + size) break;
      std::string command;
      if (size > 0) {
        auto opened = cipher_->Open(std::span(input_).subspan(kConsoleLengthSize, size));
        if (!opened) {
          LogWarning("console", "{}: message does not decrypt, its key is another one",
                     peer_.address.ToStringWithPort());
          return false;
        }
        command = std::move(*opened);
      }
      Drop(kConsoleLengthSize + size);
      StopTimeout();
      Handle(std::move(command));
    }
    return true;
  }

  void Handle(std::string command) {
    // dnsdist's client sends an empty message first, to learn whether the keys agree.
    if (command.empty()) {
      output_ += cipher_->Seal("");
      return;
    }
    running_ = true;
    owner_.Run(peer_.id, std::move(command));
  }

  bool Greet() {
    ConsoleNonce theirs;
    std::copy_n(input_.begin(), theirs.size(), theirs.begin());
    Drop(theirs.size());
    const ConsoleNonce ours = RandomConsoleNonce();
    auto cipher = ControlCipher::Make(peer_.key, ours, theirs);
    if (!cipher) return false;
    cipher_ = std::make_unique<ControlCipher>(std::move(*cipher));
    output_.append(ours.begin(), ours.end());
    return Flush();
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

  void StopTimeout() {
    if (timeout_ != 0) owner_.loop_.timers().Cancel(timeout_);
    timeout_ = 0;
  }

  ControlServer& owner_;
  Peer peer_;
  int fd_;
  std::vector<uint8_t> input_;
  std::string output_;
  std::unique_ptr<ControlCipher> cipher_;  // null before the nonces were exchanged
  bool running_ = false;
  bool ended_ = false;
  TimerId timeout_ = 0;
  Poller poller_;
};

ControlServer::ControlServer(Loop& loop, CommandRunner& runner) : loop_(loop), runner_(runner) {}

ControlServer::~ControlServer() = default;

TextResult<void> ControlServer::Start(const Address& address) {
  const auto failure = [&](std::string_view what) {
    return Fail(fmt::format("console on {}: {}: {}", address.ToStringWithPort(), what,
                            std::strerror(errno)));
  };
  UniqueFd fd(socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return failure("cannot make a socket");
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(fd.get(), address.sockaddr_ptr(), address.sockaddr_length()) != 0) {
    return failure("cannot bind");
  }
  if (listen(fd.get(), 16) != 0) return failure("cannot listen");
  if (runner_.CurrentConfig()->settings.console_key.empty()) {
    LogWarning("console",
               "no key was set with setKey(): every connection to the console on {} "
               "will be refused (makeKey() makes a key)",
               address.ToStringWithPort());
  }
  Acceptor::Handlers handlers{
      [this](UniqueFd accepted, const Address& peer) { Admit(std::move(accepted), peer); }};
  listener_ = std::make_unique<Acceptor>(loop_, std::move(fd), std::move(handlers));
  return {};
}

Address ControlServer::address() const {
  Address address;
  socklen_t size = Address::kCapacity;
  if (listener_ != nullptr) getsockname(listener_->fd(), address.mutable_sockaddr(), &size);
  return address;
}

size_t ControlServer::connections() const {
  return connections_.size();
}

std::string ControlServer::RefusalOf(const Address& peer, const Config& config) const {
  const Settings& settings = config.settings;
  if (settings.console_key.empty()) return "no key was set with setKey()";
  if (!config.console_acl.Matches(peer)) return "not on the console's access list";
  if (settings.console_max_connections > 0 &&
      connections_.size() >= settings.console_max_connections) {
    return fmt::format("there are {} connections already", connections_.size());
  }
  return {};
}

void ControlServer::Admit(UniqueFd fd, const Address& peer) {
  const ConfigPtr config = runner_.CurrentConfig();
  const std::string refusal = RefusalOf(peer, *config);
  if (!refusal.empty()) {
    LogWarning("console", "connection from {} refused: {}", peer.ToStringWithPort(), refusal);
    return;
  }
  const uint64_t id = next_id_++;
  Connection::Peer about{id, peer, config->settings.console_key,
                         config->settings.console_connections_logging};
  connections_[id] = std::make_unique<Connection>(*this, std::move(fd), std::move(about));
}

void ControlServer::Run(uint64_t connection, std::string command) {
  // With the first command: when Start() is called, privileges are still to be dropped, a thread at
  // a time.
  if (helper_ == nullptr) helper_ = std::make_unique<Helper>();
  // The server may be gone when the output comes; both are then on the loop's thread.
  helper_->Post(connection,
                [this, connection, command = std::move(command),
                 alive = std::weak_ptr<bool>(alive_), &loop = loop_, &runner = runner_] {
                  std::string output = runner.RunCommand(command);
                  loop.Post([this, connection, alive, output = std::move(output)] {
                    if (alive.expired()) return;
                    const auto found = connections_.find(connection);
                    if (found != connections_.end()) found->second->OnOutput(output);
                  });
                });
}

bool ControlServer::StopCommand(uint64_t connection) {
  return helper_->Stop(connection, runner_);
}

void ControlServer::Close(uint64_t connection) {
  connections_.erase(connection);
}

}  // namespace breakwater
