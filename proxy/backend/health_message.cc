#include "proxy/backend/health_message.h"

#include "proxy/base/byte_writer.h"
#include "proxy/dns/header.h"
#include "proxy/dns/name.h"
#include "proxy/dns/question.h"

namespace breakwater {

HealthCheckQuestion MakeHealthQuestion(const HealthCheckSettings& settings) {
  HealthCheckQuestion question;
  if (auto name = dns::Name::Parse(settings.name)) question.name = *name;
  question.type = settings.type;
  question.cls = settings.cls;
  question.flags = dns::kFlagRd;
  if (settings.set_cd) question.flags |= dns::kFlagCd;
  return question;
}

std::vector<uint8_t> MakeHealthQuery(const HealthCheckQuestion& question, uint16_t id) {
  const auto name = question.name.wire();
  std::vector<uint8_t> message(dns::kHeaderSize + name.size() + 4);
  ByteWriter writer(message);
  writer.U16(id);
  writer.U16(question.flags);
  writer.U16(1);
  for (int i = 0; i < 3; ++i) writer.U16(0);
  writer.Bytes(name);
  writer.U16(static_cast<uint16_t>(question.type));
  writer.U16(static_cast<uint16_t>(question.cls));
  return message;
}

HealthVerdict JudgeHealthReply(std::span<const uint8_t> query, std::span<const uint8_t> reply,
                               const HealthCheckSettings& settings) {
  if (reply.size() < dns::kHeaderSize) return HealthVerdict::kParsing;
  const dns::Header header = dns::ConstHeader(reply.data());
  if (header.id() != dns::ConstHeader(query.data()).id()) return HealthVerdict::kMismatch;
  if (!header.Has(dns::kFlagQr)) return HealthVerdict::kInvalid;
  const dns::RCode rcode = header.rcode();
  if (rcode == dns::RCode::kServFail) return HealthVerdict::kInvalid;
  if (settings.must_resolve && (rcode == dns::RCode::kNxDomain || rcode == dns::RCode::kRefused)) {
    return HealthVerdict::kInvalid;
  }
  const auto asked = dns::ParseQuestion(query);
  const auto answered = dns::ParseQuestion(reply);
  if (!asked || !answered) return HealthVerdict::kParsing;
  const auto name_of = [](std::span<const uint8_t> message, const dns::Question& question) {
    return message.subspan(dns::kHeaderSize, question.name_length);
  };
  const bool equal = dns::EqualFold(name_of(query, *asked), name_of(reply, *answered)) &&
                     asked->type == answered->type && asked->cls == answered->cls;
  return equal ? HealthVerdict::kGood : HealthVerdict::kMismatch;
}

}  // namespace breakwater
