// What a rule may look at besides the query: the time, a random source, the pools, the counters.
// Lives on the worker's stack for one run of a chain.
#pragma once

#include <functional>

#include "proxy/base/counter.h"
#include "proxy/base/random.h"
#include "proxy/net/neighbour_table.h"
#include "proxy/pool/pool.h"
#include "proxy/query/client_subnet_edit.h"
#include "proxy/query/query.h"
#include "proxy/query/suspended.h"

namespace breakwater {

struct RuleContext {
  MonoTime now;
  Random& random;
  Counters& counters;
  PacketPool& packets;
  // Null for a name that is no pool.
  const std::function<const Pool*(std::string_view)>& find_pool;
  // Self-made answers get an OPT where the client sent one, of this UDP size.
  bool edns_on_self_answers = true;
  uint16_t self_answer_udp_size = 1232;
  // The server whose answer a response rule sees; null for hits and self-made answers.
  const BackendPtr* backend = nullptr;
  // Whether dr:restart() can be heeded: not where the answer is stored or on its way already.
  bool may_restart = true;
  // Null where nothing can be suspended.
  Suspender* suspender = nullptr;
  // What a client subnet is made of where rules said nothing of the query.
  ClientSubnetDefaults client_subnet{};
  // Of the hosts around this one; null where nobody can tell.
  NeighbourTable* neighbours = nullptr;
};

}  // namespace breakwater
