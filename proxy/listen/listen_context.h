// What the listeners of one worker have in common: its loop, its pools, where queries go, and the
// settings in force. Owned by the worker, used on its thread alone; outlives its listeners.
#pragma once

#include <cstdint>
#include <functional>

#include "proxy/base/counter.h"
#include "proxy/base/netmask_tree.h"
#include "proxy/guard/client_limits.h"
#include "proxy/net/loop.h"
#include "proxy/query/query.h"
#include "proxy/query/query_sink.h"

namespace breakwater {

class StreamListener;
struct AcceptedConnection;

// The part of the configuration that listeners read. The worker overwrites it in place when it
// picks up a newer configuration; `acl` points into the one it holds.
struct ListenSettings {
  const NetmaskGroup* acl = nullptr;  // null: nobody may ask
  uint32_t tcp_recv_timeout_s = 2;    // 0 in any of these: no limit
  uint32_t tcp_send_timeout_s = 2;
  uint32_t max_tcp_queries_per_connection = 0;
  uint32_t max_tcp_connection_duration_s = 0;
  uint32_t max_tcp_queued_connections = 10'000;
  uint32_t max_read_ios_per_query = 50;
  uint8_t overload_threshold_percent = 90;
  const NetmaskGroup* proxy_acl = nullptr;  // who sends PROXY headers; null: nobody
  uint32_t max_proxy_header = 512;          // bytes
  bool acl_for_proxied = false;             // `acl` counts for the client a header names, too
};

struct ListenContext {
  Loop& loop;
  QueryPool& queries;
  QuerySink& sink;
  Counters& counters;
  ClientLimits& limits;
  const ListenSettings& settings;

  // Offered each connection that was just accepted, before its first read. True: another worker
  // gets it (its listener's Adopt()), and what the second argument held was moved out.
  std::function<bool(StreamListener&, AcceptedConnection&)> hand_over{};
  // Connections handed over and not yet adopted, over all workers; null where none ever are.
  SharedCounter* queued_connections = nullptr;
};

// Who is in no access list that counts; verbose mode tells of each.
void CountAclDrop(ListenContext& context, const Address& client);

}  // namespace breakwater
