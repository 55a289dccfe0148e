#include "tests/reference/page_table.h"

#include "lua/async_objects.h"
#include "lua/bind_ffi.h"
#include "lua/bind_kernel_filters.h"
#include "lua/network_objects.h"
#include "lua/qps_limiter.h"
#include "lua/script_bindings.h"
#include "lua/stat_node.h"
#include "lua/web_pages.h"
namespace breakwater::lua::reference {
namespace {

std::vector<PageRow> TrafficPages() {
  return {
      {"listeners",
       "Listeners and access lists",
       "Where queries come in, and who may ask.",
       {ListenerFunctions()},
       {&BindClass()}},
      {"tls",
       "TLS",
       "DNS over TLS, and the certificates of all encrypted binds.",
       {TlsFunctions()},
       {&TlsFrontendClass(), &TlsContextClass(), &TlsCertificateClass()}},
      {"doh",
       "DNS over HTTPS",
       "Binds for HTTPS and their own pages.",
       {DohFunctions()},
       {&DohFrontendClass(), &DohResponseClass()}},
      {"dnscrypt",
       "DNSCrypt",
       "Binds for DNSCrypt, their keys and certificates.",
       {DnscryptFunctions()},
       {&DnscryptClass(), &DnscryptPairClass(), &DnscryptCertClass()}},
      {"servers",
       "Servers",
       "The nameservers behind the proxy and their health.",
       {BackendFunctions()},
       {&ServerClass()}},
      {"pools",
       "Pools",
       "Groups of servers. Each pool may have a packet cache.",
       {PoolFunctions()},
       {&PoolClass()}},

      {"caches",
       "Packet caches",
       "Caches, their snapshot on disk, and flushes.",
       {CacheFunctions(), FlushFunctions()},
       {&CacheClass()}},
      {"zones",
       "Zone files, health by zone, drills",
       "Servers of zone files, what is known of each zone, and drills with the standby.",
       {ZoneFunctions(), ZoneHealthFunctions(), DrillFunctions()},
       {}},
  };
}

std::vector<PageRow> RulePages() {
  return {
      {"policies",
       "Policies and Lua in rules",
       "Load balancing, and rules whose selector or action is a Lua function. The functions of the "
       "table ffi.C are in [ffi.md](ffi.md).",
       {PolicyFunctions(), FfiFunctions()},
       {&PolicyClass()}},

      {"rules",
       "Rules",
       "The chains of rules: a rule is a selector and an action.",
       {RuleFunctions(), QpsLimiterFunctions()},
       {&SelectorClass(), &ActionClass(), &ResponseActionClass(), &RuleClass(),
        &ResponseRuleClass(), &QpsLimiterClass()}},
      {"selectors",
       "Selectors",
       "Which queries or answers a rule is for.",
       {SelectorFunctions(), TimedIpSetFunctions()},
       {&TimedIpSetClass()}},
      {"actions",
       "Actions",
       "What a rule does with a query.",
       {ActionFunctions(), SvcFunctions(), NetworkActionFunctions()},
       {&SvcRecordClass()}},
      {"response_actions",
       "Response actions",
       "What a rule does with an answer.",
       {ResponseActionFunctions()},
       {}},
      {"question",
       "dq and dr",
       "The query or answer that a Lua function in a rule is given.",
       {},
       {&QuestionClass(), &ResponseClass(), &HeaderClass(), &EdnsOptionClass()}},
      {"asynchronous",
       "Suspended queries and threads",
       "Queries and answers that wait for a script, and threads of scripts.",
       {AsyncFunctions(), NetworkFunctions()},
       {&AsyncObjectClass(), &NetworkEndpointClass(), &NetworkListenerClass()}},
      {"packets",
       "Records of a packet",
       "A read-only view of a message and its records.",
       {PacketFunctions()},
       {&PacketOverlayClass(), &PacketRecordClass()}},
  };
}

std::vector<PageRow> OtherPages() {
  return {
      {"names",
       "Names",
       "Domain names, and sets of them.",
       {NameFunctions()},
       {&NameClass(), &NameSetClass(), &SuffixMatchNodeClass()}},
      {"addresses",
       "Addresses",
       "Addresses, networks, and sets of networks.",
       {AddressFunctions()},
       {&AddressClass(), &NetmaskClass(), &NetmaskGroupClass()}},
      {"settings",
       "Settings",
       "Limits, timeouts and behaviour of the whole proxy.",
       {SettingFunctions(), ProfileFunctions()},
       {}},
      {"control",
       "Control",
       "The console, the control socket, the web server, callbacks.",
       {ControlFunctions(), WebFunctions()},
       {&WebRequestClass(), &WebResponseClass()}},
      {"console",
       "Printing and logs",
       "help(), print() and lines for the log.",
       {ConsoleFunctions()},
       {}},
      {"statistics",
       "Statistics",
       "Counters, latency, and the latest queries.",
       {ObserveFunctions(), InspectFunctions()},
       {&RingEntryClass()}},
  };
}

std::vector<PageRow> MorePages() {
  return {
      {"ebpf",
       "Filters in the kernel",
       "eBPF: what is blocked is dropped before the proxy has it.",
       {KernelFilterFunctions()},
       {&KernelFilterClass(), &TimedKernelFilterClass()}},
      {"dynamic_blocks",
       "Dynamic blocks",
       "Clients and names that are blocked for a time, by what the rings tell.",
       {DynBlockFunctions(), DynBlockGroupFunctions()},
       {&DynBlockClass(), &DynBlockGroupClass(), &StatNodeClass(), &StatNodeStatsClass()}},
      {"stores",
       "Key-value stores",
       "LMDB, CDB and MMDB files in which rules look things up.",
       {StoreFunctions()},
       {&StoreClass(), &LookupKeyClass()}},
      {"metrics",
       "Metrics of one's own, and Carbon",
       "Counters and gauges that a configuration declares, and where all metrics are sent.",
       {CustomMetricFunctions()},
       {}},
      {"host",
       "The host",
       "Interfaces, neighbours, users, and what is hidden from others.",
       {HostFunctions()},
       {}},
      {"collectors",
       "Collectors",
       "Queries and answers told to others, in PowerDNS's protobuf and as dnstap.",
       {CollectorFunctions()},
       {&CollectorClass(), &ProtobufMessageClass(), &DnstapMessageClass()}},
      {"older",
       "Names of 1.7",
       "What dnsdist 1.7 has and 2.1 has not, for files and scripts that call it.",
       {OlderFunctions()},
       {}},
  };
}

}  // namespace

std::vector<PageRow> PageRows() {
  std::vector<PageRow> rows = TrafficPages();
  for (const auto& more : {RulePages(), OtherPages(), MorePages()}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

}  // namespace breakwater::lua::reference
