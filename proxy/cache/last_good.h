// Which of a nameserver's answers are good, decided here alone (MECHANISMS.md, 4; FEATURES.md, 1).
// A bad answer never displaces a good one; where it is all there is, the last good one is served.
// The first row that fits:
//
//   bad      none in time, malformed
//   neutral  FORMERR, NOTIMP to a query with EDNS options, one of which may be the cause: counted
//            for no zone, and nothing is held for it; the asker gets the last good answer if any
//   bad      SERVFAIL, REFUSED, FORMERR, NOTIMP, NOTAUTH
//   neutral  TC, BADVERS, BADCOOKIE
//   bad      negative, with the SOA of a zone above the known apex: the child zone vanished
//   good     NOERROR or NXDOMAIN with an answer section; YXDOMAIN with DNAME; negative with SOA
//   good     referral, NS owner below the apex (apex unknown: two labels or more)
//   bad      referral otherwise: lame
//   good     AA, negative, no SOA; it removes what is held, and is never fresh: nobody says for
//            how long it holds (PowerDNS answers so where there is an ALIAS record). Where a proper
//            answer is held, every server is to say so: it may have lost its records
//   bad      empty, not AA, where the held answer was AA: lame
//   neutral  anything else
//
// A good one is bad where the server that it comes from is known to hold an older version of the
// zone than it, or another, has had before (setZoneHealth{serials=true}); or to have lost the zone,
// which a zone above with a wildcard answers for ("vanished").
//
// Negative: NOERROR or NXDOMAIN without an answer section. Neutral answers are for the asker
// alone. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "proxy/dns/name.h"
#include "proxy/dns/types.h"

namespace breakwater {

enum class AnswerClass : uint8_t { kGood, kNeutral, kBad };

// Why there is no good answer; the names are those of lastGood's `on` list.
enum class BadKind : uint8_t {
  kTimeout,    // none in time, a refused port, a broken connection
  kMalformed,  // its records do not add up
  kServFail,
  kRefused,
  kFormErr,
  kNotImp,
  kNotAuth,
  kLame,
  kVanished,
  kOlder,  // the zone's serial there is behind
};
inline constexpr size_t kBadKinds = 10;
inline constexpr uint16_t kAllBadKinds = (1u << kBadKinds) - 1;
std::string_view NameOf(BadKind kind);
std::optional<BadKind> BadKindOf(std::string_view name);

struct Judgement {
  AnswerClass cls = AnswerClass::kNeutral;
  BadKind kind{};          // of a bad one, or where an option may be the cause
  bool removes = false;    // good, yet without a time that it holds for
  bool by_option = false;  // neutral: an option of the query may be the cause
};

// What the judge reads of an answer; one walk over its records.
struct AnswerFacts {
  bool sound = false;
  bool truncated = false;
  bool authoritative = false;
  bool has_answer = false;  // records in the answer section
  bool has_dname = false;   // a DNAME among them
  bool is_signed = false;   // RRSIG records in answer or authority
  dns::RCode rcode{};       // with the OPT's upper bits
  // Labels of the owner of the SOA, or of the NS records in the authority section; nothing where
  // there are none at or above the name asked.
  std::optional<uint8_t> soa_labels;
  std::optional<uint8_t> ns_labels;
  std::optional<uint32_t> serial;  // of that SOA

  // NOERROR or NXDOMAIN by a server of the zone itself: what a SOA in it says counts.
  bool SpeaksForZone() const {
    return sound && authoritative &&
           (rcode == dns::RCode::kNoError || rcode == dns::RCode::kNxDomain);
  }
  // The zone that the answer speaks for, where it says so: labels of its apex.
  std::optional<uint8_t> Apex() const { return soa_labels ? soa_labels : ns_labels; }
};

// `name` is the one asked, uncompressed wire form; records begin at `records_start`.
AnswerFacts FactsOfAnswer(std::span<const uint8_t> message, size_t records_start,
                          std::span<const uint8_t> name);

// What was known before the answer came.
struct KnownAnswer {
  bool held = false;           // a last good answer
  bool proper = false;         // that says something, if only a SOA, and was not flushed
  bool is_signed = false;      // it has RRSIG records
  bool authoritative = false;  // it was AA
  uint8_t apex_labels = 0;     // of the zone; 0: not known
  bool older_server = false;   // the server's serial for the zone is behind
  bool with_options = false;   // the query had EDNS options
  bool lost_zone = false;      // the server has said that the zone is not there, and still does
};

Judgement JudgeAnswer(const AnswerFacts& answer, const KnownAnswer& known);

// newPacketCache{lastGood={...}}. Times are milliseconds unless they say otherwise.
struct LastGoodSettings {
  uint32_t max_age_s = 86400;       // how long after its end an answer may still be served
  uint32_t ttl_s = 30;              // what clients get as its TTL
  uint32_t client_timeout = 400;    // how long they wait for a better one
  uint32_t recheck = 5000;          // until the backend is asked again
  double recheck_rate = 10000;      // of entries that waited so, a second: the herd after an outage
  uint16_t on = kAllBadKinds;       // a bit for each BadKind
  std::vector<dns::Name> except{};  // zones, and what is below them: nothing is kept for these
  bool Covers(BadKind kind) const { return (on >> static_cast<unsigned>(kind) & 1u) != 0; }
};

}  // namespace breakwater
