// Messages to a thread that owns what others may not touch: a locked queue and a wake-up. Any
// thread posts; the owner drains between two messages of its own work, in order.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "proxy/base/guarded.h"

namespace breakwater {

class Mailbox {
 public:
  using Message = std::function<void()>;

  // `wake` is called after a post into an empty mailbox, on the poster's thread (uv_async_send).
  explicit Mailbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  void Post(Message message) {
    const bool was_empty = queue_.With([&](std::vector<Message>& queue) {
      queue.push_back(std::move(message));
      return queue.size() == 1;
    });
    if (was_empty) wake_();
  }

  // Runs what was posted so far; returns how many. Owner's thread only.
  size_t Drain() {
    std::vector<Message> taken;
    queue_.With([&](std::vector<Message>& queue) { taken.swap(queue); });
    for (Message& message : taken) message();
    return taken.size();
  }

 private:
  std::function<void()> wake_;
  Guarded<std::vector<Message>> queue_;
};

}  // namespace breakwater
