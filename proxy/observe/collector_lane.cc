#include "proxy/observe/collector_lane.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/base/log.h"
#include "proxy/net/begin_connect.h"

namespace breakwater {
namespace {

// Between two looks at the queue, so that a flood does not wake the thread for each message.
constexpr MonoTime kBreath = MonoTime::FromMs(5);
// A socket that has been full for so long belongs to a collector that takes nothing.
constexpr MonoTime kSlow = MonoTime::FromMs(200);

std::string ErrnoText(int error) {
  return std::strerror(error);
}

}  // namespace

CollectorLane::CollectorLane(const CollectorSettings& settings, std::string name)
    : settings_(settings), name_(std::move(name)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

CollectorLane::~CollectorLane() {
  AskToStop();
  if (thread_.joinable()) thread_.join();
}

void CollectorLane::Tell(std::string_view message) {
  const bool short_prefix = settings_.framing == CollectorFraming::kLength16;
  bool kept = false;
  bool notify = false;
  queue_.With([&](Queue& queue) {
    const size_t room = queue.taking ? std::max(settings_.queue_entries, Collector::kBurst)
                                     : settings_.queue_entries;
    if (stopping_ || queue.entries >= room || (short_prefix && message.size() > 0xffff) ||
        queue.bytes.size() + PrefixSize() + message.size() > Collector::kQueueBytes) {
      return;
    }
    for (size_t i = PrefixSize(); i-- > 0;) {
      queue.bytes.push_back(static_cast<char>(message.size() >> (8 * i)));
    }
    queue.bytes.append(message);
    kept = true;
    notify = ++queue.entries == queue.notify_at;
  });
  if (!kept) dropped_.Add();
  if (notify) {
    const uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof(one));
  }
}

void CollectorLane::Start() {
  if (thread_.joinable() || stopping_) return;
  ended_ = false;
  thread_ = std::thread([this] { Run(); });
}

void CollectorLane::AskToStop() {
  stopping_ = true;
  const uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof(one));
}

Collector::Counts CollectorLane::counts() const {
  return {sent_.Get(), dropped_.Get(), connect_failures_.Get()};
}

void CollectorLane::Run() {
  pthread_setname_np(pthread_self(), "bw/collector");
  // One that comes and goes is told of now and then.
  constexpr MonoTime kPauseOfTelling = MonoTime::FromSeconds(60);
  bool told = false;
  MonoTime next_telling;
  while (!stopping_) {
    TextResult<void> done = Connect();
    bool lived = false;
    if (done) {
      if (std::exchange(told, false)) LogInfo("collector", "{} takes messages again", name_);
      const MonoTime begun = clock_.Now();
      SetTaking(true);
      done = Serve();
      SetTaking(false);
      lived = clock_.Now() - begun > settings_.reconnect;
      if (done) Farewell();
    } else if (!stopping_) {
      connect_failures_.Add();
    }
    socket_.Reset();
    out_at_ = frame_at_;  // what was cut goes again
    if (stopping_) break;
    if (!done && !told && clock_.Now() >= next_telling) {
      told = true;
      next_telling = clock_.Now() + kPauseOfTelling;
      LogWarning("collector", "cannot send to {}: {}; what does not fit the queue is dropped",
                 name_, done.error());
    }
    if (lived) continue;
    const MonoTime end = clock_.Now() + settings_.reconnect;
    while (!stopping_ && clock_.Now() < end) Wait(0, end);
  }
  DropRest();
  ended_ = true;
}

