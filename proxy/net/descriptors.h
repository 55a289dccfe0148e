// How many descriptors the process may have, and which of them clients may take: some are kept
// back for the way to backends, health checks, console and files, so that a flood of connections
// never stops queries that come as datagrams. Any thread.
#pragma once

#include <cstddef>

namespace breakwater {

// RLIMIT_NOFILE as it is now.
size_t DescriptorLimit();

// Raises the limit as far as this process may (the soft limit to the hard one). Returns what it
// is then.
size_t RaiseDescriptorLimit();

// True for a client's descriptor with which those kept back would be touched: three eighths of the
// limit, of which UDP sockets to backends take two at most (SocketsPerBackend). The kernel gives
// the lowest number that is free, so the number tells how many are in use.
bool IsKeptBack(int fd);
// The same for a connection to a backend: an eighth of the limit is left for health checks, console
// and files.
bool IsKeptFromBackends(int fd);

}  // namespace breakwater
