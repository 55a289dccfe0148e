#include "proxy/backend/udp_exchange.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "proxy/backend/backend_socket.h"
#include "proxy/backend/proxy_header.h"
#include "proxy/base/byte_writer.h"
#include "proxy/dns/header.h"
#include "proxy/dns/reply_match.h"

namespace breakwater {
namespace {

constexpr uint32_t kNone = ReplyTable::kNone;
constexpr size_t kMaxBatch = 128;
// A busy socket leaves the loop to others after so many batches; it is read again next turn.
constexpr int kMaxReceives = 8;

// What is left of a reply too long for its slot: header and question, TC set (RFC 2181, 9).
std::span<uint8_t> CutToQuestion(std::span<uint8_t> reply, size_t question_end) {
  dns::Header header(reply.data());
  header.Set(dns::kFlagTc, true);
  header.set_count(dns::Section::kAnswer, 0);
  header.set_count(dns::Section::kAuthority, 0);
  header.set_count(dns::Section::kAdditional, 0);
  return reply.first(question_end);
}

}  // namespace

struct UdpExchange::Socket {
  Socket(Loop& loop, UniqueFd fd, Poller::Callback callback)
      : poller(loop, std::move(fd), std::move(callback)) {}
  Poller poller;
  bool draining = false;
};

void UdpExchange::Batch::Clear() {
  messages.clear();
  bytes.clear();
}

UdpExchange::UdpExchange(ExchangeContext context, BackendPtr backend,
                         const UdpExchangeOptions& options)
    : context_(context),
      backend_(std::move(backend)),
      options_(options),
      table_(context.random),
      lanes_(std::max<size_t>(options.sockets, 1), kNone),
      hook_(context.loop.AtTurnEnd([this] { OnTurnEnd(); })) {}

UdpExchange::~UdpExchange() {
  context_.loop.RemoveHook(hook_);
  context_.loop.timers().Cancel(failure_timer_);
  context_.loop.timers().Cancel(renew_timer_);
}

Result<void> UdpExchange::Send(FlightId flight, uint8_t attempt, const OutgoingQuery& query) {
  const auto queued = Queue(flight, attempt, query);
  if (!queued) CountSendError();
  return queued;
}

void UdpExchange::CountSendError() {
  backend_->counters().send_errors.Add();
  context_.counters.Add(Metric::kDownstreamSendErrors);
}

Result<void> UdpExchange::Queue(FlightId flight, uint8_t attempt, const OutgoingQuery& query) {
  const std::span<const uint8_t> message = query.message;
  if (message.size() > kMaxQuery) return Fail(Error::kNoSpace);
  const auto header = ProxyHeaderFor(backend_->settings(), query.query);
  if (!header) return Fail(header.error());
  if (pending_.messages.size() >= kMaxBatch) SendWaiting();
  if (pending_.messages.empty()) {
    const auto socket = DrawSocket();
    if (!socket) return Fail(socket.error());
    pending_.socket = *socket;
  }
  const auto entry = table_.Add(pending_.socket, flight, attempt, message);
  if (!entry) return Fail(entry.error());
  const size_t offset = pending_.bytes.size();
  pending_.bytes.insert(pending_.bytes.end(), header->begin(), header->end());
  pending_.bytes.insert(pending_.bytes.end(), message.begin(), message.end());
  StoreU16(pending_.bytes.data() + offset + header->size(), table_.At(*entry).id);
  pending_.messages.push_back({*entry, offset, header->size() + message.size()});
  return Ok();
}

void UdpExchange::Cancel(FlightId flight, uint8_t attempt) {
  std::erase_if(failures_, [&](const Failure& failure) {
    return failure.flight == flight && failure.attempt == attempt;
  });
  const uint32_t entry = table_.FindAttempt(flight, attempt);
  if (entry == kNone) return;
  if (!table_.At(entry).sent) {
    for (Batch* batch : {&pending_, &kept_}) {
      for (Message& message : batch->messages) {
        if (message.entry == entry) message.entry = kNone;
      }
    }
  }
  table_.Remove(entry);
}

size_t UdpExchange::open_sockets() const {
  return static_cast<size_t>(std::count_if(sockets_.begin(), sockets_.end(),
                                           [](const auto& socket) { return socket != nullptr; }));
}

Result<uint16_t> UdpExchange::DrawSocket() {
  const size_t lane = context_.random.Below(static_cast<uint32_t>(lanes_.size()));
  if (lanes_[lane] != kNone) return static_cast<uint16_t>(lanes_[lane]);
  const auto opened = OpenSocket(lane);
  if (opened) return opened;
  // Out of descriptors or ports, perhaps: what is open serves.
  for (const uint32_t number : lanes_) {
    if (number != kNone) return static_cast<uint16_t>(number);
  }
  return opened;
}

Result<uint16_t> UdpExchange::OpenSocket(size_t lane) {
  auto fd = OpenConnectedUdp(backend_->settings());
  if (!fd) return Fail(fd.error());
  size_t number = 0;
  while (number < sockets_.size() && sockets_[number] != nullptr) ++number;
  if (number == sockets_.size()) sockets_.emplace_back();
  const auto id = static_cast<uint16_t>(number);
  auto socket = std::make_unique<Socket>(context_.loop, std::move(*fd),
                                         [this, id](bool readable, bool writable) {
                                           // The batch that waited for room goes at the end of this
                                           // turn.
                                           if (writable)
                                             sockets_[id]->poller.Watch({.readable = true});
                                           if (readable) OnReadable(id);
                                         });
  if (!socket->poller.valid()) return Fail(Error::kIo);
  socket->poller.Watch({.readable = true});
  sockets_[number] = std::move(socket);
  lanes_[lane] = id;
  if (renew_timer_ == 0) {
    renew_timer_ = context_.loop.timers().Add(
        context_.loop.now() + MonoTime::FromMs(options_.renew_ms), [this] { RenewOne(); });
  }
  return id;
}

void UdpExchange::OnTurnEnd() {
  SendWaiting();
  if (draining_ > 0) CloseDrained();
}

void UdpExchange::SendWaiting() {
  if (!kept_.messages.empty()) {
    Flush(kept_);
    GiveUp(kept_);
  }
  if (!pending_.messages.empty()) {
    Flush(pending_);
    if (!pending_.messages.empty()) {
      std::swap(pending_, kept_);
      sockets_[kept_.socket]->poller.Watch({.readable = true, .writable = true});
    }
    pending_.Clear();
  }
  // Not from here: what the sink sends in answer would wait for a turn that may be long in coming.
  if (!failures_.empty() && failure_timer_ == 0) {
    failure_timer_ = context_.loop.timers().Add(context_.loop.now(), [this] {
      failure_timer_ = 0;
      TellFailures();
    });
  }
}

// Sends all it can; what is left in the batch must wait for room.
void UdpExchange::Flush(Batch& batch) {
  std::erase_if(batch.messages, [](const Message& message) { return message.entry == kNone; });
  size_t sent = 0;
  int refusals = 0;
  while (sent < batch.messages.size()) {
    const int error = SendSome(batch, &sent);
    if (error == 0 || error == EINTR) continue;
    if (error == EAGAIN || error == ENOBUFS) break;
    if (error == ECONNREFUSED && ++refusals <= 4) {
      // Told of an earlier datagram; this one has not been sent yet.
      FailAll(batch.socket, FailureKind::kRefusedPort);
      continue;
    }
    FailEntry(batch.messages[sent].entry, FailureKind::kSend);
    CountSendError();
    ++sent;
  }
  batch.messages.erase(batch.messages.begin(),
                       batch.messages.begin() + static_cast<ptrdiff_t>(sent));
}

// One sendmmsg from message `*sent` on, which it moves; errno where the first one failed.
int UdpExchange::SendSome(Batch& batch, size_t* sent) {
  std::array<mmsghdr, kMaxBatch> headers;
  std::array<iovec, kMaxBatch> vectors;
  const size_t count = std::min(batch.messages.size() - *sent, kMaxBatch);
  for (size_t i = 0; i < count; ++i) {
    const Message& message = batch.messages[*sent + i];
    vectors[i] = {batch.bytes.data() + message.offset, message.length};
    headers[i] = {};
    headers[i].msg_hdr.msg_iov = &vectors[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
  const int done = sendmmsg(sockets_[batch.socket]->poller.fd(), headers.data(),
                            static_cast<unsigned>(count), 0);
  if (done < 0) return errno;
  for (int i = 0; i < done; ++i) {
    table_.At(batch.messages[*sent + static_cast<size_t>(i)].entry).sent = true;
  }
  *sent += static_cast<size_t>(done);
  return 0;
}

void UdpExchange::GiveUp(Batch& batch) {
  for (const Message& message : batch.messages) {
    FailEntry(message.entry, FailureKind::kSend);
    CountSendError();
  }
  batch.Clear();
}

void UdpExchange::OnReadable(uint16_t socket) {
  bool refused = false;
  for (int i = 0; i < kMaxReceives; ++i) {
    if (!ReceiveSome(socket, &refused)) break;
  }
  // Only now: replies that were waiting behind the error have been taken.
  if (refused) FailAll(socket, FailureKind::kRefusedPort);
  TellFailures();
}

// One recvmmsg; true where more may be waiting.
bool UdpExchange::ReceiveSome(uint16_t socket, bool* refused) {
  std::array<mmsghdr, ReplySlots::kCount> headers;
  std::array<iovec, ReplySlots::kCount> vectors;
  for (size_t i = 0; i < ReplySlots::kCount; ++i) {
    vectors[i] = {context_.slots.bytes[i].data(), ReplySlots::kSize};
    headers[i] = {};
    headers[i].msg_hdr.msg_iov = &vectors[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
  const int got = recvmmsg(sockets_[socket]->poller.fd(), headers.data(), ReplySlots::kCount,
                           MSG_DONTWAIT, nullptr);
  if (got < 0) {
    if (errno == ECONNREFUSED) *refused = true;
    // Reading an error clears it; only an empty socket ends the reading.
    return errno != EAGAIN;
  }
  for (int i = 0; i < got; ++i) {
    const auto at = static_cast<size_t>(i);
    const bool cut = (headers[at].msg_hdr.msg_flags & MSG_TRUNC) != 0;
    OnDatagram(socket, {context_.slots.bytes[at].data(), headers[at].msg_len},
               cut ? Length::kCut : Length::kWhole);
  }
  return static_cast<size_t>(got) == ReplySlots::kCount;
}

void UdpExchange::OnDatagram(uint16_t socket, std::span<uint8_t> reply, Length length) {
  const auto count_noncompliant = [this] {
    backend_->counters().noncompliant_responses.Add();
    context_.counters.Add(Metric::kNoncompliantResponses);
  };
  if (reply.size() < dns::kHeaderSize) return count_noncompliant();
  const uint32_t number = table_.Find(socket, dns::ConstHeader(reply.data()).id());
  if (number == kNone || !table_.At(number).sent) {
    context_.counters.Add(Metric::kUnmatchedReplies);
    return;
  }
  const ReplyTable::Entry& entry = table_.At(number);
  const dns::ReplyMatchOptions how{.allow_empty_response = options_.allow_empty_response};
  if (dns::MatchReply(entry.question, entry.name_length, reply, how) != dns::ReplyMatch::kMatch) {
    context_.counters.Add(Metric::kUnmatchedReplies);
    return count_noncompliant();
  }
  const bool has_question = dns::ConstHeader(reply.data()).count(dns::Section::kQuestion) == 1;
  if (length == Length::kCut) {
    reply = CutToQuestion(reply, has_question ? entry.question.size() : dns::kHeaderSize);
  }
  const FlightId flight = entry.flight;
  const uint8_t attempt = entry.attempt;
  table_.Remove(number);
  context_.sink.OnReply(flight, attempt, reply);
}

void UdpExchange::FailAll(uint16_t socket, FailureKind kind) {
  scratch_.clear();
  table_.CollectSent(socket, &scratch_);
  for (const uint32_t number : scratch_) FailEntry(number, kind);
}

void UdpExchange::FailEntry(uint32_t number, FailureKind kind) {
  const ReplyTable::Entry& entry = table_.At(number);
  failures_.push_back({entry.flight, entry.attempt, kind});
  table_.Remove(number);
}

void UdpExchange::TellFailures() {
  // One at a time: the sink may cancel others of them meanwhile.
  while (!failures_.empty()) {
    const Failure failure = failures_.back();
    failures_.pop_back();
    context_.sink.OnFailure(failure.flight, failure.attempt, failure.kind);
  }
}

void UdpExchange::Retire(size_t lane) {
  if (lanes_[lane] == kNone) return;
  sockets_[lanes_[lane]]->draining = true;
  lanes_[lane] = kNone;
  ++draining_;
}

void UdpExchange::RenewAll() {
  for (size_t lane = 0; lane < lanes_.size(); ++lane) Retire(lane);
}

void UdpExchange::RenewOne() {
  renew_timer_ = 0;
  for (size_t tried = 0; tried < lanes_.size(); ++tried) {
    const size_t lane = next_renewal_++ % lanes_.size();
    if (lanes_[lane] == kNone) continue;
    Retire(lane);
    break;
  }
  CloseDrained();
  // Where nothing is sent, all sockets close one by one, and the timer rests.
  if (open_sockets() == 0) return;
  renew_timer_ = context_.loop.timers().Add(
      context_.loop.now() + MonoTime::FromMs(options_.renew_ms), [this] { RenewOne(); });
}

void UdpExchange::CloseDrained() {
  for (size_t i = 0; i < sockets_.size(); ++i) {
    if (sockets_[i] == nullptr || !sockets_[i]->draining) continue;
    if (table_.CountOn(static_cast<uint16_t>(i)) > 0) continue;
    sockets_[i].reset();
    --draining_;
  }
}

}  // namespace breakwater
