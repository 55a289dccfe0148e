#include "proxy/worker/flush_sources.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <chrono>
#include <utility>

#include "proxy/base/hash.h"
#include "proxy/base/left_out.h"
#include "proxy/cache/flush_number.h"
#include "proxy/worker/run_child.h"

namespace breakwater {

FlushSource::FlushSource(FlushSourceSettings settings, Flush flush)
    : settings_(std::move(settings)),
      flush_(std::move(flush)),
      name_(settings_.Name()),
      stop_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

FlushSource::~FlushSource() {
  Stop();
}

void FlushSource::Start() {
  // Here, so that no line is missed that comes once the server runs.
  if (!settings_.file.empty()) {
    file_ = std::make_unique<FlushFile>(settings_.file, settings_.state);
    if (const std::string note = file_->TakeNote(); !note.empty()) {
      LogInfo("flush", "{}: {}", name_, note);
    }
  }
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "bw/flush");
    Run();
  });
}

void FlushSource::Stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  eventfd_write(stop_fd_.get(), 1);
  thread_.join();
}

void FlushSource::Wait(MonoTime time) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, std::chrono::nanoseconds(time.ns), [this] { return stop_.load(); });
}

void FlushSource::Run() {
  while (!stop_) {
    bool more = false;
    if (file_ != nullptr) {
      more = ReadFile();
    } else {
      RunCommand();
    }
    if (!more) Wait(MonoTime::FromMs(settings_.interval_ms));
  }
}

bool FlushSource::ReadFile() {
  const auto news = file_->Read();
  if (!news) {
    read_failed_ = true;
    Tell(news.error());
    return false;
  }
  if (file_->missing() && !std::exchange(told_of_missing_, true)) {
    LogInfo("flush", "{}: there is no such file yet", name_);
  }
  std::string problem = Take(news->lines);
  // What was not done is read again by the next program; one that ends does not wait for it.
  undone_ = undone_ || !problem.empty();
  const auto saved = stop_ || undone_ ? TextResult<void>() : file_->Save();
  if (!saved) problem = "its place cannot be kept: " + saved.error();
  // Without lines nothing is known of flushes.
  if (!news->lines.empty() || !problem.empty() || read_failed_) Tell(problem);
  read_failed_ = !saved;
  return news->more;
}

void FlushSource::RunCommand() {
  LineCutter cutter;
  std::vector<NumberedLine> lines;
  const auto ran = RunChild(settings_.command,
                            {.timeout = MonoTime::FromMs(settings_.timeout_ms),
                             .max_output = settings_.max_output,
                             .stop_fd = stop_fd_.get()},
                            [&](std::string_view output) { cutter.Add(output, &lines); });
  if (stop_) return;
  // The last line of one that was killed may be half a name.
  if (ran) cutter.End(&lines);
  const std::string problem = Take(lines);
  Tell(ran ? problem : ran.error());
}

std::string FlushSource::Take(const std::vector<NumberedLine>& lines) {
  constexpr size_t kBatch = 1024;
  const SystemClock clock;
  std::vector<FlushRequest> flushes;
  std::string problem;
  for (const auto& [number, text] : lines) {
    const auto flush = ParseFlushLine(text, settings_.defaults);
    uint64_t suppressed = 0;
    if (!flush) {
      errors_.fetch_add(1, std::memory_order_relaxed);
      if (log_limiter_.Allow(clock.Now(), &suppressed)) {
        LogWarning("flush", "{}:{}: {}{}", name_, number, flush.error(), LeftOut(suppressed));
      }
    } else if (*flush) {
      flushes.push_back(**flush);
    }
    if (flushes.size() < kBatch) continue;
    if (std::string failed = Make(flushes); !failed.empty()) problem = std::move(failed);
    flushes.clear();
  }
  if (std::string failed = Make(flushes); !failed.empty()) problem = std::move(failed);
  return problem;
}

std::string FlushSource::Make(std::span<const FlushRequest> flushes) {
  if (flushes.empty()) return {};
  const SystemClock clock;
  for (size_t ready = 0; ready < flushes.size() && !stop_;) {
    if (budget_.Take(clock.Now())) {
      ++ready;
      continue;
    }
    if (!std::exchange(told_of_budget_, true)) {
      LogWarning("flush", "{}: more than {} flushes, and then {} a second: the rest waits", name_,
                 kBurst, kRate);
    }
    Wait(MonoTime::FromMs(100));
  }
  while (!stop_ && !flushes.empty()) {
    auto made = flush_(settings_, flushes);
    if (!made) return std::move(made.error());
    flushes_.fetch_add(made->count, std::memory_order_relaxed);
    flushes = flushes.subspan(made->count);
    if (made->count > 0) {
      LogInfo("flush", "{}: {} flushed, as flush {}", name_, made->count,
              FlushNumbersText(made->ids));
    }
    if (flushes.empty()) break;
    put_off_.fetch_add(1, std::memory_order_relaxed);
    if (!std::exchange(told_of_share_, true)) {
      LogWarning("flush",
                 "{}: it holds its share of the flushes that a cache remembers: the rest waits "
                 "until older ones are forgotten",
                 name_);
    }
    Wait(kShareWait);
  }
  return {};
}

void FlushSource::Tell(const std::string& problem) {
  if (!problem.empty()) errors_.fetch_add(1, std::memory_order_relaxed);
  if (problem == problem_) return;
  problem_ = problem;
  if (problem.empty()) {
    LogInfo("flush", "{}: works again", name_);
  } else {
    LogWarning("flush", "{}: {}", name_, problem);
  }
}

std::vector<FlushSourceSettings> WithStateFiles(std::vector<FlushSourceSettings> sources,
                                                const std::string& snapshot_path) {
  constexpr uint64_t kSeed = 0x736f75726365;  // the same in each process
  for (FlushSourceSettings& source : sources) {
    if (snapshot_path.empty() || source.file.empty() || !source.state.empty()) continue;
    const std::string what = fmt::format("{}\n{}\n{} {}", source.file, source.pool.value_or(""),
                                         source.defaults.suffix, source.defaults.hard);
    const uint64_t hash =
        HashBytes({reinterpret_cast<const uint8_t*>(what.data()), what.size()}, kSeed);
    source.state = fmt::format("{}.source-{:016x}", snapshot_path, hash);
  }
  return sources;
}

void FlushSources::Start(const std::vector<FlushSourceSettings>& sources,
                         const FlushSource::Flush& flush) {
  for (const FlushSourceSettings& settings : sources) {
    sources_.push_back(std::make_unique<FlushSource>(settings, flush));
  }
  for (const auto& source : sources_) source->Start();
}

void FlushSources::Stop() {
  for (const auto& source : sources_) source->Stop();
}

void FlushSources::Count(Counters& counters) {
  uint64_t flushes = 0;
  uint64_t errors = 0;
  uint64_t put_off = 0;
  for (const auto& source : sources_) {
    flushes += source->flushes();
    errors += source->errors();
    put_off += source->put_off();
  }
  counters.Add(Metric::kFlushSourceFlushes, flushes - std::exchange(flushes_, flushes));
  counters.Add(Metric::kFlushSourceErrors, errors - std::exchange(errors_, errors));
  counters.Add(Metric::kFlushShareRefused, put_off - std::exchange(put_off_, put_off));
}

}  // namespace breakwater
