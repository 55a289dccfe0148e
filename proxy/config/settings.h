// Every scalar of the configuration, with dnsdist's defaults. One setter of the Lua interface
// each; part of the snapshot. `runtime` settings may be changed on the console, the others only
// while the configuration is read (lua/bind_settings.cc knows which).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/backend/drill_settings.h"
#include "proxy/backend/zone_health.h"
#include "proxy/base/side_task.h"
#include "proxy/cache/snapshot_settings.h"
#include "proxy/config/alert_settings.h"
#include "proxy/config/control_access.h"
#include "proxy/config/flush_source_settings.h"
#include "proxy/guard/client_limits.h"
#include "proxy/guard/dyn_block_settings.h"
#include "proxy/lookup/key_value_store.h"
#include "proxy/net/neighbour_table.h"
#include "proxy/observe/carbon_settings.h"
#include "proxy/observe/collector.h"
#include "proxy/observe/custom_metrics.h"
#include "proxy/observe/rings.h"
#include "proxy/pool/policy.h"
#include "proxy/query/suspended.h"
#include "proxy/rules/query_counts.h"

namespace breakwater {

struct Settings {
  // queries and answers
  uint32_t udp_timeout_ms = 2000;        // setUDPTimeout(seconds)
  bool servfail_when_no_server = false;  // setServFailWhenNoServer
  bool allow_empty_response = false;
  bool drop_empty_queries = false;
  bool truncate_tc = false;  // truncateTC: what a server truncated goes on without records
  bool add_edns_to_self_generated = true;
  uint16_t payload_size_on_self_generated = 1232;
  uint16_t max_udp_response_size = 0;  // 0: off
  bool ecs_override = false;
  uint8_t ecs_prefix_v4 = 24;
  uint8_t ecs_prefix_v6 = 56;
  uint32_t stale_cache_entries_ttl_s = 0;
  uint32_t cache_cleaning_delay_s = 60;
  uint32_t cache_cleaning_percentage = 100;
  double retry_budget_share = 0.1;
  ZoneHealthSettings zone_health;
  CacheSnapshotSettings cache_snapshot;
  std::vector<DrillSchedule> drills;  // addDrill
  // client streams
  uint32_t tcp_recv_timeout_s = 2;
  uint32_t tcp_send_timeout_s = 2;
  uint32_t max_tcp_queries_per_connection = 0;
  uint32_t max_tcp_connection_duration_s = 0;
  uint32_t max_tcp_queued_connections = 10000;
  ClientLimitSettings client_limits;
  // sockets
  uint32_t udp_receive_buffer = 0;  // 0: the system's maximum
  uint32_t udp_send_buffer = 0;
  uint32_t max_cached_tcp_connections = 10;  // per backend and worker
  uint32_t tcp_downstream_max_idle_ms = 300000;
  std::optional<std::array<uint32_t, 4>> tcp_fast_open_key;  // unset: the kernel's own
  // PROXY protocol from clients
  uint32_t proxy_max_payload = 512;   // octets of a header
  bool proxy_acl_to_proxied = false;  // the access list counts for the client that is named
  // connections over TLS and HTTPS to backends
  uint32_t tls_sessions_cleanup_s = 60;
  uint32_t tls_sessions_validity_s = 600;
  uint32_t tls_sessions_per_backend = 20;
  uint32_t doh_idle_connections = 10;  // per backend and worker
  uint32_t doh_downstream_max_idle_ms = 300000;
  RingSettings rings;  // setRingBuffersSize, setRingBuffersOptions
  DynBlockSettings dyn_blocks;
  // policies
  PolicySettings policies;
  // Lua
  uint32_t lua_lock_timeout_ms = 100;
  // setLuaBudget: what one callback for a packet or a health check may take; 0: no limit.
  uint32_t lua_budget_ms = 500;
  uint64_t lua_budget_bytes = 64 << 20;
  uint32_t lua_budget_instructions = 0;
  bool strict = false;
  // names and logs
  std::string server_id;
  bool verbose = false;
  bool verbose_health_checks = false;
  std::vector<CarbonServerSettings> carbon;  // carbonServer
  // newRemoteLogger and the like; kept running for as long as an action or Lua holds them.
  std::vector<std::weak_ptr<Collector>> collectors;
  // What rules have going beside the workers (TeeAction, LogAction), for as long as they hold it.
  std::vector<std::weak_ptr<SideTask>> side_tasks;
  // One for the life of the program, safe from any thread, never null.
  std::shared_ptr<NeighbourTable> neighbours = std::make_shared<NeighbourTable>();
  QueryCountSettings query_count;  // setQueryCount
  // declareMetric; one for the life of the program, safe from any thread, never null.
  std::shared_ptr<CustomMetrics> custom_metrics = std::make_shared<CustomMetrics>();
  // What dq:suspend() holds; as the above.
  std::shared_ptr<SuspendedTable> suspended = std::make_shared<SuspendedTable>();
  // Those that a helper thread keeps up with their files, for as long as a rule or Lua holds them.
  std::vector<std::weak_ptr<KeyValueStore>> stores;
  // console and control
  Address control_socket;   // unset: no console
  std::string console_key;  // raw 32 bytes; empty: refused
  bool console_connections_logging = true;
  uint32_t console_max_connections = 0;
  uint32_t console_output_max = 10'000'000;
  std::string control_unix_path;  // controlUnixSocket; empty: none
  uint32_t control_unix_mode = 0660;
  std::string control_unix_group;
  ControlAccess control_access;
  std::vector<FlushSourceSettings> flush_sources;  // addFlushSource
  AlertSettings alert;
  // process
  std::optional<uint32_t> workers;         // setWorkers; default one per CPU
  std::vector<int> retained_capabilities;  // addCapabilitiesToRetain: numbers of capabilities(7)
};

}  // namespace breakwater
