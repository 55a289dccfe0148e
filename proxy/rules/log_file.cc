#include "proxy/rules/log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "proxy/base/left_out.h"

namespace breakwater {
namespace {

constexpr size_t kBufferSize = 64 * 1024;
constexpr MonoTime kFlushInterval = MonoTime::FromMs(1000);

std::string CannotOpen(const std::string& path) {
  return fmt::format("cannot open the log file \"{}\": {}", path,
                     errno == ENXIO ? "no program reads that pipe" : std::strerror(errno));
}

// Neither the opening of a pipe nor a write to it may wait for who reads it.
TextResult<UniqueFd> OpenFile(const std::string& path, int how) {
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | how, 0666));
  if (!fd.valid()) return Fail(CannotOpen(path));
  return fd;
}

}  // namespace

TextResult<std::shared_ptr<LogFile>> LogFile::Open(const std::string& path,
                                                   const LogFileOptions& options) {
  // Once it is moved away and opened anew nothing of what it holds may go, so all append.
  auto fd = OpenFile(path, O_APPEND | (options.append ? 0 : O_TRUNC));
  if (!fd) return Fail(std::move(fd.error()));
  return std::make_shared<LogFile>(path, options, std::move(*fd));
}

TextResult<void> LogFile::Check(const std::string& path) {
  if (access(path.c_str(), W_OK) == 0) return {};
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (errno == ENOENT && access(folder.c_str(), W_OK | X_OK) == 0) return {};
  return Fail(CannotOpen(path));
}

LogFile::LogFile(std::string path, const LogFileOptions& options, UniqueFd fd)
    : path_(std::move(path)), options_(options), file_(std::move(fd)) {}

LogFile::~LogFile() {
  AskToStop();
  if (thread_.joinable()) thread_.join();
  file_.With([&](UniqueFd& file) { Flush(file, clock_.Now()); });
}

void LogFile::Write(std::string_view record, MonoTime now) {
  bool by_thread = false, due = false, full = false;
  {
    const std::lock_guard lock(mutex_);
    full = for_old_.size() + waiting_.size() + record.size() > kMostWaiting;
    if (!full) waiting_.append(record);
    by_thread = running_;
    due = !options_.buffered || waiting_.size() >= kBufferSize ||
          (!by_thread && now >= flushed_ + kFlushInterval);
  }
  if (full) return Lost(now, "records come faster than they can be written");
  if (!due) return;
  if (by_thread) return wake_.notify_one();
  file_.With([&](UniqueFd& file) { Flush(file, now); });
}

void LogFile::Flush(UniqueFd& file, MonoTime now) {
  std::string bytes;
  UniqueFd next;
  {
    const std::lock_guard lock(mutex_);
    next = std::move(next_);
    bytes.swap(next.valid() ? for_old_ : waiting_);
    flushed_ = now;
  }
  WriteAll(file, bytes, now);
  if (!next.valid()) return;
  file = std::move(next);
  Flush(file, now);
}

void LogFile::WriteAll(const UniqueFd& file, std::string_view bytes, MonoTime now) {
  while (!bytes.empty()) {
    const ssize_t written = write(file.get(), bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN && !AwaitRoom(file)) {
      return Lost(now, "nobody reads it");
    } else if (errno != EINTR && errno != EAGAIN) {
      return Lost(now, std::strerror(errno));
    }
  }
}

bool LogFile::AwaitRoom(const UniqueFd& file) {
  constexpr int kTurnMs = 100;
  pollfd room{.fd = file.get(), .events = POLLOUT, .revents = 0};
  for (;;) {
    bool by_thread = false, last = false;
    {
      const std::lock_guard lock(mutex_);
      by_thread = running_;
      last = !running_ || stopping_ || next_.valid();
    }
    if (poll(&room, 1, by_thread ? kTurnMs : 0) > 0) return true;
    if (last) return false;
  }
}

void LogFile::Lost(MonoTime now, const char* reason) {
  write_errors_.Add();
  uint64_t suppressed = 0;
  if (limiter_.Allow(now, &suppressed)) {
    LogError("rules", "log file \"{}\": {}; records are lost{}", path_, reason,
             LeftOut(suppressed));
  }
}

TextResult<void> LogFile::OpenAnew() {
  auto fd = OpenFile(path_, O_APPEND);
  if (!fd) {
    write_errors_.Add();
    return Fail(fd.error() + "; the file that was open stays in use");
  }
  bool by_thread = false;
  {
    const std::lock_guard lock(mutex_);
    for_old_ += std::exchange(waiting_, {});
    next_ = std::move(*fd);
    by_thread = running_;
  }
  if (by_thread) {
    wake_.notify_one();
  } else {
    file_.With([&](UniqueFd& file) { Flush(file, clock_.Now()); });
  }
  return {};
}

void LogFile::Reopen() {
  if (auto opened = OpenAnew(); !opened) LogError("rules", "{}", opened.error());
}

void LogFile::Start() {
  const std::lock_guard lock(mutex_);
  if (running_ || stopping_) return;
  running_ = true;
  ended_ = false;
  thread_ = std::thread([this] { Run(); });
}

void LogFile::AskToStop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
}

void LogFile::Run() {
  pthread_setname_np(pthread_self(), "bw/log-file");
  const auto interval = std::chrono::nanoseconds(kFlushInterval.ns);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, interval, [this] {
      const size_t enough = options_.buffered ? kBufferSize : 1;
      return stopping_ || next_.valid() || waiting_.size() >= enough;
    });
    lock.unlock();
    file_.With([&](UniqueFd& file) { Flush(file, clock_.Now()); });
    lock.lock();
  }
  running_ = false;  // who comes now writes by itself
  ended_ = true;
}

void LogFile::Count(Counters& counters) {
  const uint64_t errors = write_errors_.Get();
  counters.Add(Metric::kLogFileErrors, errors - std::exchange(told_errors_, errors));
}

}  // namespace breakwater
