#include "lua/bindings.h"

#include "lua/async_objects.h"
#include "lua/bind_ffi.h"
#include "lua/bind_kernel_filters.h"
#include "lua/network_objects.h"
#include "lua/qps_limiter.h"
#include "lua/script_bindings.h"
#include "lua/web_pages.h"

namespace breakwater::lua {

std::vector<FunctionPage> FunctionPages() {
  return {ConsoleFunctions(),       NameFunctions(),         AddressFunctions(),
          SettingFunctions(),       ListenerFunctions(),     BackendFunctions(),
          PoolFunctions(),          CacheFunctions(),        RuleFunctions(),
          SelectorFunctions(),      ActionFunctions(),       ResponseActionFunctions(),
          PolicyFunctions(),        ControlFunctions(),      ObserveFunctions(),
          InspectFunctions(),       TimedIpSetFunctions(),   SvcFunctions(),
          PacketFunctions(),        TlsFunctions(),          DohFunctions(),
          ZoneFunctions(),          ZoneHealthFunctions(),   ProfileFunctions(),
          FlushFunctions(),         DrillFunctions(),        DynBlockFunctions(),
          DynBlockGroupFunctions(), KernelFilterFunctions(), StoreFunctions(),
          CustomMetricFunctions(),  HostFunctions(),         CollectorFunctions(),
          FfiFunctions(),           QpsLimiterFunctions(),   WebFunctions(),
          DnscryptFunctions(),      AsyncFunctions(),        NetworkFunctions(),
          NetworkActionFunctions(), OlderFunctions()};
}

std::vector<const ClassRow*> Classes() {
  return {&NameClass(),
          &NameSetClass(),
          &SuffixMatchNodeClass(),
          &AddressClass(),
          &NetmaskClass(),
          &NetmaskGroupClass(),
          &ServerClass(),
          &CacheClass(),
          &BindClass(),
          &PoolClass(),
          &HeaderClass(),
          &SelectorClass(),
          &ActionClass(),
          &ResponseActionClass(),
          &RuleClass(),
          &ResponseRuleClass(),
          &QuestionClass(),
          &ResponseClass(),
          &PolicyClass(),
          &EdnsOptionClass(),
          &RingEntryClass(),
          &TimedIpSetClass(),
          &SvcRecordClass(),
          &PacketOverlayClass(),
          &PacketRecordClass(),
          &TlsFrontendClass(),
          &TlsContextClass(),
          &TlsCertificateClass(),
          &DohFrontendClass(),
          &DohResponseClass(),
          &DynBlockClass(),
          &DynBlockGroupClass(),
          &KernelFilterClass(),
          &TimedKernelFilterClass(),
          &StatNodeClass(),
          &StatNodeStatsClass(),
          &StoreClass(),
          &LookupKeyClass(),
          &CollectorClass(),
          &ProtobufMessageClass(),
          &DnstapMessageClass(),
          &QpsLimiterClass(),
          &WebRequestClass(),
          &WebResponseClass(),
          &DnscryptClass(),
          &DnscryptPairClass(),
          &DnscryptCertClass(),
          &AsyncObjectClass(),
          &NetworkEndpointClass(),
          &NetworkListenerClass()};
}

}  // namespace breakwater::lua
