// The exchanges of one worker: for each backend one over datagrams and one over streams, or the one
// to its zone files, made at first use. An exchange outlives its backend's place in the
// configuration until nothing sent through it is open any more.
#pragma once

#include <memory>

#include <absl/container/flat_hash_map.h>
#include "proxy/backend/udp_exchange.h"
#include "proxy/config/config.h"
#include "proxy/net/loop.h"
#include "proxy/worker/worker_path.h"

namespace breakwater {

class ExchangeSet {
 public:
  // `workers`: how many share the descriptors of the process.
  ExchangeSet(Loop& loop, Random& random, Counters& counters, size_t workers)
      : workers_(workers), loop_(loop), random_(random), counters_(counters) {}
  // Before the first For().
  void Connect(QuerySink& sink) { sink_ = &sink; }
  void UseConfig(const ConfigPtr& config);

  Exchange* For(const BackendPtr& backend, BackendTransport transport);
  // Fresh datagram sockets to the backend at their next use.
  void RenewSockets(const BackendPtr& backend);
  // Lets go of the exchanges of backends that have left the configuration and owe no answer.
  void Prune();
  size_t size() const { return pairs_.size(); }

 private:
  struct Pair {
    BackendPtr backend;
    std::unique_ptr<UdpExchange> datagram;
    std::unique_ptr<Exchange> stream;
    std::unique_ptr<Exchange> zones;  // in place of both
    bool gone = false;                // no longer in the configuration
  };
  std::unique_ptr<UdpExchange> MakeDatagram(const BackendPtr& backend);
  std::unique_ptr<Exchange> MakeStream(const BackendPtr& backend);
  ExchangeContext Context() { return {loop_, *sink_, counters_, random_, slots_}; }

  size_t workers_;
  Loop& loop_;
  Random& random_;
  Counters& counters_;
  ReplySlots slots_;
  QuerySink* sink_ = nullptr;
  ConfigPtr config_;
  absl::flat_hash_map<Backend*, Pair> pairs_;
};

}  // namespace breakwater
