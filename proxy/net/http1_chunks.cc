#include "proxy/net/http1_chunks.h"

#include <algorithm>
#include <charconv>

#include "proxy/base/text.h"

namespace breakwater {
namespace {

constexpr size_t kMostLine = 1024;
constexpr size_t kMostAround = 65536;

bool IsLineChar(char c) {
  return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
}

}  // namespace

Http1Chunks::Step Http1Chunks::Take(std::string* input, std::string* body) {
  std::string_view rest = *input;
  const Step step = TakeFrom(&rest, body);
  // Once: the input may be full of small chunks.
  input->erase(0, input->size() - rest.size());
  return step;
}

Http1Chunks::Step Http1Chunks::TakeFrom(std::string_view* input, std::string* body) {
  while (true) {
    if (part_ == Part::kData) {
      const std::string_view taken = input->substr(0, left_);
      body->append(taken);
      input->remove_prefix(taken.size());
      left_ -= taken.size();
      if (left_ > 0) return Step::kMore;
      part_ = Part::kDataEnd;
    }
    if (part_ == Part::kSize) {
      if (const Step step = TakeSize(input, body->size()); step != Step::kDone) return step;
      continue;
    }
    std::string_view line;
    if (const Step step = TakeLine(input, &line); step != Step::kDone) return step;
    if (part_ == Part::kTrailer) {
      if (line.empty()) return Step::kDone;
      continue;
    }
    if (!line.empty()) return Step::kBad;
    part_ = Part::kSize;
  }
}

Http1Chunks::Step Http1Chunks::TakeLine(std::string_view* input, std::string_view* line) {
  const size_t end = input->find("\r\n");
  if (end == std::string_view::npos)
    return input->size() > kMostLine + 1 ? Step::kBad : Step::kMore;
  around_ += end + 2;
  if (end > kMostLine || around_ > kMostAround) return Step::kBad;
  *line = input->substr(0, end);
  input->remove_prefix(end + 2);
  return std::all_of(line->begin(), line->end(), IsLineChar) ? Step::kDone : Step::kBad;
}

Http1Chunks::Step Http1Chunks::TakeSize(std::string_view* input, size_t held) {
  std::string_view line;
  if (const Step step = TakeLine(input, &line); step != Step::kDone) return step;
  const char* const last = line.data() + line.size();
  const auto [end, error] = std::from_chars(line.data(), last, left_, 16);
  if (error != std::errc()) {
    return error == std::errc::result_out_of_range ? Step::kTooLarge : Step::kBad;
  }
  const std::string_view rest = TrimSpace(line.substr(static_cast<size_t>(end - line.data())));
  if (!rest.empty() && rest.front() != ';') return Step::kBad;
  if (left_ > most_body_ - held) return Step::kTooLarge;
  part_ = left_ == 0 ? Part::kTrailer : Part::kData;
  return Step::kDone;
}

}  // namespace breakwater
