// Input: length of the option, the option's data, a message to add it to.
#include "proxy/dns/extended_error.h"

#include "proxy/dns/record_walker.h"
#include "tests/fuzz/check.h"

using namespace breakwater;
using namespace breakwater::dns;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const size_t length = input.Byte();
  const auto error = ParseExtendedError(input.Take(length));
  if (!error) return 0;
  std::vector<uint8_t> message = input.Rest();
  const auto start = RecordsStart(message);
  if (!start) return 0;
  const auto edns = FindEdns(message, *start);
  const size_t before = edns ? ListExtendedErrors(message, *edns).size() : 0;
  const size_t message_size = message.size();
  message.resize(message_size + 300);
  EditBuffer buffer{message.data(), message_size, message.size()};
  if (!AppendExtendedError(buffer, *start, *error)) return 0;
  message.resize(buffer.size);
  const auto after = FindEdns(message, *start);
  fuzz::Require(after && after->present, "still has its OPT");
  const auto errors = ListExtendedErrors(message, *after);
  fuzz::Require(errors.size() == before + 1, "one more");
  fuzz::Require(errors.back().code == error->code, "code");
  fuzz::Require(error->text.starts_with(errors.back().text), "text");
  return 0;
}
