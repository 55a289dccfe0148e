#include "proxy/dns/types.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace breakwater::dns {
namespace {

struct NamedNumber {
  uint16_t number;
  std::string_view name;
};

// IANA, "Resource Record (RR) TYPEs", in ascending order.
constexpr NamedNumber kTypes[] = {
    {1, "A"},           {2, "NS"},         {3, "MD"},        {4, "MF"},       {5, "CNAME"},
    {6, "SOA"},         {7, "MB"},         {8, "MG"},        {9, "MR"},       {10, "NULL"},
    {11, "WKS"},        {12, "PTR"},       {13, "HINFO"},    {14, "MINFO"},   {15, "MX"},
    {16, "TXT"},        {17, "RP"},        {18, "AFSDB"},    {19, "X25"},     {20, "ISDN"},
    {21, "RT"},         {22, "NSAP"},      {23, "NSAP-PTR"}, {24, "SIG"},     {25, "KEY"},
    {26, "PX"},         {27, "GPOS"},      {28, "AAAA"},     {29, "LOC"},     {30, "NXT"},
    {31, "EID"},        {32, "NIMLOC"},    {33, "SRV"},      {34, "ATMA"},    {35, "NAPTR"},
    {36, "KX"},         {37, "CERT"},      {38, "A6"},       {39, "DNAME"},   {40, "SINK"},
    {41, "OPT"},        {42, "APL"},       {43, "DS"},       {44, "SSHFP"},   {45, "IPSECKEY"},
    {46, "RRSIG"},      {47, "NSEC"},      {48, "DNSKEY"},   {49, "DHCID"},   {50, "NSEC3"},
    {51, "NSEC3PARAM"}, {52, "TLSA"},      {53, "SMIMEA"},   {55, "HIP"},     {56, "NINFO"},
    {57, "RKEY"},       {58, "TALINK"},    {59, "CDS"},      {60, "CDNSKEY"}, {61, "OPENPGPKEY"},
    {62, "CSYNC"},      {63, "ZONEMD"},    {64, "SVCB"},     {65, "HTTPS"},   {99, "SPF"},
    {100, "UINFO"},     {101, "UID"},      {102, "GID"},     {103, "UNSPEC"}, {104, "NID"},
    {105, "L32"},       {106, "L64"},      {107, "LP"},      {108, "EUI48"},  {109, "EUI64"},
    {249, "TKEY"},      {250, "TSIG"},     {251, "IXFR"},    {252, "AXFR"},   {253, "MAILB"},
    {254, "MAILA"},     {255, "ANY"},      {256, "URI"},     {257, "CAA"},    {258, "AVC"},
    {259, "DOA"},       {260, "AMTRELAY"}, {32768, "TA"},    {32769, "DLV"},
};

constexpr NamedNumber kClasses[] = {
    {1, "IN"}, {3, "CH"}, {4, "HS"}, {254, "NONE"}, {255, "ANY"},
};

constexpr NamedNumber kRCodes[] = {
    {0, "NOERROR"},  {1, "FORMERR"},  {2, "SERVFAIL"},  {3, "NXDOMAIN"},   {4, "NOTIMP"},
    {5, "REFUSED"},  {6, "YXDOMAIN"}, {7, "YXRRSET"},   {8, "NXRRSET"},    {9, "NOTAUTH"},
    {10, "NOTZONE"}, {16, "BADVERS"}, {17, "BADKEY"},   {18, "BADTIME"},   {19, "BADMODE"},
    {20, "BADNAME"}, {21, "BADALG"},  {22, "BADTRUNC"}, {23, "BADCOOKIE"},
};

// What operators of this kind of server know from its statistics.
constexpr NamedNumber kRCodeTexts[] = {
    {0, "No Error"},
    {1, "Form Error"},
    {2, "Server Failure"},
    {3, "Non-Existent domain"},
    {4, "Not Implemented"},
    {5, "Query Refused"},
    {6, "Name Exists when it should not"},
    {7, "RR Set Exists when it should not"},
    {8, "RR Set that should exist does not"},
    {9, "Server Not Authoritative for zone / Not Authorized"},
    {10, "Name not contained in zone"},
    {16, "Bad OPT Version / TSIG Signature Failure"},
    {17, "Key not recognized"},
    {18, "Signature out of time window"},
    {19, "Bad TKEY Mode"},
    {20, "Duplicate key name"},
    {21, "Algorithm not supported"},
    {22, "Bad Truncation"},
    {23, "Bad/missing Server Cookie"},
};

template <size_t N>
std::string NameOr(const NamedNumber (&table)[N], unsigned number, std::string_view prefix) {
  const auto* at = std::lower_bound(
      std::begin(table), std::end(table), number,
      [](const NamedNumber& entry, unsigned wanted) { return entry.number < wanted; });
  if (at != std::end(table) && at->number == number) return std::string(at->name);
  return std::string(prefix) + std::to_string(number);
}

bool EqualNoCase(std::string_view a, std::string_view upper) {
  return a.size() == upper.size() &&
         std::equal(a.begin(), a.end(), upper.begin(), [](char left, char right) {
           return (left >= 'a' && left <= 'z' ? static_cast<char>(left - 32) : left) == right;
         });
}

}  // namespace

std::string TypeName(Type type) {
  return NameOr(kTypes, static_cast<unsigned>(type), "TYPE");
}

std::optional<Type> ParseType(std::string_view text) {
  for (const NamedNumber& entry : kTypes) {
    if (EqualNoCase(text, entry.name)) return static_cast<Type>(entry.number);
  }
  constexpr std::string_view kPrefix = "TYPE";
  if (text.size() <= kPrefix.size() || !EqualNoCase(text.substr(0, kPrefix.size()), kPrefix)) {
    return std::nullopt;
  }
  const std::string_view digits = text.substr(kPrefix.size());
  uint16_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return static_cast<Type>(number);
}

std::string ClassName(Class cls) {
  return NameOr(kClasses, static_cast<unsigned>(cls), "CLASS");
}

std::string OpcodeName(Opcode opcode) {
  switch (opcode) {
    case Opcode::kQuery:
      return "Query";
    case Opcode::kIquery:
      return "IQuery";
    case Opcode::kStatus:
      return "Status";
    case Opcode::kNotify:
      return "Notify";
    case Opcode::kUpdate:
      return "Update";
  }
  return std::to_string(static_cast<unsigned>(opcode));
}

std::string RCodeName(RCode rcode) {
  return NameOr(kRCodeTexts, static_cast<unsigned>(rcode), "Err#");
}

std::string RCodeMnemonic(RCode rcode) {
  return NameOr(kRCodes, static_cast<unsigned>(rcode), "RCODE");
}

}  // namespace breakwater::dns
