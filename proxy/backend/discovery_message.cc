#include "proxy/backend/discovery_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "proxy/base/byte_writer.h"
#include "proxy/dns/edns.h"
#include "proxy/dns/header.h"
#include "proxy/dns/question.h"
#include "proxy/dns/record_walker.h"
#include "proxy/dns/reply_match.h"
#include "proxy/dns/svcb.h"

namespace breakwater {
namespace {

constexpr uint8_t kOwner[] = "\4_dns\10resolver\4arpa";  // with the root that ends it
constexpr uint16_t kUdpSize = 4096;
constexpr size_t kOptSize = 11;
constexpr uint16_t kDotPort = 853;
constexpr uint16_t kDohPort = 443;
constexpr uint16_t kMostKnownKey = 6;  // of RFC 9460

std::span<const uint8_t> Owner() {
  return kOwner;
}

// What the answer holds, as far as it matters.
struct Announced {
  std::vector<dns::Svcb> records;
  std::vector<std::pair<dns::Name, Address>> addresses;  // of the additional section
  std::string problem;                                   // of the last record that is not used
};

std::string NoTransport(std::string_view why) {
  return fmt::format("it announces no encrypted transport: {}", why);
}

TextResult<void> CheckReply(std::span<const uint8_t> query, std::span<const uint8_t> reply) {
  const dns::ReplyMatch match = dns::MatchReply(query, Owner().size(), reply, {});
  const auto question = dns::ParseQuestion(reply);
  if (match != dns::ReplyMatch::kMatch || !question ||
      dns::ConstHeader(reply.data()).id() != dns::ConstHeader(query.data()).id()) {
    return Fail(std::string("its answer is to another question"));
  }
  const auto edns = dns::FindEdns(reply, question->end());
  if (!edns) return Fail(fmt::format("its answer is malformed: {}", ErrorText(edns.error())));
  const auto rcode = static_cast<dns::RCode>(
      edns->extended_rcode << 4 | static_cast<uint16_t>(dns::ConstHeader(reply.data()).rcode()));
  if (rcode != dns::RCode::kNoError) return Fail(NoTransport(dns::RCodeMnemonic(rcode)));
  if (dns::ConstHeader(reply.data()).Has(dns::kFlagTc)) {
    return Fail(std::string("its answer is truncated over TCP"));
  }
  return {};
}

void TakeRecord(const dns::RecordWalker& walker, std::span<const uint8_t> reply, Announced* found) {
  const dns::Record& record = walker.record();
  const auto owner = walker.OwnerName();
  if (!owner || record.cls != dns::Class::kIn) return;
  const auto rdata = reply.subspan(record.rdata_offset, record.rdata_length);
  const bool is_address = (record.type == dns::Type::kA && rdata.size() == 4) ||
                          (record.type == dns::Type::kAaaa && rdata.size() == 16);
  if (record.section == dns::Section::kAdditional && is_address) {
    found->addresses.emplace_back(*owner, Address::FromRaw(rdata));
  }
  if (record.section != dns::Section::kAnswer || record.type != dns::Type::kSvcb ||
      !dns::EqualFold(owner->wire(), Owner())) {
    return;
  }
  auto parsed = dns::ParseSvcb(rdata);
  if (parsed) {
    found->records.push_back(std::move(*parsed));
  } else {
    found->problem = fmt::format("a SVCB record is malformed: {}", ErrorText(parsed.error()));
  }
}

TextResult<Announced> ReadRecords(std::span<const uint8_t> reply) {
  Announced found;
  dns::RecordWalker walker(reply, dns::ParseQuestion(reply)->end());
  while (walker.Next()) TakeRecord(walker, reply, &found);
  if (walker.ok()) return found;
  return Fail(fmt::format("its answer is malformed: {}", ErrorText(walker.error())));
}

bool Lower(const Address& a, const Address& b) {
  if (a.IsV4() != b.IsV4()) return a.IsV4();
  return std::lexicographical_compare(a.Raw().begin(), a.Raw().end(), b.Raw().begin(),
                                      b.Raw().end());
}

// The server's own address where nothing else is said, or it is among what is said.
Address ChooseAddress(const dns::Svcb& record, const Announced& found, const Address& server) {
  std::vector<Address> hints = record.hints;
  for (const auto& [owner, address] : found.addresses) {
    if (owner == record.target) hints.push_back(address);
  }
  const auto own = [&](const Address& hint) { return hint.SameHost(server); };
  if (hints.empty() || std::any_of(hints.begin(), hints.end(), own)) return server;
  return *std::min_element(hints.begin(), hints.end(), Lower);
}

// As it goes into a request; empty where it cannot.
std::string PathOf(const std::string& value) {
  std::string path = value.substr(0, value.find('{'));
  const bool clean =
      std::all_of(path.begin(), path.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  return clean && path.starts_with('/') ? path : std::string();
}

// RFC 9460, 8: a record with a mandatory key that is not understood is not to be used.
bool KnowsMandatory(const dns::Svcb& record, uint16_t doh_key) {
  return std::all_of(record.mandatory.begin(), record.mandatory.end(), [&](uint16_t key) {
    return key == doh_key || (key <= kMostKnownKey && key != 5);
  });
}

TextResult<DiscoveredTransport> TransportOf(const dns::Svcb& record, const Announced& found,
                                            const DiscoveryOptions& options) {
  if (record.priority == 0) return Fail("an alias is not followed");
  if (!KnowsMandatory(record, options.doh_key)) return Fail("a mandatory key is not known here");
  if (record.target.IsRoot()) return Fail("the target is the root");
  DiscoveredTransport transport{.priority = record.priority,
                                .target = record.target.ToStringNoDot()};
  uint16_t port = 0;
  for (const std::string& protocol : record.alpn) {
    if (protocol == "dot") port = kDotPort;
    if (protocol == "h2") port = kDohPort;
  }
  if (port == 0) return Fail("neither dot nor h2 is among the protocols");
  if (port == kDohPort) {
    const std::string* const path = record.Find(options.doh_key);
    if (path == nullptr) return Fail(fmt::format("h2 without a path (key {})", options.doh_key));
    transport.doh_path = PathOf(*path);
    if (transport.doh_path.empty()) return Fail("the path of h2 is none that can be asked for");
  }
  if (record.port == 0) return Fail("the port is 0");
  transport.address = ChooseAddress(record, found, options.server);
  transport.address.set_port(record.port.value_or(port));
  return transport;
}

}  // namespace

std::vector<uint8_t> MakeDiscoveryQuery(uint16_t id) {
  std::vector<uint8_t> message(dns::kHeaderSize + Owner().size() + 4 + kOptSize);
  ByteWriter writer(message);
  writer.U16(id);
  writer.U16(dns::kFlagRd);
  writer.U16(1);
  for (int i = 0; i < 3; ++i) writer.U16(0);
  writer.Bytes(Owner());
  writer.U16(static_cast<uint16_t>(dns::Type::kSvcb));
  writer.U16(static_cast<uint16_t>(dns::Class::kIn));
  dns::EditBuffer buffer{message.data(), message.size() - kOptSize, message.size()};
  (void)dns::AddOpt(buffer, {.udp_size = kUdpSize});  // its room is there
  return message;
}

TextResult<std::vector<DiscoveredTransport>> ReadDiscovery(std::span<const uint8_t> query,
                                                           std::span<const uint8_t> reply,
                                                           const DiscoveryOptions& options) {
  if (auto good = CheckReply(query, reply); !good) return Fail(std::move(good.error()));
  auto found = ReadRecords(reply);
  if (!found) return Fail(std::move(found.error()));
  std::stable_sort(found->records.begin(), found->records.end(),
                   [](const auto& a, const auto& b) { return a.priority < b.priority; });
  std::vector<DiscoveredTransport> transports;
  for (const dns::Svcb& record : found->records) {
    auto transport = TransportOf(record, *found, options);
    if (!transport) {
      found->problem = std::move(transport.error());
    } else if (transports.size() < options.most) {
      transports.push_back(std::move(*transport));
    }
  }
  if (!transports.empty()) return transports;
  return Fail(NoTransport(found->problem.empty() ? "no SVCB record" : found->problem));
}

}  // namespace breakwater
