// Datagrams in batches: one system call for up to 64 received, one for all sent in a turn. Two
// interfaces, so that another packet source (AF_XDP) can stand in the kernel socket's place, and
// their kernel forms over recvmmsg and sendmmsg. Owned by a UDP listener or exchange, used on its
// worker's thread alone; neither owns the descriptor.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "proxy/base/address.h"

namespace breakwater {

inline constexpr size_t kMaxDatagram = 4096;  // longer ones are cut and marked
inline constexpr size_t kSlotHeadroom = 512;  // for what is added to a message in place
inline constexpr size_t kSlotSize = kMaxDatagram + kSlotHeadroom;

// One received datagram; the bytes lie in a slot of the batch, with room behind them.
struct Datagram {
  uint8_t* data = nullptr;
  size_t size = 0;
  size_t capacity = kSlotSize;
  Address from;
  Address local;           // the address it was sent to, port 0; unset where that was not asked for
  bool truncated = false;  // was longer than kMaxDatagram
};

class ReceiveBatch {
 public:
  struct Received {
    std::span<Datagram> datagrams;
    int error = 0;  // an errno, where the socket had one to tell (an ICMP message); 0 otherwise
  };
  static constexpr size_t kMost = 64;
  virtual ~ReceiveBatch() = default;
  // What is waiting, up to kMost datagrams; none is no error. Slots given out before are reused.
  virtual Received Receive() = 0;
};

class SendBatch {
 public:
  // What one Flush did. Messages are counted in the order added.
  enum class Outcome : uint8_t {
    kDone,  // every message has left or failed; the batch is empty, their memory is free
    kKept,  // the socket is full: the rest stays in the batch, and its memory in use
  };
  struct Failure {
    size_t index;  // of the message, counted from the first Add after the batch was empty
    int error;     // errno
  };
  static constexpr size_t kCapacity = 128;

  virtual ~SendBatch() = default;
  // Queues `bytes`, which must stay until the batch is empty again. `to` unset: the socket is
  // connected. `source` unset: the kernel chooses. The batch must not be full.
  virtual void Add(std::span<const uint8_t> bytes, const Address& to, const Address& source) = 0;
  virtual size_t size() const = 0;
  bool full() const { return size() == kCapacity; }
  // Sends. A failing message is skipped and told in failures().
  virtual Outcome Flush() = 0;
  // Gives up what is left of a kKept batch; returns how many messages that were.
  virtual size_t Discard() = 0;
  // Of the messages of this batch, until the next Add.
  virtual std::span<const Failure> failures() const = 0;
  // What an earlier datagram left behind on a connected socket (ECONNREFUSED), met by the last
  // Flush, which then sent all the same; 0 for nothing.
  virtual int earlier_error() const = 0;
};

// `wants_local`: the socket has IP_PKTINFO or IPV6_RECVPKTINFO on.
struct ReceiveBatchOptions {
  bool wants_local = false;
};

class KernelReceiveBatch : public ReceiveBatch {
 public:
  static constexpr size_t kSlots = kMost;
  KernelReceiveBatch(int fd, const ReceiveBatchOptions& options);
  Received Receive() override;

 private:
  // Room for one in6_pktinfo, the larger of the two kinds.
  struct alignas(cmsghdr) Control {
    uint8_t bytes[CMSG_SPACE(20)];
  };
  void Rearm(size_t used);

  // A line more than a slot needs: with 4,608 bytes the slots' beginnings would all fall into the
  // same eighth of the processor's first cache.
  static constexpr size_t kSlotDistance = kSlotSize + 64;

  int fd_;
  bool wants_local_;
  std::unique_ptr<uint8_t[]> memory_;
  std::array<Datagram, kSlots> datagrams_;
  std::array<mmsghdr, kSlots> headers_{};
  std::array<iovec, kSlots> vectors_{};
  std::array<Control, kSlots> controls_{};
};

class KernelSendBatch : public SendBatch {
 public:
  explicit KernelSendBatch(int fd);
  void Add(std::span<const uint8_t> bytes, const Address& to, const Address& source) override;
  size_t size() const override { return size_; }
  Outcome Flush() override;
  size_t Discard() override;
  std::span<const Failure> failures() const override { return failures_; }
  int earlier_error() const override { return earlier_error_; }

 private:
  struct alignas(cmsghdr) Control {
    uint8_t bytes[CMSG_SPACE(20)];
  };

  int fd_;
  size_t size_ = 0;
  size_t sent_ = 0;  // of size_: these have left or failed
  std::array<mmsghdr, kCapacity> headers_{};
  std::array<iovec, kCapacity> vectors_{};
  std::array<Address, kCapacity> addresses_;
  std::array<Control, kCapacity> controls_{};
  std::vector<Failure> failures_;
  int earlier_error_ = 0;
};

}  // namespace breakwater
