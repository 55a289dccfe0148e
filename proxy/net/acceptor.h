// Accepts connections on a listening stream socket, TCP or Unix: a number of them a turn, so that
// those open are not kept waiting by a flood. While no descriptor is free it rests: the socket
// stays readable then, and watching it would spin; clients wait in the kernel's queue meanwhile.
// Owned by a listener, on its loop's thread; may be destroyed within its own calls.
#pragma once

#include <functional>
#include <memory>

#include "proxy/base/address.h"
#include "proxy/net/loop.h"

namespace breakwater {

class Acceptor {
 public:
  struct Handlers {
    // Non-blocking, close-on-exec, and without Nagle's delay.
    std::function<void(UniqueFd fd, const Address& peer)> on_connection;
    // None could be accepted for want of descriptors or memory (errno); it tries again shortly.
    std::function<void(int error)> on_famine{};
  };

  // `socket` listens already; `loop` must outlive the acceptor.
  Acceptor(Loop& loop, UniqueFd socket, Handlers handlers);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  int fd() const { return poller_.fd(); }

 private:
  // Outlives the acceptor for as long as one of its calls runs.
  struct Shared {
    Handlers handlers;
    bool alive = true;
  };
  void OnReadable();
  void Rest(int error);

  Loop& loop_;
  std::shared_ptr<Shared> shared_;
  TimerId rest_ = 0;
  Poller poller_;
};

}  // namespace breakwater
