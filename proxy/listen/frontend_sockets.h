// Opens the sockets of a bind: one a worker, in order, before the workers' threads start and
// before privileges are dropped. The workers' listeners then take them over.
#pragma once

#include <cstddef>
#include <vector>

#include "proxy/net/socket_options.h"
#include "proxy/query/frontend.h"

namespace breakwater {

// The bind's own options over `common`, which has those of the whole configuration (buffers).
SocketOptions SocketOptionsOf(const FrontendSettings& settings, const SocketOptions& common = {});

// `count` sockets for the bind. Lines that repeat an address form one group: opened together,
// `count` being the workers of all its lines. All or none; the error says what to do.
TextResult<std::vector<UniqueFd>> OpenFrontendSockets(const FrontendSettings& settings,
                                                      size_t count,
                                                      const SocketOptions& common = {});

}  // namespace breakwater
