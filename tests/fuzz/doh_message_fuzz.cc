// Path, query string and x-forwarded-for of any request; what decodes is what was encoded.
#include "proxy/net/doh_message.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "proxy/base/text.h"
#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace breakwater;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const DohTarget target = SplitDohTarget(text);
  fuzz::Require(std::string(target.path) + std::string(target.query) == text, "nothing is lost");
  (void)LastForwarded(text);
  const auto parameter = FindDnsParameter(target.query);
  if (!parameter) return 0;
  std::vector<uint8_t> room(parameter->size());
  const auto decoded = DecodeBase64Url(*parameter, room);
  if (!decoded) return 0;
  room.resize(*decoded);
  fuzz::Require(DecodeBase64Url(*parameter, room) == decoded, "the room is what the text needs");
  if (!room.empty()) {
    fuzz::Require(!DecodeBase64Url(*parameter, std::span(room).first(room.size() - 1)), "no more");
  }
  const std::string again = Base64UrlEncode(room);
  fuzz::Require(DecodeBase64Url(again, room) == decoded, "decodes to as much");
  fuzz::Require(Base64UrlEncode(room) == again, "the same bytes");
  if (parameter->find('%') != std::string_view::npos) return 0;
  std::string plain(parameter->substr(0, parameter->find('=')));
  fuzz::Require(parameter->size() - plain.size() <= 2, "at most two signs of padding");
  std::replace(plain.begin(), plain.end(), '+', '-');
  std::replace(plain.begin(), plain.end(), '/', '_');
  // Where the last digit has bits to spare, several texts are the same bytes.
  fuzz::Require(again.size() == plain.size(), "as long as it was");
  fuzz::Require(plain.size() % 4 != 0 || again == plain, "the same text");
  return 0;
}
