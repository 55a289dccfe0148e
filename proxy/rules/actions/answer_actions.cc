#include "proxy/rules/actions/answer_actions.h"

#include <fmt/format.h>

#include <array>

#include "proxy/base/byte_writer.h"
#include "proxy/rules/actions/simple_action.h"

namespace breakwater {
namespace {

ActionPtr MakeShapedAction(std::string text, const AnswerShape& shape) {
  return MakeSimpleAction(std::move(text), [shape](Query& query, RuleContext& context) {
    return MakeAnswer(query, SelfAnswersOf(context), shape) ? Flow::kAnswer : Flow::kContinue;
  });
}

}  // namespace

ActionPtr MakeRCodeAction(uint8_t rcode, AnswerFlags flags) {
  AnswerShape shape;
  shape.rcode = rcode & 15;
  shape.flags = flags;
  return MakeShapedAction(fmt::format("set rcode {}", rcode), shape);
}

ActionPtr MakeERCodeAction(uint16_t ercode, AnswerFlags flags) {
  AnswerShape shape;
  shape.rcode = ercode;
  shape.flags = flags;
  return MakeShapedAction("set ercode " + dns::RCodeName(static_cast<dns::RCode>(ercode)), shape);
}

ActionPtr MakeTcAction() {
  return MakeSimpleAction("tc=1 answer", [](Query& query, RuleContext& context) {
    if (query.tcp()) return Flow::kContinue;
    return MakeTruncatedAnswer(query, SelfAnswersOf(context)) ? Flow::kAnswer : Flow::kContinue;
  });
}

bool AnswerNegative(Query& query, const RuleContext& context, const NegativeAndSoa& answer) {
  std::array<uint8_t, 2 * dns::kMaxNameLength + 20> rdata;
  ByteWriter writer(rdata);
  writer.Bytes(answer.mname.wire());
  writer.Bytes(answer.rname.wire());
  for (const uint32_t number :
       {answer.serial, answer.refresh, answer.retry, answer.expire, answer.minimum}) {
    writer.U32(number);
  }
  AnswerRecord soa;
  soa.section = answer.soa_in_authority ? dns::Section::kAuthority : dns::Section::kAdditional;
  soa.type = dns::Type::kSoa;
  soa.ttl = answer.ttl;
  soa.owner = answer.zone.wire();
  soa.rdata = std::span(rdata).first(writer.offset());
  AnswerShape shape;
  shape.rcode =
      static_cast<uint16_t>(answer.name_error ? dns::RCode::kNxDomain : dns::RCode::kNoError);
  shape.flags = answer.flags;
  return MakeAnswer(query, SelfAnswersOf(context), shape, {&soa, 1});
}

ActionPtr MakeNegativeAndSoaAction(const NegativeAndSoa& answer) {
  const char* const text = answer.name_error ? "NXD  with SOA" : "NODATA with SOA";
  return MakeSimpleAction(text, [answer](Query& query, RuleContext& context) {
    return AnswerNegative(query, context, answer) ? Flow::kAnswer : Flow::kContinue;
  });
}

TextResult<ActionPtr> MakeSpoofPacketAction(std::string packet) {
  if (packet.size() < dns::kHeaderSize) {
    return Fail(fmt::format("a packet of {} octets is no DNS message: a header takes {}",
                            packet.size(), dns::kHeaderSize));
  }
  return MakeSimpleAction("spoof in raw bytes ", [packet = std::move(packet)](
                                                     Query& query, RuleContext& context) {
    const std::span bytes(reinterpret_cast<const uint8_t*>(packet.data()), packet.size());
    return MakePacketAnswer(query, SelfAnswersOf(context), bytes) ? Flow::kAnswer : Flow::kContinue;
  });
}

}  // namespace breakwater
