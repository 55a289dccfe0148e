// Input: length of the query, the query, the answer of a server to a health check.
#include "proxy/backend/health_message.h"
#include "proxy/dns/question.h"
#include "proxy/dns/reply_match.h"
#include "tests/fuzz/check.h"

using namespace breakwater;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const size_t length = input.Byte();
  const auto part = input.Take(length);
  const std::vector<uint8_t> query(part.begin(), part.end());
  const std::vector<uint8_t> reply = input.Rest();
  const auto asked = dns::ParseQuestion(query);
  if (!asked) return 0;
  HealthCheckSettings settings;
  const HealthVerdict lenient = JudgeHealthReply(query, reply, settings);
  settings.must_resolve = true;
  const HealthVerdict strict = JudgeHealthReply(query, reply, settings);
  fuzz::Require(strict == lenient || strict == HealthVerdict::kInvalid,
                "a must only turns a verdict into invalid");
  if (lenient != HealthVerdict::kGood) return 0;
  // What counts as good is a reply to that very question.
  std::vector<uint8_t> same_opcode = reply;
  const auto opcode = dns::ConstHeader(query.data()).flags() & dns::kOpcodeMask;
  dns::Header header(same_opcode.data());
  header.set_flags(static_cast<uint16_t>((header.flags() & ~dns::kOpcodeMask) | opcode));
  const bool one = header.count(dns::Section::kQuestion) == 1;
  fuzz::Require(!one || dns::MatchReply(query, asked->name_length, same_opcode, {}) ==
                            dns::ReplyMatch::kMatch,
                "good is a match");
  fuzz::Require(header.id() == dns::ConstHeader(query.data()).id(), "good has the ID");
  return 0;
}
