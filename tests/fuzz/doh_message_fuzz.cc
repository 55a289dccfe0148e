// Path, query string and x-forwarded-for of any request; what decodes is what was encoded.
#include "proxy/net/doh_message.h"

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
  std::vector<uint8_t> room(parameter->size() * 3 / 4);
  const auto decoded = DecodeBase64Url(*parameter, room);
  if (!decoded) return 0;
  fuzz::Require(*decoded == room.size(), "the room is what the text needs");
  // Where the last digit has bits to spare, several texts are the same bytes.
  const std::string again = Base64UrlEncode(room);
  fuzz::Require(again.size() == parameter->size(), "as long as it was");
  fuzz::Require(parameter->size() % 4 != 0 || again == *parameter, "the same text");
  return 0;
}
