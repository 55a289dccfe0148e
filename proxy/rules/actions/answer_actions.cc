#include "proxy/rules/actions/answer_actions.h"

#include <fmt/format.h>

#include <array>

#include "proxy/base/byte_writer.h"
#include "proxy/rules/actions/simple_action.h"

namespace breakwater {
namespace {

class NegativeAndSoaAction : public Action {
 public:
  explicit NegativeAndSoaAction(const NegativeAndSoa& answer) : answer_(answer) {
    ByteWriter writer(rdata_);
    writer.Bytes(answer.mname.wire());
    writer.Bytes(answer.rname.wire());
    for (const uint32_t number :
         {answer.serial, answer.refresh, answer.retry, answer.expire, answer.minimum}) {
      writer.U32(number);
    }
    rdata_size_ = writer.offset();
  }

  Flow Apply(Query& query, RuleContext& context) const override {
    AnswerRecord soa;
    soa.section = answer_.soa_in_authority ? dns::Section::kAuthority : dns::Section::kAdditional;
    soa.type = dns::Type::kSoa;
    soa.ttl = answer_.ttl;
    soa.owner = answer_.zone.wire();
    soa.rdata = std::span(rdata_).first(rdata_size_);
    AnswerShape shape;
    shape.rcode =
        static_cast<uint16_t>(answer_.name_error ? dns::RCode::kNxDomain : dns::RCode::kNoError);
    shape.flags = answer_.flags;
    const bool made = MakeAnswer(query, SelfAnswersOf(context), shape, {&soa, 1});
    return made ? Flow::kAnswer : Flow::kContinue;
  }
  std::string ToString() const override {
    return answer_.name_error ? "NXD  with SOA" : "NODATA with SOA";
  }

 private:
  NegativeAndSoa answer_;
  std::array<uint8_t, 2 * dns::kMaxNameLength + 20> rdata_;
  size_t rdata_size_ = 0;
};

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

ActionPtr MakeNegativeAndSoaAction(const NegativeAndSoa& answer) {
  return std::make_shared<NegativeAndSoaAction>(answer);
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
