#include "proxy/net/neighbour_table.h"

#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "proxy/base/log.h"

namespace breakwater {
namespace {

bool IsLinkLocal(const std::array<uint8_t, 16>& address) {
  return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

// Four octets of IPv4 become ::ffff:a.b.c.d.
std::optional<std::array<uint8_t, 16>> Mapped(std::span<const uint8_t> octets) {
  std::array<uint8_t, 16> address{};
  if (octets.size() == 4) {
    address[10] = address[11] = 0xff;
  } else if (octets.size() != 16) {
    return std::nullopt;
  }
  std::copy(octets.begin(), octets.end(), address.end() - static_cast<ptrdiff_t>(octets.size()));
  return address;
}

// What one message says of a neighbour.
struct News {
  NeighbourTable::Key key;
  std::optional<MacAddress> mac;  // nothing: it has none, or none that is known to be right
};

std::optional<News> ReadNews(uint16_t type, std::span<const uint8_t> body) {
  ndmsg head;
  if (body.size() < sizeof(head)) return std::nullopt;
  std::memcpy(&head, body.data(), sizeof(head));
  if (head.ndm_family != AF_INET && head.ndm_family != AF_INET6) return std::nullopt;
  constexpr unsigned kUnknown = NUD_INCOMPLETE | NUD_FAILED | NUD_NOARP;
  const bool known = type == RTM_NEWNEIGH && (head.ndm_state & kUnknown) == 0;
  News news;
  bool has_address = false;
  auto rest = body.subspan(std::min<size_t>(NLMSG_ALIGN(sizeof(head)), body.size()));
  while (rest.size() >= sizeof(rtattr)) {
    rtattr attribute;
    std::memcpy(&attribute, rest.data(), sizeof(attribute));
    if (attribute.rta_len < sizeof(attribute) || attribute.rta_len > rest.size()) break;
    const auto value = rest.subspan(RTA_LENGTH(0), attribute.rta_len - RTA_LENGTH(0));
    if (attribute.rta_type == NDA_DST) {
      const auto address = Mapped(value);
      if (!address) return std::nullopt;
      news.key.address = *address;
      has_address = true;
    } else if (attribute.rta_type == NDA_LLADDR && known && value.size() == sizeof(MacAddress)) {
      std::copy(value.begin(), value.end(), news.mac.emplace().begin());
    }
    rest = rest.subspan(std::min<size_t>(RTA_ALIGN(attribute.rta_len), rest.size()));
  }
  if (!has_address) return std::nullopt;
  if (IsLinkLocal(news.key.address)) news.key.interface = static_cast<uint32_t>(head.ndm_ifindex);
  return news;
}

UniqueFd OpenSocket(uint32_t groups) {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl local{};
  local.nl_family = AF_NETLINK;
  local.nl_groups = groups;
  const int room = 1 << 20;
  if (fd.valid()) setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
  if (fd.valid() && bind(fd.get(), reinterpret_cast<sockaddr*>(&local), sizeof(local)) != 0) {
    fd.Reset();
  }
  return fd;
}

}  // namespace

NeighbourTable::Key NeighbourKey(const Address& host) {
  NeighbourTable::Key key;
  if (const auto address = Mapped(host.Raw())) key.address = *address;
  if (host.IsV6() && IsLinkLocal(key.address)) {
    sockaddr_in6 v6;
    std::memcpy(&v6, host.sockaddr_ptr(), sizeof(v6));
    key.interface = v6.sin6_scope_id;
  }
  return key;
}

std::optional<MacAddress> NeighbourTable::Find(const Address& host) {
  if (!wanted_.load(std::memory_order_relaxed)) Want();
  const Key key = NeighbourKey(host);
  Shard& shard = ShardOf(key);
  const ShardGuard guard(shard.lock);
  const auto found = shard.entries.find(key);
  if (found == shard.entries.end()) return std::nullopt;
  return found->second.mac;
}

NeighbourTable::Shard& NeighbourTable::ShardOf(const Key& key) {
  return shards_[absl::Hash<Key>()(key) % kShards];
}

void NeighbourTable::Set(const Key& key, const MacAddress& mac) {
  Shard& shard = ShardOf(key);
  const ShardGuard guard(shard.lock);
  if (shard.entries.size() >= kMost / kShards && !shard.entries.contains(key)) {
    errors_.Add();
    return;
  }
  shard.entries[key] = {.mac = mac, .dump = dump_};
}

void NeighbourTable::Erase(const Key& key) {
  Shard& shard = ShardOf(key);
  const ShardGuard guard(shard.lock);
  shard.entries.erase(key);
}

void NeighbourTable::EraseOlder() {
  for (Shard& shard : shards_) {
    const ShardGuard guard(shard.lock);
    absl::erase_if(shard.entries, [&](const auto& one) { return one.second.dump != dump_; });
  }
}

size_t NeighbourTable::size() const {
  size_t sum = 0;
  for (const Shard& shard : shards_) {
    const ShardGuard guard(shard.lock);
    sum += shard.entries.size();
  }
  return sum;
}

bool NeighbourTable::Take(std::span<const uint8_t> messages) {
  bool done = false;
  while (messages.size() >= sizeof(nlmsghdr)) {
    nlmsghdr head;
    std::memcpy(&head, messages.data(), sizeof(head));
    if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > messages.size()) {
      errors_.Add();
      break;
    }
    const auto body = messages.subspan(NLMSG_HDRLEN, head.nlmsg_len - NLMSG_HDRLEN);
    if (head.nlmsg_type == NLMSG_DONE || head.nlmsg_type == NLMSG_ERROR) {
      if (head.nlmsg_type == NLMSG_DONE) EraseOlder();
      done = true;
    } else if (head.nlmsg_type == RTM_NEWNEIGH || head.nlmsg_type == RTM_DELNEIGH) {
      if (const auto news = ReadNews(head.nlmsg_type, body)) {
        if (news->mac) {
          Set(news->key, *news->mac);
        } else {
          Erase(news->key);
        }
      }
    }
    messages = messages.subspan(std::min<size_t>(NLMSG_ALIGN(head.nlmsg_len), messages.size()));
  }
  return done;
}

void NeighbourTable::KeepIfWanted() {
  if (!wanted_.load(std::memory_order_relaxed) || thread_.joinable() || stopping_) return;
  stop_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  thread_ = std::thread([this] { Run(); });
}

void NeighbourTable::Stop() {
  stopping_ = true;
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  (void)!write(stop_.get(), &one, sizeof(one));
  thread_.join();
}

void NeighbourTable::Count(Counters& counters) {
  const uint64_t errors = errors_.Get();
  counters.Add(Metric::kNeighbourErrors, errors - std::exchange(told_errors_, errors));
}

void NeighbourTable::Run() {
  pthread_setname_np(pthread_self(), "bw/neighbours");
  bool told = false;
  while (!stopping_) {
    const MonoTime begun = clock_.Now();
    const UniqueFd socket = OpenSocket(RTMGRP_NEIGH);
    const bool asked = socket.valid() && Ask(socket.get());
    if (!asked && !std::exchange(told, true)) {
      LogWarning("neighbours", "cannot ask the kernel for hardware addresses: {}",
                 std::strerror(errno));
    }
    if (asked && Listen(socket.get())) return;
    errors_.Add();
    const int64_t left_ms = (begun + kLeastPause - clock_.Now()).ns / 1'000'000;
    pollfd stop{.fd = stop_.get(), .events = POLLIN, .revents = 0};
    poll(&stop, 1, static_cast<int>(std::max<int64_t>(left_ms, 0)));
  }
}

bool NeighbourTable::Ask(int socket) {
  struct {
    nlmsghdr header;
    ndmsg neighbour;
  } request{};
  ++dump_;
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof(ndmsg));
  request.header.nlmsg_type = RTM_GETNEIGH;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.neighbour.ndm_family = AF_UNSPEC;
  return send(socket, &request, request.header.nlmsg_len, 0) >= 0;
}

