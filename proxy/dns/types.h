// The numbers of the protocol and their names (RFC 1035, RFC 6895 registries). Unknown numbers
// are legal everywhere and print as TYPE123, CLASS5 and so on (RFC 3597).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace breakwater::dns {

enum class Type : uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kSoa = 6,
  kPtr = 12,
  kMx = 15,
  kTxt = 16,
  kAaaa = 28,
  kSrv = 33,
  kNaptr = 35,
  kDname = 39,
  kOpt = 41,
  kDs = 43,
  kRrsig = 46,
  kNsec = 47,
  kDnskey = 48,
  kNsec3 = 50,
  kSvcb = 64,
  kHttps = 65,
  kSig = 24,
  kTkey = 249,
  kTsig = 250,
  kIxfr = 251,
  kAxfr = 252,
  kAny = 255,
  kCaa = 257,
};

enum class Class : uint16_t { kIn = 1, kChaos = 3, kHesiod = 4, kNone = 254, kAny = 255 };

enum class Opcode : uint8_t { kQuery = 0, kIquery = 1, kStatus = 2, kNotify = 4, kUpdate = 5 };

// The low four bits are the header's; the rest come from the OPT (RFC 6891, 6.1.3).
enum class RCode : uint16_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
  kYxDomain = 6,
  kYxRrset = 7,
  kNxRrset = 8,
  kNotAuth = 9,
  kNotZone = 10,
  kBadVers = 16,
  kBadKey = 17,
  kBadTime = 18,
  kBadMode = 19,
  kBadName = 20,
  kBadAlg = 21,
  kBadTrunc = 22,
  kBadCookie = 23,
};

enum class Section : uint8_t { kQuestion = 0, kAnswer = 1, kAuthority = 2, kAdditional = 3 };

std::string TypeName(Type type);  // "AAAA", "TYPE65280"
std::optional<Type> ParseType(std::string_view text);
std::string ClassName(Class cls);        // "IN", "CLASS7"
std::string OpcodeName(Opcode opcode);   // "Query", "Notify"
std::string RCodeName(RCode rcode);      // "No Error", "Server Failure": dnsdist's wording
std::string RCodeMnemonic(RCode rcode);  // "NOERROR", "SERVFAIL"

}  // namespace breakwater::dns
