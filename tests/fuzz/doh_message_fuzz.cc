// Path, query string and x-forwarded-for of any request; what decodes is what was encoded.
#include "proxy/net/doh_message.h"

#include <algorithm>
#include <string>

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
  std::string plain(parameter->substr(0, parameter->find('=')));
  std::replace(plain.begin(), plain.end(), '+', '-');
  std::replace(plain.begin(), plain.end(), '/', '_');
  std::vector<uint8_t> room(plain.size() * 3 / 4);
  const auto decoded = DecodeBase64Url(*parameter, room);
  if (!decoded) return 0;
  fuzz::Require(*decoded == room.size(), "the room is what the text needs");
  fuzz::Require(parameter->size() - plain.size() <= 2, "padded to a multiple of four");
  // Where the last digit has bits to spare, several texts are the same bytes.
  const std::string again = Base64UrlEncode(room);
  fuzz::Require(again.size() == plain.size(), "as long as it was");
  fuzz::Require(plain.size() % 4 != 0 || again == plain, "the same text");
  return 0;
}
