// What the kernel knows about this process and its sockets, read from /proc when somebody asks.
// Any thread; a file that cannot be read gives zeros.
#pragma once

#include <cstdint>
#include <string_view>

namespace breakwater {

struct ProcessStats {
  uint64_t real_memory_bytes = 0;  // resident
  uint64_t fd_usage = 0;           // open descriptors
  uint64_t cpu_user_ms = 0;
  uint64_t cpu_sys_ms = 0;
  uint64_t cpu_iowait = 0;  // of the machine, in clock ticks
  uint64_t cpu_steal = 0;
};
ProcessStats ReadProcessStats();
// Memory that is this process's alone; slower than the rest, read for dumpStats() only.
uint64_t ReadSpecialMemoryBytes();

struct UdpErrors {
  uint64_t in_errors = 0, no_ports = 0, recvbuf_errors = 0, sndbuf_errors = 0, csum_errors = 0;
};
struct NetworkStats {
  UdpErrors udp, udp6;
  uint64_t tcp_listen_overflows = 0;
};
NetworkStats ReadNetworkStats();

// The parsers, apart so that tests can feed them. `table` is a file of /proc/net with a line of
// column names and one of values, both beginning with `prefix`; absent: 0.
uint64_t FindInTable(std::string_view table, std::string_view prefix, std::string_view column);
// `list` has one "name value" a line.
uint64_t FindInList(std::string_view list, std::string_view name);

}  // namespace breakwater
