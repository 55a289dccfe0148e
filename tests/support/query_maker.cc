#include "tests/support/query_maker.h"

#include <arpa/inet.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <sstream>

namespace breakwater::test {
namespace {

using Bytes = std::vector<uint8_t>;

[[noreturn]] void Reject(std::string_view what, std::string_view text) {
  std::fprintf(stderr, "query_maker: %.*s: \"%.*s\"\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(text.size()), text.data());
  std::abort();
}

const std::map<std::string, uint16_t>& TypeTable() {
  static const std::map<std::string, uint16_t> types = {
      {"A", 1},      {"NS", 2},      {"CNAME", 5}, {"SOA", 6},    {"PTR", 12},   {"MX", 15},
      {"TXT", 16},   {"AAAA", 28},   {"SRV", 33},  {"NAPTR", 35}, {"DNAME", 39}, {"DS", 43},
      {"RRSIG", 46}, {"DNSKEY", 48}, {"SVCB", 64}, {"HTTPS", 65}, {"TSIG", 250}, {"IXFR", 251},
      {"AXFR", 252}, {"ANY", 255},   {"CAA", 257}, {"OPT", 41}};
  return types;
}

std::optional<uint16_t> ReadType(const std::string& text) {
  const auto found = TypeTable().find(text);
  if (found != TypeTable().end()) return found->second;
  if (text.rfind("TYPE", 0) == 0) return static_cast<uint16_t>(std::stoul(text.substr(4)));
  return std::nullopt;
}

std::optional<uint16_t> ReadClass(const std::string& text) {
  if (text == "IN") return uint16_t{1};
  if (text == "CH") return uint16_t{3};
  if (text == "HS") return uint16_t{4};
  if (text.rfind("CLASS", 0) == 0) return static_cast<uint16_t>(std::stoul(text.substr(5)));
  return std::nullopt;
}

void Put16(Bytes& out, size_t value) {
  out.push_back(static_cast<uint8_t>(value >> 8));
  out.push_back(static_cast<uint8_t>(value));
}
void Put32(Bytes& out, size_t value) {
  Put16(out, value >> 16);
  Put16(out, value);
}
void PutAll(Bytes& out, const Bytes& more) {
  out.insert(out.end(), more.begin(), more.end());
}

Bytes ReadHex(const std::string& text) {
  Bytes out;
  if (text.size() % 2 != 0) Reject("odd hexadecimal", text);
  for (size_t i = 0; i < text.size(); i += 2) {
    out.push_back(static_cast<uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
  }
  return out;
}

Bytes ReadAddress(int family, const std::string& text) {
  Bytes out(family == AF_INET ? 4 : 16);
  if (inet_pton(family, text.c_str(), out.data()) != 1) Reject("no address", text);
  return out;
}

Bytes Rdata(uint16_t type, std::istringstream& words) {
  Bytes out;
  std::string word;
  const auto next = [&] {
    if (!(words >> word)) Reject("RDATA is too short", word);
    return word;
  };
  words >> std::ws;
  if (words.peek() == '\\') {  // \# as RFC 3597 has it: bytes, whatever the type
    (void)next();
    return ReadHex(next());
  }
  switch (type) {
    case 1:
      return ReadAddress(AF_INET, next());
    case 28:
      return ReadAddress(AF_INET6, next());
    case 2:
    case 5:
    case 12:
      return QueryMaker::WireName(next());
    case 15:
      Put16(out, std::stoul(next()));
      PutAll(out, QueryMaker::WireName(next()));
      return out;
    case 6:
      PutAll(out, QueryMaker::WireName(next()));
      PutAll(out, QueryMaker::WireName(next()));
      for (int i = 0; i < 5; ++i) Put32(out, std::stoul(next()));
      return out;
    case 16:
      while (words >> word) {
        out.push_back(static_cast<uint8_t>(word.size()));
        out.insert(out.end(), word.begin(), word.end());
      }
      return out;
    default:
      return words >> word ? ReadHex(word) : out;
  }
}

struct Plan {
  Bytes name;
  uint16_t type = 1, cls = 1, id = 0x1234, flags = 0x0100;
  bool edns = false, dnssec_ok = false;
  uint16_t udp_size = 1232;
  uint8_t edns_version = 0, extended_rcode = 0;
  Bytes options, trail;
  size_t room = 4096;
  Protocol protocol = Protocol::kDoUdp;
  std::string from = "192.0.2.53:5353", to = "198.51.100.1:53";
  Bytes records[4];
  uint16_t counts[4] = {1, 0, 0, 0};
};

bool ReadFlag(Plan& plan, const std::string& word) {
  static const std::map<std::string, uint16_t> flags = {
      {"+rd", 0x0100}, {"+cd", 0x0010}, {"+ad", 0x0020}, {"+aa", 0x0400},
      {"+tc", 0x0200}, {"+ra", 0x0080}, {"+qr", 0x8000}};
  const auto found = flags.find(word);
  if (found != flags.end()) {
    plan.flags |= found->second;
  } else if (word == "+norec") {
    plan.flags &= static_cast<uint16_t>(~0x0100);
  } else if (word == "+edns" || word == "+dnssec") {
    plan.edns = true;
    plan.dnssec_ok |= word == "+dnssec";
  } else if (word == "+tcp") {
    plan.protocol = Protocol::kDoTcp;
  } else if (word == "+dot") {
    plan.protocol = Protocol::kDot;
  } else if (word == "+doh") {
    plan.protocol = Protocol::kDoh;
  } else {
    return false;
  }
  return true;
}

void ReadOption(Plan& plan, const std::string& value) {
  plan.edns = true;
  const size_t colon = value.find(':');
  const Bytes data = colon == std::string::npos ? Bytes() : ReadHex(value.substr(colon + 1));
  Put16(plan.options, std::stoul(value.substr(0, colon)));
  Put16(plan.options, data.size());
  PutAll(plan.options, data);
}

void ReadRcode(Plan& plan, unsigned long rcode) {
  plan.flags = static_cast<uint16_t>((plan.flags & 0xfff0u) | (rcode & 15));
  plan.extended_rcode = static_cast<uint8_t>(rcode >> 4);
  if (rcode > 15) plan.edns = true;
}

void ReadSetting(Plan& plan, const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos) Reject("unknown word", word);
  const std::string key = word.substr(0, equals), value = word.substr(equals + 1);
  const auto number = [&] { return std::stoul(value, nullptr, 0); };
  if (key == "from")
    plan.from = value;
  else if (key == "to")
    plan.to = value;
  else if (key == "+bufsize")
    plan.edns = true, plan.udp_size = static_cast<uint16_t>(number());
  else if (key == "+edns-version")
    plan.edns = true, plan.edns_version = static_cast<uint8_t>(number());
  else if (key == "+option")
    ReadOption(plan, value);
  else if (key == "+id")
    plan.id = static_cast<uint16_t>(number());
  else if (key == "+opcode")
    plan.flags |= static_cast<uint16_t>(number() << 11);
  else if (key == "+rcode")
    ReadRcode(plan, number());
  else if (key == "+trail")
    plan.trail = ReadHex(value);
  else if (key == "+room")
    plan.room = number();
  else
    Reject("unknown word", word);
}

void ReadRecord(Plan& plan, std::istringstream& words) {
  static const std::map<std::string, size_t> sections = {
      {"answer", 1}, {"authority", 2}, {"additional", 3}};
  std::string section, name, ttl, type_text;
  words >> section >> name >> ttl >> type_text;
  const auto found = sections.find(section);
  if (found == sections.end()) Reject("no section", section);
  uint16_t cls = 1;
  if (const auto given = ReadClass(type_text)) {
    cls = *given;
    words >> type_text;
  }
  const auto type = ReadType(type_text);
  if (!type) Reject("no type", type_text);
  Bytes& out = plan.records[found->second];
  PutAll(out, QueryMaker::WireName(name));
  Put16(out, *type);
  Put16(out, cls);
  Put32(out, std::stoul(ttl));
  const Bytes rdata = Rdata(*type, words);
  Put16(out, rdata.size());
  PutAll(out, rdata);
  ++plan.counts[found->second];
}

Plan ReadPlan(std::string_view description) {
  Plan plan;
  std::string word;
  bool first = true;
  // " / " separates; a slash inside a word (an address with a mask) does not.
  std::string rest(description);
  while (!rest.empty()) {
    const size_t cut = rest.find(" / ");
    std::istringstream words(rest.substr(0, cut));
    rest = cut == std::string::npos ? "" : rest.substr(cut + 3);
    if (!first) {
      ReadRecord(plan, words);
      continue;
    }
    first = false;
    if (!(words >> word)) Reject("no name", description);
    plan.name = QueryMaker::WireName(word);
    while (words >> word) {
      if (const auto type = ReadType(word))
        plan.type = *type;
      else if (const auto cls = ReadClass(word))
        plan.cls = *cls;
      else if (!ReadFlag(plan, word))
        ReadSetting(plan, word);
    }
  }
  return plan;
}

Bytes Encode(const Plan& plan) {
  Bytes out;
  Put16(out, plan.id);
  Put16(out, plan.flags);
  for (size_t i = 0; i < 4; ++i) Put16(out, plan.counts[i] + (i == 3 && plan.edns ? 1u : 0u));
  PutAll(out, plan.name);
  Put16(out, plan.type);
  Put16(out, plan.cls);
  for (size_t i = 1; i < 4; ++i) PutAll(out, plan.records[i]);
  if (plan.edns) {
    out.push_back(0);
    Put16(out, 41);
    Put16(out, plan.udp_size);
    out.push_back(plan.extended_rcode);
    out.push_back(plan.edns_version);
    Put16(out, plan.dnssec_ok ? 0x8000 : 0);
    Put16(out, plan.options.size());
    PutAll(out, plan.options);
  }
  PutAll(out, plan.trail);
  return out;
}

Address ReadEndpoint(const std::string& text) {
  const auto address = Address::Parse(text, 53);
  if (!address) Reject("no address", text);
  return *address;
}

}  // namespace

Bytes QueryMaker::WireName(std::string_view text) {
  Bytes out;
  if (text == "." || text.empty()) return {0};
  Bytes label;
  const auto close = [&] {
    out.push_back(static_cast<uint8_t>(label.size()));
    PutAll(out, label);
    label.clear();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '.') {
      close();
    } else if (text[i] == '\\' && i + 3 < text.size() && isdigit(text[i + 1]) != 0) {
      label.push_back(static_cast<uint8_t>(std::stoul(std::string(text.substr(i + 1, 3)))));
      i += 3;
    } else if (text[i] == '\\' && i + 1 < text.size()) {
      label.push_back(static_cast<uint8_t>(text[++i]));
    } else {
      label.push_back(static_cast<uint8_t>(text[i]));
    }
  }
  if (!label.empty()) close();
  out.push_back(0);
  return out;
}

Bytes QueryMaker::Message(std::string_view description) {
  return Encode(ReadPlan(description));
}

QueryPtr QueryMaker::Make(std::string_view description) {
  const Plan plan = ReadPlan(description);
  const Bytes bytes = Encode(plan);
  memory_.push_back(std::make_unique<uint8_t[]>(bytes.size() + plan.room));
  std::memcpy(memory_.back().get(), bytes.data(), bytes.size());
  QueryPtr query = pool_.Get();
  query->protocol = plan.protocol;
  query->frontend = &frontend_;
  query->client = ReadEndpoint(plan.from);
  query->local = ReadEndpoint(plan.to);
  query->data = memory_.back().get();
  query->size = bytes.size();
  query->capacity = bytes.size() + plan.room;
  query->client_id = plan.id;
  query->client_flags = plan.flags;
  query->client_has_edns = plan.edns;
  query->client_udp_size = plan.edns ? plan.udp_size : 0;
  query->client_dnssec_ok = plan.dnssec_ok;
  query->question.name_length = static_cast<uint16_t>(plan.name.size());
  query->question.type = static_cast<dns::Type>(plan.type);
  query->question.cls = static_cast<dns::Class>(plan.cls);
  query->client_name_length = static_cast<uint8_t>(plan.name.size());
  query->is_response = (plan.flags & 0x8000) != 0;
  if (plan.edns) {
    query->edns.present = true;
    query->edns.dnssec_ok = plan.dnssec_ok;
    query->edns.extended_rcode = plan.extended_rcode;
    query->edns.version = plan.edns_version;
    query->edns.udp_size = plan.udp_size;
    query->edns.options_length = static_cast<uint16_t>(plan.options.size());
    query->edns.offset = bytes.size() - plan.trail.size() - plan.options.size() - 11;
  }
  return query;
}

}  // namespace breakwater::test
