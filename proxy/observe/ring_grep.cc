// grepq(): see ring_tables.h.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "proxy/base/netmask.h"
#include "proxy/observe/ring_tables.h"

namespace breakwater {
namespace {

constexpr uint16_t kFlagAa = 0x0400;
constexpr uint16_t kFlagTc = 0x0200;
constexpr uint16_t kFlagRd = 0x0100;

struct Selector {
  std::optional<Netmask> network;
  std::optional<dns::Name> suffix;
  std::optional<uint32_t> min_ms;
};

// "15ms"; of "15.5ms" the whole milliseconds count, as in dnsdist.
std::optional<uint32_t> ParseLatency(std::string_view text) {
  uint32_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error != std::errc{}) return std::nullopt;
  std::string_view rest(end, text.data() + text.size());
  if (rest.starts_with('.')) {
    rest.remove_prefix(std::min(rest.find_first_not_of("0123456789", 1), rest.size()));
  }
  if (rest != "ms") return std::nullopt;
  return ms;
}

TextResult<Selector> ParseSelector(const std::string& text) {
  Selector selector;
  if (const auto ms = ParseLatency(text)) {
    selector.min_ms = ms;
  } else if (const auto network = Netmask::Parse(text)) {
    selector.network = *network;
  } else if (const auto name = dns::Name::Parse(text)) {
    selector.suffix = *name;
  } else {
    return Fail(fmt::format("Could not parse '{}' as domain name or netmask", text));
  }
  return selector;
}

// `latency_us` is 0 for a query, which has none.
bool Matches(const std::vector<Selector>& selectors, const RingEntry& entry, uint32_t latency_us) {
  return std::all_of(selectors.begin(), selectors.end(), [&](const Selector& selector) {
    if (selector.network) return selector.network->Matches(entry.client);
    if (selector.suffix) return entry.Name().IsPartOf(*selector.suffix);
    return latency_us > 0 && latency_us >= uint64_t{*selector.min_ms} * 1000;
  });
}

struct Row {
  MonoTime when;
  std::string text;
};

std::string Line(const RingEntry& entry, MonoTime now, std::string_view server,
                 std::string_view latency) {
  const double age = static_cast<double>((entry.when - now).ms()) / 1000;
  return fmt::format("{:<7.1f} {:<47} {:<12} {:<12} {:<5} {:<25} {:<5} {:<6} {:<2} {:<2} {:<2} ",
                     age, entry.client.ToStringWithPort(), ProtocolName(entry.protocol), server,
                     entry.id, entry.Name().ToString(), dns::TypeName(entry.type), latency,
                     (entry.flags & kFlagTc) != 0 ? "TC" : "",
                     (entry.flags & kFlagRd) != 0 ? "RD" : "",
                     (entry.flags & kFlagAa) != 0 ? "AA" : "");
}

std::string ResponseLine(const RingResponse& entry, MonoTime now) {
  const std::string latency =
      entry.latency_us == kRingTimeout
          ? "T.O"
          : fmt::format("{:.1f}", static_cast<double>(entry.latency_us) / 1000);
  const std::string server = entry.backend.IsSet() ? entry.backend.ToStringWithPort() : "Cache";
  const auto rcode = static_cast<dns::RCode>(entry.flags & 0x0f);
  std::string line = Line(entry, now, server, latency) + dns::RCodeName(rcode);
  if (rcode == dns::RCode::kNoError) line += fmt::format(". {} answers", entry.answers);
  return line;
}

void KeepLast(std::vector<Row>& rows, std::optional<size_t> limit) {
  if (limit.value_or(0) == 0 || rows.size() <= *limit) return;
  rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(*limit));
}

}  // namespace

TextResult<std::string> GrepText(const Rings& rings, const std::vector<std::string>& selectors,
                                 std::optional<size_t> limit, MonoTime now) {
  std::vector<Selector> parsed;
  for (const std::string& text : selectors) {
    auto selector = ParseSelector(text);
    if (!selector) return Fail(selector.error());
    parsed.push_back(*selector);
  }
  std::vector<Row> queries;
  for (const RingQuery& entry : rings.Queries()) {
    if (Matches(parsed, entry, 0)) {
      queries.push_back({entry.when, Line(entry, now, "", "") + "Question"});
    }
  }
  std::vector<Row> responses;
  for (const RingResponse& entry : rings.Responses()) {
    if (Matches(parsed, entry, std::max(1U, entry.latency_us))) {
      responses.push_back({entry.when, ResponseLine(entry, now)});
    }
  }
  KeepLast(queries, limit);
  KeepLast(responses, limit);
  std::vector<Row> rows(queries);
  rows.insert(rows.end(), responses.begin(), responses.end());
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row& a, const Row& b) { return a.when < b.when; });
  std::string text = fmt::format(
      "{:<7} {:<47} {:<12} {:<12} {:<5} {:<25} {:<5} {:<6} {:<2} {:<2} {:<2} {}\n", "Time",
      "Client", "Protocol", "Server", "ID", "Name", "Type", "Lat.", "TC", "RD", "AA", "Rcode");
  for (const Row& row : rows) text += row.text + '\n';
  return text;
}

}  // namespace breakwater
