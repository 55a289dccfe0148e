#include "proxy/net/udp_batch.h"

#include <netinet/in.h>

#include <cerrno>
#include <cstring>

namespace breakwater {
namespace {

// The address a datagram was sent to. For IPv4 the "specific destination": that of the interface
// where the datagram went to a broadcast or multicast address, for nothing can be sent from those.
Address LocalOf(msghdr& header) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(c), sizeof(info));
      return Address::FromRaw(
          {reinterpret_cast<const uint8_t*>(&info.ipi_spec_dst), sizeof(info.ipi_spec_dst)});
    }
    if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(c), sizeof(info));
      sockaddr_in6 local{};
      local.sin6_family = AF_INET6;
      local.sin6_addr = info.ipi6_addr;
      if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) local.sin6_scope_id = info.ipi6_ifindex;
      return Address::FromSockaddr(reinterpret_cast<const sockaddr*>(&local), sizeof(local));
    }
  }
  return Address();
}

// Writes the control message that makes `source` the sender's address; returns its length.
size_t PutSource(const Address& source, uint8_t* control) {
  cmsghdr header{};
  uint8_t* const data = control + CMSG_LEN(0);
  if (source.IsV4()) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, source.Raw().data(), sizeof(info.ipi_spec_dst));
    header.cmsg_level = IPPROTO_IP;
    header.cmsg_type = IP_PKTINFO;
    header.cmsg_len = CMSG_LEN(sizeof(info));
    std::memcpy(data, &info, sizeof(info));
  } else {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, source.Raw().data(), sizeof(info.ipi6_addr));
    info.ipi6_ifindex = reinterpret_cast<const sockaddr_in6*>(source.sockaddr_ptr())->sin6_scope_id;
    header.cmsg_level = IPPROTO_IPV6;
    header.cmsg_type = IPV6_PKTINFO;
    header.cmsg_len = CMSG_LEN(sizeof(info));
    std::memcpy(data, &info, sizeof(info));
  }
  std::memcpy(control, &header, sizeof(header));
  return source.IsV4() ? CMSG_SPACE(sizeof(in_pktinfo)) : CMSG_SPACE(sizeof(in6_pktinfo));
}

static_assert(sizeof(in6_pktinfo) == 20 && sizeof(in_pktinfo) <= 20);

bool SocketIsFull(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

// Left behind on a connected socket by an earlier datagram; this one has not been tried.
bool IsEarlierError(int error) {
  return error == ECONNREFUSED;
}

}  // namespace

KernelReceiveBatch::KernelReceiveBatch(int fd, const ReceiveBatchOptions& options)
    : fd_(fd),
      wants_local_(options.wants_local),
      memory_(std::make_unique_for_overwrite<uint8_t[]>(kSlots * kSlotDistance)) {
  for (size_t i = 0; i < kSlots; ++i) {
    datagrams_[i].data = memory_.get() + i * kSlotDistance;
    vectors_[i] = {datagrams_[i].data, kMaxDatagram};
    msghdr& header = headers_[i].msg_hdr;
    header.msg_iov = &vectors_[i];
    header.msg_iovlen = 1;
    header.msg_name = datagrams_[i].from.mutable_sockaddr();
    if (wants_local_) header.msg_control = controls_[i].bytes;
  }
  Rearm(kSlots);
}

// The kernel writes the lengths it used over those it was given.
void KernelReceiveBatch::Rearm(size_t used) {
  for (size_t i = 0; i < used; ++i) {
    msghdr& header = headers_[i].msg_hdr;
    header.msg_namelen = Address::kCapacity;
    header.msg_controllen = wants_local_ ? sizeof(Control) : 0;
    header.msg_flags = 0;
  }
}

ReceiveBatch::Received KernelReceiveBatch::Receive() {
  int count;
  do {
    count = recvmmsg(fd_, headers_.data(), kSlots, MSG_DONTWAIT, nullptr);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return {{}, SocketIsFull(errno) ? 0 : errno};
  const size_t received = static_cast<size_t>(count);
  for (size_t i = 0; i < received; ++i) {
    Datagram& datagram = datagrams_[i];
    datagram.size = headers_[i].msg_len;
    datagram.capacity = kSlotSize;
    datagram.truncated = (headers_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
    if (wants_local_) datagram.local = LocalOf(headers_[i].msg_hdr);
  }
  Rearm(received);
  return {std::span(datagrams_).first(received), 0};
}

KernelSendBatch::KernelSendBatch(int fd) : fd_(fd) {
  for (size_t i = 0; i < kCapacity; ++i) {
    headers_[i].msg_hdr.msg_iov = &vectors_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
  }
  failures_.reserve(kCapacity);
}

void KernelSendBatch::Add(std::span<const uint8_t> bytes, const Address& to,
                          const Address& source) {
  if (size_ == 0) failures_.clear();
  const size_t i = size_++;
  vectors_[i] = {const_cast<uint8_t*>(bytes.data()), bytes.size()};
  msghdr& header = headers_[i].msg_hdr;
  header.msg_name = nullptr;
  header.msg_namelen = 0;
  header.msg_control = nullptr;
  header.msg_controllen = 0;
  if (to.IsSet()) {
    addresses_[i] = to;
    header.msg_name = addresses_[i].mutable_sockaddr();
    header.msg_namelen = to.sockaddr_length();
  }
  if (source.IsSet()) {
    header.msg_control = controls_[i].bytes;
    header.msg_controllen = PutSource(source, controls_[i].bytes);
  }
}

SendBatch::Outcome KernelSendBatch::Flush() {
  bool retried = false;
  earlier_error_ = 0;
  while (sent_ < size_) {
    const int count = sendmmsg(fd_, headers_.data() + sent_, static_cast<unsigned>(size_ - sent_),
                               MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0) {
      sent_ += static_cast<size_t>(count);
      retried = false;
      continue;
    }
    const int error = errno;
    if (error == EINTR) continue;
    if (SocketIsFull(error)) return Outcome::kKept;
    if (IsEarlierError(error) && !retried) {
      earlier_error_ = error;
      retried = true;
      continue;
    }
    // sendmmsg stops at a message the kernel refuses: that one alone is given up.
    failures_.push_back({sent_++, error});
    retried = false;
  }
  size_ = 0;
  sent_ = 0;
  return Outcome::kDone;
}

size_t KernelSendBatch::Discard() {
  const size_t left = size_ - sent_;
  size_ = 0;
  sent_ = 0;
  return left;
}

}  // namespace breakwater
