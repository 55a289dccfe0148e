#include "lua/constants.h"

#include "lua/bindings.h"
#include "lua/dns_actions.h"

namespace breakwater::lua {
namespace {

constexpr Constant kTypes[] = {
    {"A", 1},           {"NS", 2},      {"CNAME", 5},    {"SOA", 6},       {"MB", 7},
    {"MG", 8},          {"MR", 9},      {"PTR", 12},     {"HINFO", 13},    {"MINFO", 14},
    {"MX", 15},         {"TXT", 16},    {"RP", 17},      {"AFSDB", 18},    {"SIG", 24},
    {"KEY", 25},        {"AAAA", 28},   {"LOC", 29},     {"SRV", 33},      {"NAPTR", 35},
    {"KX", 36},         {"CERT", 37},   {"A6", 38},      {"DNAME", 39},    {"OPT", 41},
    {"APL", 42},        {"DS", 43},     {"SSHFP", 44},   {"IPSECKEY", 45}, {"RRSIG", 46},
    {"NSEC", 47},       {"DNSKEY", 48}, {"DHCID", 49},   {"NSEC3", 50},    {"NSEC3PARAM", 51},
    {"TLSA", 52},       {"SMIMEA", 53}, {"RKEY", 57},    {"CDS", 59},      {"CDNSKEY", 60},
    {"OPENPGPKEY", 61}, {"CSYNC", 62},  {"ZONEMD", 63},  {"SVCB", 64},     {"HTTPS", 65},
    {"SPF", 99},        {"NID", 104},   {"L32", 105},    {"L64", 106},     {"LP", 107},
    {"EUI48", 108},     {"EUI64", 109}, {"TKEY", 249},   {"TSIG", 250},    {"IXFR", 251},
    {"AXFR", 252},      {"MAILB", 253}, {"MAILA", 254},  {"ANY", 255},     {"URI", 256},
    {"CAA", 257},       {"DLV", 32769}, {"ADDR", 65400}, {"ALIAS", 65401}, {"LUA", 65402},
};

constexpr Constant kClasses[] = {
    {"IN", 1}, {"CHAOS", 3}, {"HS", 4}, {"NONE", 254}, {"ANY", 255},
};

constexpr Constant kOpcodes[] = {
    {"Query", 0}, {"IQuery", 1}, {"Status", 2}, {"Notify", 4}, {"Update", 5},
};

constexpr Constant kRCodes[] = {
    {"NOERROR", 0},  {"FORMERR", 1},  {"SERVFAIL", 2}, {"NXDOMAIN", 3},  {"NOTIMP", 4},
    {"REFUSED", 5},  {"YXDOMAIN", 6}, {"YXRRSET", 7},  {"NXRRSET", 8},   {"NOTAUTH", 9},
    {"NOTZONE", 10}, {"BADVERS", 16}, {"BADSIG", 16},  {"BADKEY", 17},   {"BADTIME", 18},
    {"BADMODE", 19}, {"BADNAME", 20}, {"BADALG", 21},  {"BADTRUNC", 22}, {"BADCOOKIE", 23},
};

constexpr Constant kSections[] = {
    {"Question", 0},
    {"Answer", 1},
    {"Authority", 2},
    {"Additional", 3},
};

constexpr Constant kOptionCodes[] = {
    {"NSID", 3},     {"DAU", 5},    {"DHU", 6},     {"N3U", 7},
    {"ECS", 8},      {"EXPIRE", 9}, {"COOKIE", 10}, {"TCPKEEPALIVE", 11},
    {"PADDING", 12}, {"CHAIN", 13}, {"KEYTAG", 14}, {"EXTENDEDERROR", 15},
};

constexpr Constant kExchangeVersions[] = {{"VERSION1", 1}, {"VERSION2", 2}};

constexpr Constant kActions[] = {
#define BW_ACTION(name) {#name, static_cast<int>(LuaAction::k##name)},
    BW_ACTION(Drop) BW_ACTION(Nxdomain) BW_ACTION(Refused) BW_ACTION(Spoof) BW_ACTION(Allow)
        BW_ACTION(HeaderModify) BW_ACTION(Pool) BW_ACTION(Delay) BW_ACTION(Truncate)
            BW_ACTION(ServFail) BW_ACTION(None) BW_ACTION(NoOp) BW_ACTION(NoRecurse)
                BW_ACTION(SpoofRaw) BW_ACTION(SpoofPacket) BW_ACTION(SetTag)
#undef BW_ACTION
};

constexpr Constant kResponseActions[] = {
#define BW_ACTION(name) {#name, static_cast<int>(LuaResponseAction::k##name)},
    BW_ACTION(Allow) BW_ACTION(Delay) BW_ACTION(Drop) BW_ACTION(HeaderModify) BW_ACTION(ServFail)
        BW_ACTION(None) BW_ACTION(Truncate)
#undef BW_ACTION
};

constexpr ConstantTable kTables[] = {
    {"DNSQType", "Types of records; any other is a number.", kTypes},
    {"DNSClass", "Classes.", kClasses},
    {"DNSOpcode", "What a message asks for.", kOpcodes},
    {"DNSRCode", "How an answer ends; those above 15 need EDNS.", kRCodes},
    {"DNSSection", "The sections of a message.", kSections},
    {"EDNSOptionCode", "Options of EDNS.", kOptionCodes},
    {"DNSCryptExchangeVersion", "Ciphers of DNSCrypt certificates.", kExchangeVersions},
    {"DNSAction",
     "What a LuaAction returns, with a second value where the action needs one (a pool, an "
     "address, a delay); and what dynamic blocks do.",
     kActions},
    {"DNSResponseAction", "What a LuaResponseAction returns.", kResponseActions},
};

}  // namespace

std::span<const ConstantTable> ConstantTables() {
  return kTables;
}

void SetConstants(lua_State* state) {
  for (const ConstantTable& table : kTables) {
    lua_createtable(state, 0, static_cast<int>(table.rows.size()));
    for (const Constant& row : table.rows) {
      lua_pushinteger(state, row.value);
      lua_setfield(state, -2, row.name);
    }
    lua_setglobal(state, table.name);
  }
}

}  // namespace breakwater::lua
