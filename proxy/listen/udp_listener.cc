#include "proxy/listen/udp_listener.h"

#include <utility>

#include "proxy/listen/frontend_sockets.h"
#include "proxy/listen/proxied_client.h"
#include "proxy/net/proxy_signature.h"
#include "proxy/net/udp_socket.h"

namespace breakwater {
namespace {

// After so many datagrams at once more have come meanwhile: they are read without asking epoll.
constexpr size_t kBusyBatch = 8;
// Then the other sockets and the timers have their turn, a millisecond later at most.
constexpr int kMostBatches = 4;

// ReturnPath::a of a query whose Query::connection is a ProxiedDatagram; 0 of all others.
constexpr uint64_t kProxied = 1;

// Where the answer goes: the query itself names the client, not the proxy that sent it.
struct ProxiedDatagram : ConnectionInfo {
  Address peer;
  Address asked;
};

}  // namespace

TextResult<std::unique_ptr<UdpListener>> UdpListener::Open(ListenContext& context,
                                                           std::shared_ptr<Frontend> frontend,
                                                           const SocketOptions& options) {
  auto fds = OpenFrontendSockets(frontend->settings, 1, options);
  if (!fds) return Fail(fds.error());
  return std::make_unique<UdpListener>(context, std::move(frontend),
                                       Source{std::move(fds->front())});
}

UdpListener::UdpListener(ListenContext& context, std::shared_ptr<Frontend> frontend, Source source)
    : context_(context),
      frontend_(std::move(frontend)),
      address_(LocalAddressOf(source.fd.get())),
      wildcard_(address_.IsWildcard()),
      in_(std::move(source.in)),
      out_(std::move(source.out)) {
  const int fd = source.fd.get();
  if (frontend_->dnscrypt != nullptr) {
    sealed_ = std::make_unique<SealedQueries>(context_, *frontend_);
  }
  if (in_ == nullptr) {
    in_ = std::make_unique<KernelReceiveBatch>(fd, ReceiveBatchOptions{.wants_local = wildcard_});
  }
  if (out_ == nullptr) out_ = std::make_unique<KernelSendBatch>(fd);
  queued_.reserve(SendBatch::kCapacity);
  poller_ =
      std::make_unique<Poller>(context_.loop, std::move(source.fd), [this](bool readable, bool) {
        if (readable && accepting_) OnReadable();
      });
  poller_->Watch({.readable = true});
  hook_ = context_.loop.AtTurnEnd([this] {
    // What was kept in this turn is for the next one.
    if (!std::exchange(kept_now_, false)) SendQueued();
  });
}

UdpListener::~UdpListener() {
  Close();
}

void UdpListener::StopAccepting() {
  accepting_ = false;
  if (poller_ != nullptr) poller_->Watch({.writable = kept_});
}

void UdpListener::Close() {
  if (poller_ == nullptr) return;
  StopAccepting();
  SendQueued();
  (void)out_->Discard();
  Release();
  context_.loop.RemoveHook(hook_);
  poller_.reset();
}

void UdpListener::OnReadable() {
  // Answers kept from the last turn lie in the slots that are about to be filled.
  if (kept_) SendQueued();
  for (int batches = 1; TakeBatch() >= kBusyBatch && batches < kMostBatches; ++batches) {
    SendQueued();
    if (kept_) {
      kept_now_ = true;
      return;
    }
  }
}

size_t UdpListener::TakeBatch() {
  const ReceiveBatch::Received received = in_->Receive();
  if (received.error != 0) context_.counters.Add(Metric::kUdpReceiveErrors);
  const MonoTime now = context_.loop.now();
  const NetmaskGroup* proxies = ProxiesOf(context_.settings, frontend_->settings);
  size_t taken = 0;
  for (const Datagram& datagram : received.datagrams) {
    QueryPtr query;
    if (proxies != nullptr && proxies->Matches(datagram.from)) {
      query = MakeProxied(datagram, now);
    } else if (MayAsk(datagram.from) && IsCompliant(datagram)) {
      query = MakeQuery(datagram, now);
    }
    if (query != nullptr && sealed_ != nullptr) query = Unseal(std::move(query));
    if (query != nullptr) taken_[taken++] = std::move(query);
  }
  context_.sink.OnQueries(std::span(taken_).first(taken));
  // Once a batch: all workers write this counter.
  frontend_->queries.Add(std::exchange(asked_, 0));
  return received.datagrams.size();
}

bool UdpListener::MayAsk(const Address& peer) {
  const NetmaskGroup* acl = context_.settings.acl;
  if (acl != nullptr && acl->Matches(peer)) return true;
  CountAclDrop(context_, peer);
  return false;
}

bool UdpListener::IsCompliant(const Datagram& datagram) {
  bool compliant = datagram.size >= dns::kHeaderSize && !datagram.truncated;
  if (compliant) {
    const dns::Header header = dns::ConstHeader(datagram.data);
    // What a PROXY header begins with has another opcode than a query, so queries are not compared.
    if (header.opcode() != dns::Opcode::kQuery && IsUnlistedHeader(datagram)) return false;
    ++asked_;
    // A reply sent to us must not be answered: two servers would talk for ever. What is sealed
    // begins otherwise.
    if (sealed_ == nullptr && header.Has(dns::kFlagQr)) {
      context_.counters.Add(Metric::kQueries);
      compliant = false;
    }
  }
  if (!compliant) {
    context_.counters.Add(Metric::kNoncompliantQueries);
    frontend_->noncompliant_queries.Add();
  }
  return compliant;
}

bool UdpListener::IsUnlistedHeader(const Datagram& datagram) {
  if (FindProxySignature({datagram.data, datagram.size}) != ProxySignature::kWhole) return false;
  CountUnlistedProxyHeader(context_, datagram.from);
  return true;
}

QueryPtr UdpListener::MakeQuery(const Datagram& datagram, MonoTime now) {
  QueryPtr query = context_.queries.Get();
  query->protocol = frontend_->settings.protocol;
  query->frontend = frontend_.get();
  query->target = this;
  query->client = datagram.from;
  query->local = address_;
  if (wildcard_ && datagram.local.IsSet()) {
    query->local = datagram.local;
    query->local.set_port(address_.port());
  }
  query->arrived = now;
  query->data = datagram.data;
  query->size = datagram.size;
  query->capacity = datagram.capacity;
  return query;
}

// The query begins behind the header, where it lies.
QueryPtr UdpListener::MakeProxied(Datagram datagram, MonoTime now) {
  ProxyParsed parsed =
      ParseProxyHeader({datagram.data, datagram.size}, context_.settings.max_proxy_header);
  if (parsed.status != ProxyParse::kWhole) {
    CountBadProxyHeader(context_, datagram.from);
    return nullptr;
  }
  if (!MayAskThroughProxy(context_, parsed.header)) return nullptr;
  datagram.data += parsed.size;
  datagram.size -= parsed.size;
  datagram.capacity -= parsed.size;
  if (!IsCompliant(datagram)) return nullptr;
  QueryPtr query = MakeQuery(datagram, now);
  if (!parsed.header.local) {
    auto proxied = std::make_shared<ProxiedDatagram>();
    proxied->proxy_values = std::move(parsed.header.values);
    proxied->peer = query->client;
    proxied->asked = query->local;
    query->client = parsed.header.source;
    query->local = parsed.header.destination;
    query->connection = std::move(proxied);
    query->path.a = kProxied;
  }
  return query;
}

QueryPtr UdpListener::Unseal(QueryPtr query) {
  switch (sealed_->Open(*query)) {
    case SealedQueries::Outcome::kQuery:
      return query;
    case SealedQueries::Outcome::kCertificates:
      Send(std::move(query));
      return nullptr;
    case SealedQueries::Outcome::kInvalid:
      break;
  }
  return nullptr;
}

void UdpListener::Send(QueryPtr query) {
  if (poller_ == nullptr || frontend_->muted.load(std::memory_order_relaxed)) return;
  if (sealed_ != nullptr) sealed_->SealInPlace(*query);
  if (out_->full()) {
    SendQueued();
    // Full twice over: the kernel takes nothing, and what is here was kept long enough.
    if (kept_) SendQueued();
  }
  const Address* to = &query->client;
  const Address* from = &query->local;
  if (query->path.a == kProxied) {
    const auto* proxied = static_cast<const ProxiedDatagram*>(query->connection.get());
    to = &proxied->peer;
    from = &proxied->asked;
  }
  out_->Add(query->message(), *to, wildcard_ ? *from : Address());
  queued_.push_back(std::move(query));
}

void UdpListener::Drop(QueryPtr query, DropReason) {
  query.reset();
}

bool UdpListener::Alive(const Query&) const {
  return poller_ != nullptr;
}

// What the kernel has no room for is kept for one turn; then it is dropped, for a late answer is
// worth little and its memory may be a receive slot.
void UdpListener::SendQueued() {
  if (queued_.empty()) return;
  const SendBatch::Outcome outcome = out_->Flush();
  size_t lost = 0;
  if (outcome == SendBatch::Outcome::kKept) {
    if (!kept_) {
      kept_ = true;
      poller_->Watch({.readable = accepting_, .writable = true});
      return;
    }
    lost = out_->Discard();
  }
  lost += out_->failures().size();
  if (lost > 0) context_.counters.Add(Metric::kUdpSendErrors, lost);
  frontend_->responses.Add(queued_.size() - lost);
  Release();
}

void UdpListener::Release() {
  queued_.clear();
  if (!kept_) return;
  kept_ = false;
  poller_->Watch({.readable = accepting_});
}

}  // namespace breakwater
