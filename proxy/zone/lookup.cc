#include "proxy/zone/lookup.h"

#include <absl/container/inlined_vector.h>

#include <algorithm>
#include <optional>

#include "proxy/dns/edns.h"
#include "proxy/dns/message_builder.h"
#include "proxy/dns/question.h"
#include "proxy/zone/answer_writer.h"

namespace breakwater {
namespace {

using dns::RCode;
using dns::Section;
using dns::Type;

constexpr size_t kOptSize = 11;
constexpr uint16_t kOurUdpSize = 1232;
constexpr size_t kMaxLinks = 64;  // CNAME and DNAME records followed for one question

struct Asked {
  dns::Name name;
  Type type{};
  bool dnssec_ok = false;
  size_t comfortable = 0;
};

// Where a name stands in the RDATA whose addresses go along (RFC 1035, 3.3; RFC 2782).
std::optional<size_t> TargetOffset(Type type) {
  switch (type) {
    case Type::kNs:
      return 0;
    case Type::kMx:
      return 2;
    case Type::kSrv:
      return 6;
    default:
      return std::nullopt;
  }
}

dns::Name WithoutLabels(dns::Name name, size_t labels) {
  for (size_t i = 0; i < labels; ++i) name.ChopOff();
  return name;
}

uint32_t LastU32(const Zone& zone, const Zone::RrSet& set) {
  uint32_t value = 0;
  zone.ForEach(set, [&](std::span<const uint8_t> rdata) {
    if (rdata.size() >= 4) value = LoadU32(rdata.data() + rdata.size() - 4);
  });
  return value;
}

// One question's way through the zones. Answer and authority are written as they are found; the
// additional section follows from them.
class Search {
 public:
  Search(const ZoneSet& zones, const Asked& asked, AnswerWriter& writer)
      : zones_(zones), asked_(asked), writer_(writer), name_(asked.name) {}

  RCode Run();
  bool authoritative() const { return authoritative_; }
  bool truncated() const { return truncated_; }

 private:
  enum class Next : uint8_t { kDone, kFollow };
  enum class Need : uint8_t { kMust, kMay };
  struct Written {
    const Zone* zone;
    const Zone::RrSet* set;
    dns::Name cut;  // of a referral's NS set; else the root
  };

  const Zone* FirstZone() const;
  Next Step();
  Next AnswerNode(const Zone::Node& node);
  Next FollowDname(const Zone::Node& node, const dns::Name& owner);
  Next Follow(const dns::Name& target);
  Next Refer(const Zone::Node& node, const dns::Name& cut);
  Next Positive(const Zone::Node& node);
  Next Negative(RCode rcode);
  bool AddSet(Section section, const Zone::Node& node, const AnswerWriter::Set& set, Need need);
  void AddSignatures(Section section, const Zone::Node& node, const AnswerWriter::Set& set,
                     Need need);
  void AddAddresses();
  void AddAddressesOf(const dns::Name& target, const Written& because);
  size_t Limit(Need need) const { return need == Need::kMust ? kAnswerRoom : asked_.comfortable; }

