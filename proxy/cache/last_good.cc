#include "proxy/cache/last_good.h"

#include <algorithm>
#include <array>

#include "proxy/base/byte_writer.h"
#include "proxy/dns/edns.h"
#include "proxy/dns/header.h"
#include "proxy/dns/name.h"
#include "proxy/dns/record_walker.h"

namespace breakwater {
namespace {

constexpr std::array<std::string_view, kBadKinds> kNames = {
    "timeout", "malformed", "servfail", "refused",  "formerr",
    "notimp",  "notauth",   "lame",     "vanished", "older"};

// A root or a top-level domain that refers is no help, whoever was asked.
constexpr uint8_t kLeastReferralLabels = 2;

constexpr Judgement kGood{.cls = AnswerClass::kGood};
constexpr Judgement kNeutral{.cls = AnswerClass::kNeutral};
constexpr Judgement Bad(BadKind kind) {
  return {.cls = AnswerClass::kBad, .kind = kind};
}
constexpr Judgement ByOption(BadKind kind) {
  return {.cls = AnswerClass::kNeutral, .kind = kind, .by_option = true};
}

std::optional<BadKind> FailureOf(dns::RCode rcode) {
  switch (rcode) {
    case dns::RCode::kServFail:
      return BadKind::kServFail;
    case dns::RCode::kRefused:
      return BadKind::kRefused;
    case dns::RCode::kFormErr:
      return BadKind::kFormErr;
    case dns::RCode::kNotImp:
      return BadKind::kNotImp;
    case dns::RCode::kNotAuth:
      return BadKind::kNotAuth;
    default:
      return std::nullopt;
  }
}

// A server may not like an option, a cookie of a wrong length say, that others do not send.
bool MayBeByOption(BadKind kind) {
  return kind == BadKind::kFormErr || kind == BadKind::kNotImp;
}

bool ForTheAskerAlone(const AnswerFacts& answer) {
  return answer.truncated || answer.rcode == dns::RCode::kBadVers ||
         answer.rcode == dns::RCode::kBadCookie;
}

// Labels of a record's owner, where it is `asked` or above it.
std::optional<uint8_t> LabelsAbove(const dns::RecordWalker& walker, const dns::Name& asked) {
  const auto owner = walker.OwnerName();
  if (!owner || !asked.IsPartOf(*owner)) return std::nullopt;
  return static_cast<uint8_t>(owner->CountLabels());
}

// The first SOA at or above the name asked is its zone's. The serial is followed by four times of
// four octets (RFC 1035, 3.3.13), in front of it are two names, of an octet at least.
void NoteSoa(std::span<const uint8_t> message, const dns::RecordWalker& walker,
             const dns::Name& asked, AnswerFacts& facts) {
  constexpr size_t kFromEnd = 20;
  constexpr size_t kLeastNames = 2;
  if (facts.soa_labels) return;
  facts.soa_labels = LabelsAbove(walker, asked);
  const dns::Record& record = walker.record();
  if (!facts.soa_labels || record.rdata_length < kFromEnd + kLeastNames) return;
  facts.serial = LoadU32(message.data() + record.end() - kFromEnd);
}

void Note(std::span<const uint8_t> message, const dns::RecordWalker& walker, const dns::Name& asked,
          AnswerFacts& facts) {
  const dns::Record& record = walker.record();
  facts.is_signed |= record.type == dns::Type::kRrsig;
  if (record.section == dns::Section::kAnswer) {
    facts.has_answer = true;
    facts.has_dname |= record.type == dns::Type::kDname;
    if (record.type == dns::Type::kSoa) NoteSoa(message, walker, asked, facts);
  } else if (record.section == dns::Section::kAuthority) {
    if (record.type == dns::Type::kSoa) {
      NoteSoa(message, walker, asked, facts);
    } else if (record.type == dns::Type::kNs && !facts.ns_labels) {
      facts.ns_labels = LabelsAbove(walker, asked);
    }
  }
}

// The server speaks of the zone as its own child, or of one it knows nothing about.
bool IsUsefulReferral(uint8_t ns_labels, const KnownAnswer& known) {
  return known.apex_labels == 0 ? ns_labels >= kLeastReferralLabels : ns_labels > known.apex_labels;
}

}  // namespace

std::string_view NameOf(BadKind kind) {
  return kNames[static_cast<size_t>(kind)];
}

std::optional<BadKind> BadKindOf(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<BadKind>(found - kNames.begin());
}

AnswerFacts FactsOfAnswer(std::span<const uint8_t> message, size_t records_start,
                          std::span<const uint8_t> name) {
  AnswerFacts facts;
  const dns::Header header = dns::ConstHeader(message.data());
  facts.truncated = header.Has(dns::kFlagTc);
  facts.authoritative = header.Has(dns::kFlagAa);
  facts.rcode = header.rcode();
  const auto asked = dns::Name::FromWire(name);
  if (!asked) return facts;
  dns::RecordWalker walker(message, records_start);
  while (walker.Next()) {
    const dns::Record& record = walker.record();
    if (record.type == dns::Type::kOpt) {
      // The upper eight bits of the rcode lead what is the TTL elsewhere (RFC 6891, 6.1.3).
      facts.rcode =
          static_cast<dns::RCode>(static_cast<unsigned>(header.rcode()) | record.ttl >> 24 << 4);
    } else {
      Note(message, walker, *asked, facts);
    }
  }
  facts.sound = walker.ok();
  return facts;
}

namespace {

Judgement JudgeContent(const AnswerFacts& answer, const KnownAnswer& known) {
  if (!answer.sound && !answer.truncated) return Bad(BadKind::kMalformed);
  if (const auto failure = FailureOf(answer.rcode)) {
    return known.with_options && MayBeByOption(*failure) ? ByOption(*failure) : Bad(*failure);
  }
  if (ForTheAskerAlone(answer)) return kNeutral;
  const bool no_error = answer.rcode == dns::RCode::kNoError;
  if (answer.rcode == dns::RCode::kYxDomain) return answer.has_dname ? kGood : kNeutral;
  if (!no_error && answer.rcode != dns::RCode::kNxDomain) return kNeutral;
  if (answer.has_answer) return kGood;
  if (answer.soa_labels) {
    return *answer.soa_labels < known.apex_labels ? Bad(BadKind::kVanished) : kGood;
  }
  if (no_error && !answer.authoritative && answer.ns_labels) {
    return IsUsefulReferral(*answer.ns_labels, known) ? kGood : Bad(BadKind::kLame);
  }
  if (answer.authoritative) return {.cls = AnswerClass::kGood, .removes = true};
  if (known.held && known.authoritative) return Bad(BadKind::kLame);
  return kNeutral;
}

}  // namespace

Judgement JudgeAnswer(const AnswerFacts& answer, const KnownAnswer& known) {
  const Judgement judgement = JudgeContent(answer, known);
  if (judgement.cls != AnswerClass::kGood) return judgement;
  if (known.lost_zone) return Bad(BadKind::kVanished);
  return known.older_server ? Bad(BadKind::kOlder) : judgement;
}

}  // namespace breakwater