bool NeighbourTable::Listen(int socket) {
  while (!stopping_) {
    pollfd both[] = {{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                     {.fd = socket, .events = POLLIN, .revents = 0}};
    if (poll(both, 2, -1) < 0 && errno != EINTR) return false;
    if ((both[1].revents & (POLLIN | POLLERR)) == 0) continue;
    if (Receive(socket) == Received::kFailed) return false;
  }
  return true;
}

NeighbourTable::Received NeighbourTable::Receive(int socket) {
  std::array<uint8_t, 32 * 1024> buffer;
  sockaddr_nl from{};
  socklen_t from_size = sizeof(from);
  const ssize_t size = recvfrom(socket, buffer.data(), buffer.size(), 0,
                                reinterpret_cast<sockaddr*>(&from), &from_size);
  if (size < 0) return errno == EAGAIN || errno == EINTR ? Received::kMore : Received::kFailed;
  // Only the kernel is believed: it has the number 0.
  const bool end = from.nl_pid == 0 && Take({buffer.data(), static_cast<size_t>(size)});
  return end ? Received::kEnd : Received::kMore;
}

std::optional<MacAddress> AskForNeighbour(const Address& host) {
  constexpr int kPatienceMs = 1000;
  NeighbourTable table;
  const UniqueFd socket = OpenSocket(0);
  if (!socket.valid() || !table.Ask(socket.get())) return std::nullopt;
  pollfd readable{.fd = socket.get(), .events = POLLIN, .revents = 0};
  while (poll(&readable, 1, kPatienceMs) > 0) {
    if (table.Receive(socket.get()) != NeighbourTable::Received::kMore) break;
  }
  return table.Find(host);
}

}  // namespace breakwater