  const ZoneSet& zones_;
  const Asked& asked_;
  AnswerWriter& writer_;
  const Zone* zone_ = nullptr;
  dns::Name name_;  // asked for now: the question's, or what aliases lead to
  absl::InlinedVector<dns::Name, 2> followed_;
  absl::InlinedVector<Written, 8> written_;
  bool authoritative_ = true;
  bool truncated_ = false;
  RCode rcode_ = RCode::kNoError;
};

// A DS record belongs to the zone above.
const Zone* Search::FirstZone() const {
  const Zone* zone = zones_.Find(name_);
  if (zone == nullptr || asked_.type != Type::kDs || name_.length() != zone->apex_length()) {
    return zone;
  }
  const Zone* above = zones_.FindAbove(name_);
  return above != nullptr ? above : zone;
}

RCode Search::Run() {
  zone_ = FirstZone();
  if (zone_ == nullptr) {
    authoritative_ = false;
    return RCode::kRefused;
  }
  while (Step() == Next::kFollow) {
    zone_ = FirstZone();
    if (zone_ == nullptr) break;  // the client goes on elsewhere
  }
  AddAddresses();
  return rcode_;
}

Search::Next Search::Step() {
  const NodeKey key(name_, zone_->apex_length());
  const Zone::Place place = zone_->Locate(key);
  const auto owner = [&] { return WithoutLabels(name_, key.labels() - place.labels); };
  switch (place.kind) {
    case Zone::Place::Kind::kNode:
      return AnswerNode(*place.node);
    case Zone::Place::Kind::kEmpty:
      return Negative(RCode::kNoError);
    case Zone::Place::Kind::kBelowDname:
      return FollowDname(*place.node, owner());
    case Zone::Place::Kind::kBelowCut:
      if (asked_.type == Type::kDs && place.labels == key.labels()) return AnswerNode(*place.node);
      return Refer(*place.node, owner());
    case Zone::Place::Kind::kNowhere:
      break;
  }
  const Zone::Place wildcard = zone_->Wildcard(key.Prefix(place.labels));
  if (wildcard.node != nullptr) return AnswerNode(*wildcard.node);
  return Negative(wildcard.kind == Zone::Place::Kind::kEmpty ? RCode::kNoError : RCode::kNxDomain);
}

Search::Next Search::AnswerNode(const Zone::Node& node) {
  const auto add = [&](const Zone::RrSet& set) {
    (void)AddSet(Section::kAnswer, node,
                 {.zone = *zone_, .records = set, .owner = name_, .ttl = set.ttl}, Need::kMust);
  };
  if (asked_.type == Type::kAny) {
    for (const Zone::RrSet& set : zone_->Sets(node)) {
      if (set.type != Type::kRrsig || !asked_.dnssec_ok) add(set);
    }
    return Positive(node);
  }
  if (const Zone::RrSet* set = zone_->Find(node, asked_.type); set != nullptr) {
    add(*set);
    return Positive(node);
  }
  const Zone::RrSet* alias = zone_->Find(node, Type::kCname);
  if (alias == nullptr) return Negative(RCode::kNoError);
  add(*alias);
  return Follow(zone_->FirstName(*alias));
}

Search::Next Search::Follow(const dns::Name& target) {
  followed_.push_back(name_);
  name_ = target;
  const bool again = std::find(followed_.begin(), followed_.end(), name_) != followed_.end();
  return again || followed_.size() >= kMaxLinks ? Next::kDone : Next::kFollow;
}

Search::Next Search::FollowDname(const Zone::Node& node, const dns::Name& owner) {
  const Zone::RrSet& set = *zone_->Find(node, Type::kDname);
  const bool twice = std::any_of(written_.begin(), written_.end(),
                                 [&](const Written& written) { return written.set == &set; });
  if (!twice) {
    (void)AddSet(Section::kAnswer, node,
                 {.zone = *zone_, .records = set, .owner = owner, .ttl = set.ttl}, Need::kMust);
  }
  dns::Name target = name_.RelativeTo(owner).value_or(dns::Name());
  if (!target.Append(zone_->FirstName(set))) {
    rcode_ = RCode::kYxDomain;
    return Next::kDone;
  }
  if (!writer_.AddCname(name_, target, set.ttl)) truncated_ = true;
  // Below its own owner it would grow with each link.
  const bool done = asked_.type == Type::kCname || target.IsPartOf(owner);
  return done ? Next::kDone : Follow(target);
}

Search::Next Search::Refer(const Zone::Node& node, const dns::Name& cut) {
  if (followed_.empty()) authoritative_ = false;
  const Zone::RrSet& servers = *zone_->Find(node, Type::kNs);
  const AnswerWriter::Set set{.zone = *zone_, .records = servers, .owner = cut, .ttl = servers.ttl};
  if (writer_.Add(Section::kAuthority, set, kAnswerRoom)) {
    written_.push_back({zone_, &servers, cut});
  } else {
    truncated_ = true;
  }
  const bool secure = asked_.dnssec_ok && zone_->IsSigned();
  const Zone::RrSet* keys = secure ? zone_->Find(node, Type::kDs) : nullptr;
  if (keys != nullptr) {
    (void)AddSet(Section::kAuthority, node,
                 {.zone = *zone_, .records = *keys, .owner = cut, .ttl = keys->ttl}, Need::kMust);
  }
  return Next::kDone;
}

// The zone's name servers go along, where they are not the answer. ANY has enough, and who asks
// for DS records is on the way to other name servers.
Search::Next Search::Positive(const Zone::Node& node) {
  const Zone::Node& apex = zone_->apex_node();
  const Zone::RrSet* servers = zone_->Find(apex, Type::kNs);
  const bool told = &node == &apex && asked_.type == Type::kNs;
  const bool wanted = asked_.type != Type::kAny && asked_.type != Type::kDs;
  if (servers == nullptr || told || !wanted || truncated_) return Next::kDone;
  const dns::Name owner = zone_->apex();
  (void)AddSet(Section::kAuthority, apex,
               {.zone = *zone_, .records = *servers, .owner = owner, .ttl = servers->ttl},
               Need::kMay);
  return Next::kDone;
}

// RFC 2308, 3: the SOA's TTL says how long "no" may be kept.
Search::Next Search::Negative(RCode rcode) {
  rcode_ = rcode;
  const Zone::RrSet& soa = zone_->soa();
  const dns::Name owner = zone_->apex();
  (void)AddSet(Section::kAuthority, zone_->apex_node(),
               {.zone = *zone_,
                .records = soa,
                .owner = owner,
                .ttl = std::min(soa.ttl, LastU32(*zone_, soa))},
               Need::kMust);
  return Next::kDone;
}

bool Search::AddSet(Section section, const Zone::Node& node, const AnswerWriter::Set& set,
                    Need need) {
  if (!writer_.Add(section, set, Limit(need))) {
    truncated_ = truncated_ || need == Need::kMust;
    return false;
  }
  written_.push_back({&set.zone, &set.records, dns::Name()});
  if (asked_.dnssec_ok && set.records.type != Type::kRrsig) {
    AddSignatures(section, node, set, need);
  }
  return true;
}

void Search::AddSignatures(Section section, const Zone::Node& node, const AnswerWriter::Set& set,
                           Need need) {
  const Zone::RrSet* signatures = set.zone.Find(node, Type::kRrsig);
  if (signatures == nullptr) return;
  AnswerWriter::Set signature{.zone = set.zone,
                              .records = *signatures,
                              .owner = set.owner,
                              .ttl = set.ttl,
                              .covered = set.records.type};
  if (!writer_.Add(section, signature, Limit(need)) && need == Need::kMust) truncated_ = true;
}

void Search::AddAddresses() {
  if (truncated_) return;
  const size_t count = written_.size();  // addresses have no addresses
  for (size_t i = 0; i < count; ++i) {
    const Written because = written_[i];
    const auto offset = TargetOffset(because.set->type);
    if (!offset) continue;
    because.zone->ForEach(*because.set, [&](std::span<const uint8_t> rdata) {
      AddAddressesOf(Zone::NameIn(rdata, *offset), because);
    });
  }
}

// Of names in the same zone. Addresses of name servers below the cut are glue: they must be there
// (RFC 9471). Below a cut others than name servers have no addresses of ours.
void Search::AddAddressesOf(const dns::Name& target, const Written& because) {
  const Zone* zone = because.zone;
  if (!target.IsPartOf(zone->apex())) return;
  const bool glue = !because.cut.IsRoot() && target.IsPartOf(because.cut);
  const NodeKey key(target, zone->apex_length());
  const Zone::Place place = zone->Locate(key);
  const Zone::Node* node = place.node;
  if (place.kind == Zone::Place::Kind::kBelowDname) return;
  if (place.kind == Zone::Place::Kind::kBelowCut) {
    node = because.set->type == Type::kNs ? zone->At(key.view()) : nullptr;
  } else if (place.kind == Zone::Place::Kind::kNowhere) {
    node = zone->Wildcard(key.Prefix(place.labels)).node;
  }
  if (node == nullptr) return;
  for (const Type type : {Type::kA, Type::kAaaa}) {
    const Zone::RrSet* set = zone->Find(*node, type);
    if (set == nullptr) continue;
    // One name server may serve under several names; a set goes along once.
    if (std::any_of(written_.begin(), written_.end(),
                    [&](const Written& written) { return written.set == set; })) {
      continue;
    }
    (void)AddSet(Section::kAdditional, *node,
                 {.zone = *zone, .records = *set, .owner = target, .ttl = set->ttl},
                 glue ? Need::kMust : Need::kMay);
  }
}

struct Request {
  dns::Header header;
  dns::Question question;
  dns::Edns edns;
};

constexpr uint16_t kKept = dns::kOpcodeMask | dns::kFlagRd | dns::kFlagCd;

Result<size_t> WriteBareHeader(const dns::Header& asked, RCode rcode, std::span<uint8_t> room) {
  dns::MessageBuilder builder(room, asked.id(),
                              static_cast<uint16_t>((asked.flags() & kKept) | dns::kFlagQr));
  builder.header().set_rcode(rcode);
  return builder.Finish();
}

// What is refused before any zone is looked at; nothing: the question may be answered.
std::optional<RCode> Refusal(const Request& request) {
  const dns::Opcode opcode = request.header.opcode();
  if (opcode == dns::Opcode::kNotify) return RCode::kRefused;
  if (opcode != dns::Opcode::kQuery) return RCode::kNotImp;
  if (request.edns.present && request.edns.version > 0) return RCode::kBadVers;
  const auto type = static_cast<uint16_t>(request.question.type);
  if (request.question.cls != dns::Class::kIn) return RCode::kRefused;
  if (request.question.type == Type::kAxfr || request.question.type == Type::kIxfr) {
    return RCode::kRefused;
  }
  if (type == 253 || type == 254) return RCode::kNotImp;  // MAILB, MAILA
  return std::nullopt;
}

}  // namespace

size_t DatagramLimit(std::span<const uint8_t> query) {
  const auto question = dns::ParseQuestion(query);
  if (!question) return 512;
  const auto edns = dns::FindEdns(query, question->end());
  return edns && edns->present ? std::max<size_t>(512, edns->udp_size) : 512;
}

Result<size_t> AnswerFromZones(const ZoneSet& zones, std::span<const uint8_t> query,
                               std::span<uint8_t> room, size_t comfortable) {
  if (query.size() < dns::kHeaderSize) return Fail(Error::kTruncated);
  const dns::Header header = dns::ConstHeader(query.data());
  if (header.Has(dns::kFlagQr)) return Fail(Error::kUnsupported);
  room = room.first(std::min(room.size(), kAnswerRoom));
  const auto question = dns::ParseQuestion(query);
  if (!question) return WriteBareHeader(header, RCode::kFormErr, room);
  const auto name = dns::Name::FromWire(query.subspan(dns::kHeaderSize, question->name_length));
  if (!name) return WriteBareHeader(header, RCode::kFormErr, room);

  const auto edns = dns::FindEdns(query, question->end());
  const Request request{header, *question, edns.value_or(dns::Edns())};
  dns::MessageBuilder builder(room, header.id(),
                              static_cast<uint16_t>((header.flags() & kKept) | dns::kFlagQr));
  builder.AddQuestion(*name, question->type, question->cls);
  const auto begun = builder.Finish();
  if (!begun) return Fail(begun.error());
  AnswerWriter writer(room, *begun, request.edns.present ? kOptSize : 0);
  dns::Header answer(room.data());

  std::optional<RCode> rcode = edns ? Refusal(request) : RCode::kFormErr;
  if (!rcode) {
    const Asked asked{.name = *name,
                      .type = question->type,
                      .dnssec_ok = request.edns.dnssec_ok,
                      .comfortable = comfortable};
    Search search(zones, asked, writer);
    rcode = search.Run();
    answer.Set(dns::kFlagAa, search.authoritative());
    answer.Set(dns::kFlagTc, search.truncated());
  }
  answer.set_rcode(*rcode);
  if (request.edns.present) {
    writer.AddOpt({.udp_size = kOurUdpSize,
                   .extended_rcode = static_cast<uint8_t>(static_cast<uint16_t>(*rcode) >> 4),
                   .dnssec_ok = request.edns.dnssec_ok});
  }
  return writer.size();
}

}  // namespace breakwater
