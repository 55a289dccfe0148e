#include "proxy/control/carbon_sender.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "proxy/base/log.h"
#include "proxy/base/unique_fd.h"
#include "proxy/control/carbon_text.h"
#include "proxy/net/begin_connect.h"

namespace breakwater {

uint32_t CarbonDelay(const CarbonServerSettings& settings, unsigned failures) {
  constexpr uint32_t kMost = 600;
  if (failures == 0) return settings.interval_s;
  return failures > 10 ? kMost : std::min(kMost, uint32_t{1} << (failures - 1));
}

class CarbonSender::Export {
 public:
  Export(CarbonSender& owner, CarbonServerSettings settings)
      : owner_(owner),
        settings_(std::move(settings)),
        stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        thread_([this] { Run(); }) {}
  ~Export() {
    const uint64_t one = 1;
    (void)!write(stop_.get(), &one, sizeof(one));
    thread_.join();
  }

 private:
  void Run() {
    pthread_setname_np(pthread_self(), "bw/carbon");
    unsigned failures = 0;
    do {
      const auto sent = Send();
      if (sent) {
        owner_.exports_.Add();
        if (failures > 0) LogInfo("carbon", "{} takes metrics again", Name());
        failures = 0;
      } else if (!stopped_) {
        owner_.failures_.Add();
        if (failures++ == 0) LogWarning("carbon", "cannot send to {}: {}", Name(), sent.error());
      }
    } while (!Stopped(MonoTime::FromSeconds(CarbonDelay(settings_, failures))));
  }

  std::string Name() const { return settings_.server.ToStringWithPort(); }

  // Waits; true as soon as the thread is to end.
  bool Stopped(MonoTime patience) {
    pollfd stop{.fd = stop_.get(), .events = POLLIN, .revents = 0};
    while (!stopped_ && poll(&stop, 1, Milliseconds(patience)) < 0 && errno == EINTR) continue;
    stopped_ = stopped_ || (stop.revents & POLLIN) != 0;
    return stopped_;
  }
  static int Milliseconds(MonoTime time) {
    return static_cast<int>(std::max<int64_t>(time.ns, 0) / 1'000'000);
  }

  // Until the socket takes more; an error where that takes too long or the thread is to end.
  TextResult<void> AwaitWritable(int fd, MonoTime end) {
    pollfd both[] = {{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                     {.fd = fd, .events = POLLOUT, .revents = 0}};
    const int ready = poll(both, 2, Milliseconds(end - clock_.Now()));
    if (ready < 0 && errno != EINTR) return Fail(std::string(std::strerror(errno)));
    stopped_ = (both[0].revents & POLLIN) != 0;
    if (stopped_) return Fail(std::string("the server stops"));
    if (ready == 0) return Fail(std::string("it does not take the metrics in time"));
    return {};
  }

  TextResult<void> Send() {
    const MonoTime end = clock_.Now() + kPatience;
    auto begun = BeginConnect(settings_.server.sockaddr_ptr(), settings_.server.sockaddr_length());
    if (!begun) return Fail(std::move(begun.error()));
    const UniqueFd fd = std::move(begun->socket);
    if (begun->pending) {
      if (auto ready = AwaitWritable(fd.get(), end); !ready) return ready;
      if (auto done = FinishConnect(fd.get()); !done) return done;
    }
    const std::string text = CarbonText(owner_.target_, settings_, WallNow().seconds);
    std::string_view left = text;
    while (!left.empty()) {
      const ssize_t sent = send(fd.get(), left.data(), left.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        left.remove_prefix(static_cast<size_t>(sent));
        continue;
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return Fail(std::string(std::strerror(errno)));
      if (auto ready = AwaitWritable(fd.get(), end); !ready) return ready;
    }
    return {};
  }

  CarbonSender& owner_;
  const CarbonServerSettings settings_;
  SystemClock clock_;
  UniqueFd stop_;
  bool stopped_ = false;  // of the thread
  std::thread thread_;
};

CarbonSender::CarbonSender(const ControlTarget& target) : target_(target) {}

CarbonSender::~CarbonSender() {
  Stop();
}

void CarbonSender::Start(const Config& config) {
  running_ = true;
  UseConfig(config);
}

void CarbonSender::UseConfig(const Config& config) {
  if (!running_) return;
  const auto& servers = config.settings.carbon;
  while (list_.size() < servers.size()) {
    list_.push_back(std::make_unique<Export>(*this, servers[list_.size()]));
  }
}

void CarbonSender::Stop() {
  running_ = false;
  list_.clear();
}

void CarbonSender::Count(Counters& counters) {
  const auto add = [&](Metric metric, const SharedCounter& now, uint64_t& told) {
    const uint64_t count = now.Get();
    counters.Add(metric, count - std::exchange(told, count));
  };
  add(Metric::kCarbonExports, exports_, told_exports_);
  add(Metric::kCarbonExportFailures, failures_, told_failures_);
}

}  // namespace breakwater
