#include "proxy/zone/watcher.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <set>

namespace breakwater {
namespace {

// A file is taken when whoever writes it closes it, or moves it here. That one is gone is for the
// looks to see.
constexpr uint32_t kContent = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ATTRIB;
constexpr uint32_t kMask = kContent | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr MonoTime kSoon = MonoTime::FromMs(1000);

// A new name may be a link to a file that is complete; one that is not is still being written.
bool IsComplete(const std::string& path, uint32_t mask) {
  if ((mask & IN_CREATE) == 0) return true;
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && (S_ISLNK(status.st_mode) || status.st_nlink > 1);
}

}  // namespace

ZoneWatcher::ZoneWatcher(ZoneStorePtr store)
    : store_(std::move(store)), directory_(store_, clock_, stop_) {}

ZoneWatcher::~ZoneWatcher() {
  Stop();
}

void ZoneWatcher::Start() {
  wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  events_ = UniqueFd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  thread_ = std::thread([this] { Run(); });
}

void ZoneWatcher::Stop() {
  if (!thread_.joinable()) return;
  stop_ = true;
  const uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
  thread_.join();
}

bool ZoneWatcher::AwaitFirstLook(MonoTime patience) {
  std::unique_lock lock(mutex_);
  return looked_.wait_for(lock, std::chrono::nanoseconds(patience.ns),
                          [this] { return has_looked_; });
}

void ZoneWatcher::Run() {
  pthread_setname_np(pthread_self(), "bw/zones");
  while (!stop_) {
    if (clock_.Now() >= next_look_) {
      // In this order, so that no change falls between the two.
      Watch();
      directory_.Look();
      next_look_ = clock_.Now() + MonoTime::FromSeconds(store_->settings().interval_s);
      TellFirstLook();
    }
    std::array<pollfd, 2> waits{pollfd{wake_.get(), POLLIN, 0}, pollfd{events_.get(), POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), WaitMs()) > 0 && waits[1].revents != 0) TakeEvents();
  }
}

void ZoneWatcher::TellFirstLook() {
  const std::lock_guard lock(mutex_);
  if (has_looked_) return;
  LogInfo("zones", "{}", store_->Describe());
  has_looked_ = true;
  looked_.notify_all();
}

int ZoneWatcher::WaitMs() const {
  const int64_t left = (next_look_ - clock_.Now()).ms() + 1;
  return static_cast<int>(std::clamp<int64_t>(left, 0, 1000));
}

// Again at every look: the directory may be another one of the same name by now. The same one
// gives the same number.
void ZoneWatcher::Watch() {
  const int watch = ::inotify_add_watch(events_.get(), store_->settings().path.c_str(), kMask);
  if (watch < 0 && errno != ENOENT && errno != ENOTDIR && !told_) {
    told_ = true;
    LogWarning("zones",
               "directory {} is looked at each {} s alone, the kernel tells no changes: {}",
               store_->settings().path, store_->settings().interval_s, std::strerror(errno));
  }
  if (watch_ >= 0 && watch_ != watch) (void)::inotify_rm_watch(events_.get(), watch_);
  watch_ = watch;
}

void ZoneWatcher::TakeEvents() {
  alignas(inotify_event) std::array<char, 64 * 1024> bytes;
  std::set<std::string> changed;
  bool look_soon = false;
  while (true) {
    const ssize_t got = ::read(events_.get(), bytes.data(), bytes.size());
    if (got <= 0) break;
    for (size_t at = 0; at < static_cast<size_t>(got);) {
      const auto* event = reinterpret_cast<const inotify_event*>(bytes.data() + at);
      at += sizeof(inotify_event) + event->len;
      if (event->len == 0) {
        look_soon = true;  // the directory is gone, or more happened than the kernel could tell
        continue;
      }
      const std::string name(event->name);
      // Others are of the directory that was here before.
      if (event->wd != watch_ || !ZoneDirectory::IsZoneFile(name)) continue;
      if (IsComplete(store_->settings().path + "/" + name, event->mask)) changed.insert(name);
    }
  }
  if (!changed.empty()) directory_.Changed({changed.begin(), changed.end()});
  if (look_soon) next_look_ = std::min(next_look_, clock_.Now() + kSoon);
}

}  // namespace breakwater