CollectorLane::Event CollectorLane::Wait(short events, MonoTime end) {
  const int64_t left_ns = std::max<int64_t>((end - clock_.Now()).ns, 0);
  pollfd both[] = {{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                   {.fd = socket_.get(), .events = events, .revents = 0}};
  if (poll(both, socket_.valid() ? 2 : 1, static_cast<int>((left_ns + 999'999) / 1'000'000)) <= 0) {
    return Event::kTime;
  }
  if (both[0].revents != 0) {
    uint64_t count = 0;
    (void)!read(wake_.get(), &count, sizeof(count));
    if (both[1].revents == 0) return Event::kMessages;
  }
  return both[1].revents != 0 ? Event::kReady : Event::kTime;
}

TextResult<void> CollectorLane::AwaitSocket(short events, MonoTime end) {
  while (!stopping_ || clock_.Now() < farewell_end_) {
    if (Wait(events, stopping_ ? std::min(end, farewell_end_) : end) == Event::kReady) return {};
    if (clock_.Now() >= end) return Fail(std::string("it does not answer in time"));
  }
  return Fail(std::string("the server stops"));
}

TextResult<void> CollectorLane::Connect() {
  const MonoTime end = clock_.Now() + settings_.patience;
  const bool local = !settings_.unix_path.empty();
  sockaddr_un path{};
  path.sun_family = AF_UNIX;
  std::copy_n(settings_.unix_path.data(),
              std::min(settings_.unix_path.size(), sizeof(path.sun_path) - 1), path.sun_path);
  const sockaddr* const address =
      local ? reinterpret_cast<const sockaddr*>(&path) : settings_.server.sockaddr_ptr();
  const auto length =
      local ? static_cast<socklen_t>(sizeof(path)) : settings_.server.sockaddr_length();
  auto begun = BeginConnect(address, length);
  if (!begun) return Fail(std::move(begun.error()));
  socket_ = std::move(begun->socket);
  if (begun->pending) {
    if (auto ready = AwaitSocket(POLLOUT, end); !ready) return ready;
    if (auto done = FinishConnect(socket_.get()); !done) return done;
  }
  if (settings_.framing != CollectorFraming::kFrameStream) return {};
  if (auto sent = SendControl(ControlFrame::kReady, end); !sent) return sent;
  if (auto accepted = AwaitControl(ControlFrame::kAccept, end); !accepted) return accepted;
  return SendControl(ControlFrame::kStart, end);
}

TextResult<void> CollectorLane::SendControl(ControlFrame kind, MonoTime end) {
  const std::string frame = MakeControlFrame(kind);
  std::string_view left = frame;
  while (!left.empty()) {
    const ssize_t sent = send(socket_.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      left.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      if (auto ready = AwaitSocket(POLLOUT, end); !ready) return ready;
    } else if (errno != EINTR) {
      return Fail(ErrnoText(errno));
    }
  }
  return {};
}

TextResult<void> CollectorLane::AwaitControl(ControlFrame kind, MonoTime end) {
  std::array<uint8_t, kMostControlFrame> bytes;
  size_t size = 0;
  for (;;) {
    const ControlParse parsed = ParseControlFrame({bytes.data(), size}, kind);
    if (parsed == ControlParse::kWhole) return {};
    if (parsed == ControlParse::kBad) {
      return Fail(std::string("it does not speak Frame Streams of dnstap, both directions"));
    }
    if (auto ready = AwaitSocket(POLLIN, end); !ready) return ready;
    const ssize_t got = recv(socket_.get(), bytes.data() + size, bytes.size() - size, 0);
    if (got == 0) return Fail(std::string("it closed the connection"));
    if (got > 0) {
      size += static_cast<size_t>(got);
    } else if (errno != EAGAIN && errno != EINTR) {
      return Fail(ErrnoText(errno));
    }
  }
}

TextResult<void> CollectorLane::Serve() {
  MonoTime flushed = clock_.Now();
  for (;;) {
    const bool last = Stopping();
    Fetch();
    const bool due = out_.size() - out_at_ >= settings_.gather_bytes ||
                     out_entries_ >= settings_.gather_entries ||
                     clock_.Now() >= flushed + settings_.flush_after || last;
    if (due) {
      if (auto written = Write(); !written) return written;
      flushed = clock_.Now();
    }
    if (last) return {};
    if (auto there = AwaitMessages(flushed); !there) return there;
  }
}

bool CollectorLane::Stopping() {
  if (!stopping_) return false;
  if (farewell_end_ == MonoTime()) farewell_end_ = clock_.Now() + Collector::kFarewell;
  return true;
}

// A breath in which only a flood wakes it, then until enough of them have come together.
TextResult<void> CollectorLane::AwaitMessages(MonoTime flushed) {
  const MonoTime now = clock_.Now();
  const std::pair<size_t, MonoTime> steps[] = {
      {Collector::kBurst / 2, now + kBreath},
      {settings_.notify_entries,
       out_entries_ > 0 ? flushed + settings_.flush_after : now + settings_.flush_after}};
  for (const auto& [entries, end] : steps) {
    const bool enough = queue_.With([&](Queue& queue) {
      queue.notify_at = entries;
      return queue.entries >= entries;
    });
    Event event = enough ? Event::kMessages : Event::kTime;
    while (event == Event::kTime && !stopping_ && clock_.Now() < end) event = Wait(POLLIN, end);
    queue_.With([](Queue& queue) { queue.notify_at = 0; });
    if (event == Event::kReady) {
      if (auto there = ReadWhatComes(); !there) return there;
    }
    if (event == Event::kMessages && entries == settings_.notify_entries) break;
  }
  return {};
}

// Collectors have nothing to say after the handshake: this is how their end is seen at once.
TextResult<void> CollectorLane::ReadWhatComes() {
  std::array<uint8_t, 512> bytes;
  const ssize_t got = recv(socket_.get(), bytes.data(), bytes.size(), 0);
  if (got == 0) return Fail(std::string("it closed the connection"));
  if (got < 0 && errno != EAGAIN && errno != EINTR) return Fail(ErrnoText(errno));
  return {};
}

TextResult<void> CollectorLane::Write() {
  MonoTime last = clock_.Now();
  bool slow = false;
  while (out_at_ < out_.size()) {
    const ssize_t sent =
        send(socket_.get(), out_.data() + out_at_, out_.size() - out_at_, MSG_NOSIGNAL);
    const MonoTime now = clock_.Now();
    if (sent >= 0) {
      Advance(static_cast<size_t>(sent));
      last = now;
      if (std::exchange(slow, false)) SetTaking(true);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Fail(ErrnoText(errno));
    if (now - last >= Collector::kStallLimit) return Fail(std::string("it takes nothing"));
    if (Stopping() && now >= farewell_end_) return Fail(std::string("the server stops"));
    if (now - last >= kSlow && !std::exchange(slow, true)) SetTaking(false);
    Wait(POLLOUT, now + kSlow);
  }
  return {};
}

void CollectorLane::Advance(size_t written) {
  out_at_ += written;
  uint64_t whole = 0;
  while (frame_at_ < out_at_ && out_at_ - frame_at_ >= PrefixSize()) {
    size_t length = 0;
    for (size_t i = 0; i < PrefixSize(); ++i) {
      length = length << 8 | static_cast<uint8_t>(out_[frame_at_ + i]);
    }
    if (frame_at_ + PrefixSize() + length > out_at_) break;
    frame_at_ += PrefixSize() + length;
    ++whole;
  }
  sent_.Add(whole);
  out_entries_ -= whole;
  if (out_at_ < out_.size()) return;
  out_.clear();
  out_at_ = frame_at_ = 0;
}

void CollectorLane::Fetch() {
  if (out_.size() >= Collector::kQueueBytes) return;
  queue_.With([&](Queue& queue) {
    if (out_.empty()) {
      out_.swap(queue.bytes);
    } else {
      out_.append(queue.bytes);
      queue.bytes.clear();
    }
    out_entries_ += std::exchange(queue.entries, 0);
  });
}

void CollectorLane::SetTaking(bool taking) {
  queue_.With([&](Queue& queue) { queue.taking = taking; });
}

void CollectorLane::Farewell() {
  if (settings_.framing != CollectorFraming::kFrameStream) return;
  // A collector that does not confirm the end has the messages all the same.
  if (SendControl(ControlFrame::kStop, farewell_end_)) {
    (void)AwaitControl(ControlFrame::kFinish, farewell_end_);
  }
}

void CollectorLane::DropRest() {
  const size_t left = queue_.With([](Queue& queue) {
    queue.bytes.clear();
    return std::exchange(queue.entries, 0);
  });
  dropped_.Add(left + out_entries_);
  out_entries_ = 0;
}

}  // namespace breakwater
