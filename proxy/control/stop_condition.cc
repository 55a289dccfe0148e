#include "proxy/control/stop_condition.h"

#include <fmt/format.h>

#include <charconv>

#include "proxy/base/text.h"

namespace breakwater {
namespace {

std::string KnownKinds() {
  std::string known;
  for (size_t i = 0; i < kBadKinds; ++i)
    known += fmt::format("{}, ", NameOf(static_cast<BadKind>(i)));
  return known + "bad, nxdomain";
}

TextResult<void> ReadKind(std::string_view kind, StopCondition& condition) {
  if (kind == "bad") {
    condition.kinds = kAllBadKinds;
  } else if (kind == "nxdomain") {
    condition.nxdomain = true;
  } else if (const auto bad = BadKindOf(kind)) {
    condition.kinds = static_cast<uint16_t>(1u << static_cast<unsigned>(*bad));
  } else {
    return Fail(fmt::format("'{}' is none of {}", kind, KnownKinds()));
  }
  return {};
}

}  // namespace

uint64_t AnswerTally::AllBad() const {
  uint64_t sum = 0;
  for (const uint64_t count : bad) sum += count;
  return sum;
}

AnswerTally& AnswerTally::operator+=(const AnswerTally& other) {
  all += other.all;
  nxdomain += other.nxdomain;
  for (size_t i = 0; i < kBadKinds; ++i) bad[i] += other.bad[i];
  return *this;
}

AnswerTally AnswerTally::operator-(const AnswerTally& earlier) const {
  AnswerTally rest = *this;
  rest.all -= earlier.all;
  rest.nxdomain -= earlier.nxdomain;
  for (size_t i = 0; i < kBadKinds; ++i) rest.bad[i] -= earlier.bad[i];
  return rest;
}

uint64_t StopCondition::CountIn(const AnswerTally& tally) const {
  uint64_t sum = nxdomain ? tally.nxdomain : 0;
  for (size_t i = 0; i < kBadKinds; ++i) {
    if ((kinds >> i & 1u) != 0) sum += tally.bad[i];
  }
  return sum;
}

TextResult<StopCondition> ParseStopCondition(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return Fail(fmt::format("'{}' is no condition like refused>1%: {}", text, why));
  };
  const size_t sign = text.find('>');
  if (sign == std::string_view::npos) return wrong("'>' is missing");
  StopCondition condition{.text = std::string(text)};
  if (auto read = ReadKind(ToLowerAscii(TrimSpace(text.substr(0, sign))), condition); !read) {
    return wrong(read.error());
  }
  std::string_view share = TrimSpace(text.substr(sign + 1));
  if (share.empty() || share.back() != '%') return wrong("it must end with %");
  share = TrimSpace(share.substr(0, share.size() - 1));
  const auto [end, error] =
      std::from_chars(share.data(), share.data() + share.size(), condition.percent);
  if (error != std::errc{} || end != share.data() + share.size() ||
      !(condition.percent >= 0 && condition.percent < 100)) {
    return wrong("what is before % must be a number from 0 to less than 100");
  }
  return condition;
}

void AnswerWindow::Group::Add(const AnswerTally& tally, MonoTime now) {
  if (tally.all > 0) {
    slots.push_back({now, tally});
    sum += tally;
  }
  while (!slots.empty() && now - slots.front().when > kSpan &&
         sum.all - slots.front().tally.all >= kLeast) {
    sum = sum - slots.front().tally;
    slots.pop_front();
  }
}

void AnswerWindow::Add(const AnswerTally& probes, const AnswerTally& clients, MonoTime now) {
  probes_.Add(probes, now);
  clients_.Add(clients, now);
}

std::string AnswerWindow::Met(const std::vector<StopCondition>& conditions) const {
  AnswerTally both = probes_.sum;
  both += clients_.sum;
  struct Counted {
    const AnswerTally& tally;
    std::string_view what;
  };
  const std::array<Counted, 3> groups = {{{probes_.sum, "questions about flushed names"},
                                          {clients_.sum, "clients' questions to servers"},
                                          {both, "questions to servers"}}};
  for (const StopCondition& condition : conditions) {
    for (const auto& [tally, what] : groups) {
      if (tally.all < kLeast) continue;
      const uint64_t count = condition.CountIn(tally);
      const double percent = 100.0 * static_cast<double>(count) / static_cast<double>(tally.all);
      if (percent > condition.percent) {
        return fmt::format("{}: it is so of {} of the last {} {} ({:.1f} %)", condition.text, count,
                           tally.all, what, percent);
      }
    }
  }
  return {};
}

}  // namespace breakwater
