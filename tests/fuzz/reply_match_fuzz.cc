// Input: length of the query, the query, the reply. MatchReply compares bytes; parsing both and
// comparing what they mean must come to the same.
#include "proxy/dns/reply_match.h"

#include "proxy/dns/name.h"
#include "proxy/dns/question.h"
#include "tests/fuzz/check.h"

using namespace breakwater;
using namespace breakwater::dns;

namespace {

bool SameQuestion(std::span<const uint8_t> query, const Question& asked,
                  std::span<const uint8_t> reply) {
  const auto answered = ParseQuestion(reply);
  if (!answered || ConstHeader(reply.data()).count(Section::kQuestion) != 1) return false;
  return answered->type == asked.type && answered->cls == asked.cls &&
         *Name::FromWire(query.subspan(kHeaderSize, asked.name_length)) ==
             *Name::FromWire(reply.subspan(kHeaderSize, answered->name_length));
}

bool IsBareError(std::span<const uint8_t> reply) {
  const RCode rcode = ConstHeader(reply.data()).rcode();
  return reply.size() == kHeaderSize && ConstHeader(reply.data()).count(Section::kQuestion) == 0 &&
         rcode != RCode::kNoError && rcode != RCode::kNxDomain;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const size_t length = input.Byte();
  const auto part = input.Take(length);
  const std::vector<uint8_t> query(part.begin(), part.end());
  const std::vector<uint8_t> reply = input.Rest();
  const auto asked = ParseQuestion(query);
  if (!asked) return 0;
  const bool matches = MatchReply(query, asked->name_length, reply, {}) == ReplyMatch::kMatch;
  const bool wanted = reply.size() >= kHeaderSize && ConstHeader(reply.data()).Has(kFlagQr) &&
                      ConstHeader(reply.data()).opcode() == ConstHeader(query.data()).opcode() &&
                      (SameQuestion(query, *asked, reply) || IsBareError(reply));
  fuzz::Require(matches == wanted, "matching says what parsing says");
  const auto lenient = MatchReply(query, asked->name_length, reply,
                                  {.allow_empty_response = true, .allow_no_question = true});
  fuzz::Require(lenient == ReplyMatch::kMatch || !matches, "allowing more forbids nothing");
  return 0;
}
