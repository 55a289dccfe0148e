#include "proxy/cache/flush_journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <unordered_set>
#include <utility>

#include "proxy/base/hash.h"
#include "proxy/base/hurried_thread.h"
#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/cache/flush_line.h"
#include "proxy/cache/snapshot_file.h"

namespace breakwater {
namespace {

constexpr std::string_view kMagic = "breakwater flushes 1\n";
constexpr uint64_t kSeed = 0x666c7573686573;  // of checksums: the same in each process
constexpr size_t kSumDigits = 16;

uint64_t SumOf(std::string_view text) {
  return HashBytes({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, kSeed);
}

// Without blanks and ends of lines; names of pools may hold anything.
std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && c != '%') {
      escaped += c;
    } else {
      escaped += fmt::format("%{:02x}", byte);
    }
  }
  return escaped;
}

std::optional<std::string> Unescaped(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    uint8_t byte = 0;
    const char* const digits = text.data() + i + 1;
    if (text.size() - i < 3) return std::nullopt;
    const auto [end, error] = std::from_chars(digits, digits + 2, byte, 16);
    if (error != std::errc() || end != digits + 2) return std::nullopt;
    plain += static_cast<char>(byte);
    i += 2;
  }
  return plain;
}

std::string Problem(const std::string& path) {
  return fmt::format("'{}': {}", path, std::strerror(errno));
}

bool WriteWhole(int fd, std::string_view text) {
  const ssize_t done = ::write(fd, text.data(), text.size());
  if (done >= 0 && done != std::ssize(text)) errno = ENOSPC;
  return done == std::ssize(text);
}

// Nothing, or a beginning that was cut off.
bool IsBegun(int fd, size_t size) {
  std::string text(std::min(size, kMagic.size()), '\0');
  if (size >= kMagic.size()) return false;
  return pread(fd, text.data(), text.size(), 0) == std::ssize(text) && kMagic.starts_with(text);
}

bool Serves(const NamedCache& cache, const std::vector<std::string>& pools) {
  return std::ranges::any_of(pools, [&](const std::string& pool) {
    return std::ranges::find(cache.pools, pool) != cache.pools.end();
  });
}

}  // namespace

std::string JournalLineOf(const JournalledFlush& flush) {
  std::string text = FlushLineOf(flush.flush);
  for (const std::string& pool : flush.pools) text += "\t" + Escaped(pool);
  return fmt::format("{:016x} {}\n", SumOf(text), text);
}

std::optional<JournalledFlush> ParseJournalLine(std::string_view line) {
  if (line.size() < kSumDigits + 2 || line[kSumDigits] != ' ') return std::nullopt;
  uint64_t sum = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + kSumDigits, sum, 16);
  line.remove_prefix(kSumDigits + 1);
  if (error != std::errc() || end != line.data() - 1 || sum != SumOf(line)) return std::nullopt;
  const auto parts = Split(line, '\t');
  const auto flush = ParseFlushLine(parts[0], {});
  if (!flush || !*flush || !(*flush)->hard) return std::nullopt;
  JournalledFlush journalled{.flush = **flush, .pools = {}};
  for (size_t i = 1; i < parts.size(); ++i) {
    auto pool = Unescaped(parts[i]);
    if (!pool) return std::nullopt;
    journalled.pools.push_back(std::move(*pool));
  }
  return journalled;
}

