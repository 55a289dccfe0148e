// The DNSHeader class.
#include "lua/bindings.h"
#include "lua/dns_header.h"

namespace breakwater::lua {
namespace {

template <uint16_t Flag>
bool GetFlag(const DnsHeader& header) {
  return header.header().Has(Flag);
}

template <uint16_t Flag>
void SetFlag(DnsHeader& header, bool on) {
  header.header().Set(Flag, on);
  // As dnsdist does: who says TC also says whether recursion is to be had.
  if (Flag == dns::kFlagTc && on)
    header.header().Set(dns::kFlagRa, header.header().Has(dns::kFlagRd));
}

uint16_t GetId(const DnsHeader& header) {
  return header.header().id();
}

#define BW_GET(letters, flag, what)                                                       \
  {                                                                                       \
    "get" letters, Bind<&GetFlag<dns::flag>>, "DNSHeader:get" letters "() -> bool", what, \
        Scope::kAnywhere                                                                  \
  }
#define BW_SET(letters, flag, what)                                                 \
  {                                                                                 \
    "set" letters, Bind<&SetFlag<dns::flag>>, "DNSHeader:set" letters "(on)", what, \
        Scope::kAnywhere                                                            \
  }
constexpr FunctionRow kMethods[] = {
    BW_GET("AA", kFlagAa, "Authoritative answer."),
    BW_GET("AD", kFlagAd, "Authenticated data."),
    BW_GET("CD", kFlagCd, "Checking disabled."),
    BW_GET("RA", kFlagRa, "Recursion available."),
    BW_GET("RD", kFlagRd, "Recursion desired."),
    BW_GET("TC", kFlagTc, "Truncated message."),
    BW_SET("AA", kFlagAa, "Authoritative answer."),
    BW_SET("AD", kFlagAd, "Authenticated data."),
    BW_SET("CD", kFlagCd, "Checking disabled."),
    BW_SET("QR", kFlagQr, "Makes it an answer."),
    BW_SET("RA", kFlagRa, "Recursion available."),
    BW_SET("RD", kFlagRd, "Recursion desired."),
    BW_SET("TC", kFlagTc, "Truncated; sets RA to RD as well."),
    {"getID", Bind<&GetId>, "DNSHeader:getID() -> int", "The message's ID.", Scope::kAnywhere},
};
#undef BW_GET
#undef BW_SET

const ClassRow kClass = {"DNSHeader", kMethods, {},      nullptr,
                         nullptr,     nullptr,  nullptr, "The header of a message."};

}  // namespace

const ClassRow& HeaderClass() {
  return kClass;
}

}  // namespace breakwater::lua
