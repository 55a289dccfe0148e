#include "proxy/cache/flush_line.h"

#include <fmt/format.h>

#include "proxy/base/text.h"
#include "proxy/dns/name_error.h"

namespace breakwater {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

// Cuts the first word off.
std::string_view NextWord(std::string_view& line) {
  const size_t begin = std::min(line.find_first_not_of(kBlanks), line.size());
  line.remove_prefix(begin);
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

// For an error: nothing that a terminal or a log would take for more than text.
std::string Shown(std::string_view word) {
  std::string text(word.substr(0, 80));
  for (char& c : text) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return text;
}

TextResult<void> ReadWord(std::string_view word, FlushRequest& request) {
  if (EqualsIgnoreCase(word, "suffix")) {
    request.suffix = true;
  } else if (EqualsIgnoreCase(word, "hard")) {
    request.hard = true;
  } else if (const auto type = dns::ParseType(word)) {
    request.type = type;
    if (*type == dns::Type::kAny) request.type.reset();
  } else {
    return Fail(fmt::format("'{}' is neither a record type nor 'suffix' nor 'hard'", Shown(word)));
  }
  return {};
}

}  // namespace

TextResult<std::optional<FlushRequest>> ParseFlushLine(std::string_view line,
                                                       const FlushLineDefaults& defaults) {
  if (line.size() > kMaxFlushLine) {
    return Fail(fmt::format("it is longer than {} characters", kMaxFlushLine));
  }
  line = line.substr(0, line.find('#'));
  const std::string_view text = NextWord(line);
  if (text.empty()) return std::optional<FlushRequest>();
  auto name = dns::Name::Parse(text);
  if (!name) {
    return Fail(
        fmt::format("'{}' is not a domain name: {}", Shown(text), dns::WhyNoName(name.error())));
  }
  FlushRequest request{
      .name = *name, .type = defaults.type, .suffix = defaults.suffix, .hard = defaults.hard};
  for (std::string_view word = NextWord(line); !word.empty(); word = NextWord(line)) {
    if (auto read = ReadWord(word, request); !read) return Fail(std::move(read.error()));
  }
  return std::optional<FlushRequest>(request);
}

std::string FlushLineOf(const FlushRequest& request) {
  std::string line;
  for (const char c : request.name.ToString()) {
    if (c == '#') {
      line += "\\035";
    } else {
      line += c;
    }
  }
  if (request.type) line += fmt::format(" {}", dns::TypeName(*request.type));
  if (request.suffix) line += " suffix";
  if (request.hard) line += " hard";
  return line;
}

}  // namespace breakwater