TextResult<void> FlushJournal::Open(const std::string& path) {
  State state{.path = path + ".flushes", .fd = {}};
  state.fd = UniqueFd(open(
      state.path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  struct stat status {};
  if (!state.fd.valid() || fstat(state.fd.get(), &status) != 0) return Fail(Problem(state.path));
  const bool ours = status.st_uid == geteuid() || status.st_uid == 0;
  if (!S_ISREG(status.st_mode) || !ours || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Fail(fmt::format("'{}': it must be a file of this user, that nobody else may write to",
                            state.path));
  }
  if (flock(state.fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return Fail(fmt::format("'{}': another process writes to it: give each its own snapshot path",
                            state.path));
  }
  state.size = static_cast<size_t>(status.st_size);
  if (IsBegun(state.fd.get(), state.size)) {
    if (ftruncate(state.fd.get(), 0) != 0) return Fail(Problem(state.path));
    if (!WriteWhole(state.fd.get(), kMagic)) return Fail(Problem(state.path));
    state.size = kMagic.size();
  }
  const auto text = ReadFrom(state, 0);
  if (!text) return Fail(text.error());
  if (!text->starts_with(kMagic)) {
    return Fail(fmt::format("'{}': it is no list of flushes: move it away", state.path));
  }
  // One that was cut off must not take the next with it.
  if (text->back() != '\n') {
    if (!WriteWhole(state.fd.get(), "\n")) return Fail(Problem(state.path));
    ++state.size;
  }
  SyncFolderOf(state.path);
  state_.With([&](State& held) { held = std::move(state); });
  is_open_ = true;
  if (!helper_.joinable()) helper_ = std::thread([this] { Run(); });
  return {};
}

TextResult<std::string> FlushJournal::ReadFrom(const State& state, size_t offset) {
  std::string text(state.size - std::min(offset, state.size), '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = pread(state.fd.get(), text.data() + done, text.size() - done,
                              static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(Problem(state.path));
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  text.resize(done);
  return text;
}

FlushJournal::~FlushJournal() {
  if (!helper_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  helper_.join();
}

void FlushJournal::Run() {
  pthread_setname_np(pthread_self(), "bw/flushes");
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || unsynced_; });
    if (!unsynced_) return;
    unsynced_ = false;
    const std::vector<std::string> lines = std::exchange(queue_, {});
    lock.unlock();
    size_t lost = 0;
    for (const std::string& line : lines) lost += Append(line) ? 0 : 1;
    if (lost > 0) {
      LogError("cache",
               "{} hard flushes of workers were not noted: after a crash they may have to "
               "be made again",
               lost);
    }
    Sync();
    lock.lock();
  }
}

// Of a copy of the descriptor: whoever notes something meanwhile does not wait.
void FlushJournal::Sync() {
  const UniqueFd fd(state_.With([](const State& state) {
    return state.fd.valid() ? fcntl(state.fd.get(), F_DUPFD_CLOEXEC, 0) : -1;
  }));
  if (!fd.valid() || fdatasync(fd.get()) == 0) return;
  LogError("cache", "hard flushes are noted, but not yet on the disk: {}", std::strerror(errno));
}

void FlushJournal::SyncSoon() {
  {
    const std::lock_guard lock(mutex_);
    unsynced_ = true;
  }
  wake_.notify_one();
}

bool FlushJournal::HandOn(std::string line) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= kMostQueued) {
      ++refused_;
      return false;
    }
    queue_.push_back(std::move(line));
    unsynced_ = true;
  }
  wake_.notify_one();
  return true;
}

bool FlushJournal::Note(const FlushRequest& flush, const std::vector<std::string>& pools) {
  if (!is_open_) return false;
  std::string line = JournalLineOf({.flush = flush, .pools = pools});
  // Who writes holds `state_`.
  if (IsThreadHurried()) return HandOn(std::move(line));
  const bool replays =
      state_.With([](const State& state) { return state.replayer == std::this_thread::get_id(); });
  if (replays) return true;
  if (!Append(line)) return false;
  SyncSoon();
  return true;
}

bool FlushJournal::Append(std::string_view line) {
  return state_.With([&](State& state) {
    if (!state.fd.valid()) return false;
    if (state.size + line.size() <= kMostBytes && WriteWhole(state.fd.get(), line)) {
      state.size += line.size();
      return true;
    }
    ++state.lost;
    // A part of it would take the next line with it.
    if (ftruncate(state.fd.get(), static_cast<off_t>(state.size)) != 0) state.fd.Reset();
    return false;
  });
}

uint64_t FlushJournal::lost() const {
  return state_.With([](const State& state) { return state.lost; }) + refused_;
}

FlushJournal::Replayed FlushJournal::Replay(std::span<const NamedCache> caches) {
  const std::string text = state_.With([](State& state) {
    state.replayer = std::this_thread::get_id();
    return state.fd.valid() ? ReadFrom(state, kMagic.size()).value_or("") : std::string();
  });
  Replayed replayed;
  std::unordered_set<std::string_view> seen;
  for (const std::string_view line : Split(text, '\n')) {
    if (line.empty() || !seen.insert(line).second) continue;
    const auto journalled = ParseJournalLine(line);
    if (!journalled) {
      ++replayed.damaged;
      continue;
    }
    ++replayed.flushes;
    const FlushRequest& flush = journalled->flush;
    if (flush.suffix && !flush.type) replayed.zones.push_back(flush.name);
    for (const NamedCache& cache : caches) {
      if (Serves(cache, journalled->pools)) (void)cache.cache->Flush(journalled->flush, "replay");
    }
  }
  state_.With([](State& state) { state.replayer = {}; });
  return replayed;
}

size_t FlushJournal::Mark() const {
  return state_.With([](const State& state) { return state.size; });
}

// Written beside its place and moved there: at each moment there is the old one or the new one.
TextResult<void> FlushJournal::Forget(size_t mark) {
  return state_.With([&](State& state) -> TextResult<void> {
    if (!state.fd.valid() || mark <= kMagic.size()) return {};
    const auto later = ReadFrom(state, mark);
    if (!later) return Fail(later.error());
    const std::string beside = state.path + ".new";
    (void)unlink(beside.c_str());  // whatever it is: what is made is ours alone
    UniqueFd fd(
        open(beside.c_str(), O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    const std::string text = std::string(kMagic) + *later;
    if (!fd.valid() || flock(fd.get(), LOCK_EX | LOCK_NB) != 0 || !WriteWhole(fd.get(), text) ||
        fdatasync(fd.get()) != 0 || rename(beside.c_str(), state.path.c_str()) != 0) {
      return Fail(Problem(beside));
    }
    SyncFolderOf(state.path);
    state.fd = std::move(fd);
    state.size = text.size();
    return {};
  });
}

}  // namespace breakwater
