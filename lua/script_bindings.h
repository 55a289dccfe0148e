// The pages about what runs: policies and rules in Lua, dq and dr, the console's tables.
#pragma once

#include "lua/bindings.h"

namespace breakwater::lua {

const ClassRow& QuestionClass();
const ClassRow& ResponseClass();
const ClassRow& EdnsOptionClass();
const ClassRow& RingEntryClass();
const ClassRow& TimedIpSetClass();
const ClassRow& SvcRecordClass();
const ClassRow& PacketOverlayClass();
const ClassRow& PacketRecordClass();
const ClassRow& PolicyClass();
const ClassRow& TlsFrontendClass();
const ClassRow& TlsContextClass();
const ClassRow& TlsCertificateClass();
const ClassRow& DohFrontendClass();
const ClassRow& DnscryptClass();
const ClassRow& DnscryptPairClass();
const ClassRow& DnscryptCertClass();
const ClassRow& DohResponseClass();
const ClassRow& DynBlockClass();
const ClassRow& DynBlockGroupClass();
const ClassRow& StatNodeClass();
const ClassRow& StatNodeStatsClass();
const ClassRow& StoreClass();
const ClassRow& LookupKeyClass();
const ClassRow& CollectorClass();
const ClassRow& ProtobufMessageClass();
const ClassRow& DnstapMessageClass();

FunctionPage PolicyFunctions();
FunctionPage ControlFunctions();
FunctionPage ObserveFunctions();
FunctionPage InspectFunctions();
FunctionPage TimedIpSetFunctions();
FunctionPage SvcFunctions();
FunctionPage PacketFunctions();
FunctionPage TlsFunctions();
FunctionPage DohFunctions();
FunctionPage DnscryptFunctions();
FunctionPage ZoneFunctions();
FunctionPage ZoneHealthFunctions();
FunctionPage ProfileFunctions();
FunctionPage FlushFunctions();
FunctionPage DrillFunctions();
FunctionPage DynBlockFunctions();
FunctionPage DynBlockGroupFunctions();
FunctionPage StoreFunctions();
FunctionPage CustomMetricFunctions();
FunctionPage HostFunctions();
FunctionPage CollectorFunctions();
FunctionPage NetworkActionFunctions();
FunctionPage OlderFunctions();

// leastOutstanding, firstAvailable and so on, as objects.
void SetPolicyGlobals(lua_State* state);
// The same objects, by the settings as they are now. On the script side.
void RenewPolicyGlobals(lua_State* state);

}  // namespace breakwater::lua
