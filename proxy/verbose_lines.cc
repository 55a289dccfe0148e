#include "proxy/verbose_lines.h"

#include <fmt/format.h>

#include "proxy/base/log.h"

namespace breakwater {
namespace {

bool IsVerbose() {
  return LogEnabled(LogLevel::kDebug);
}

std::string_view WhyDropped(DropReason reason) {
  switch (reason) {
    case DropReason::kRule:
      return "by a rule";
    case DropReason::kInvalid:
      return "it is no query";
    case DropReason::kNoServer:
      return "no policy applied";
    case DropReason::kTimeout:
      return "no server answered in time";
    case DropReason::kBackend:
      return "no server could be asked";
    case DropReason::kShutdown:
      return "the program ends";
  }
  return "";
}

// "www.example.org|A from 192.0.2.1:4711", and the transport where it is not UDP.
std::string Described(const Query& query) {
  std::string text =
      fmt::format("{}|{}", query.NameCopy().ToString(), dns::TypeName(query.question.type));
  if (query.target == nullptr) return text + " (our own)";
  text += " from " + query.client.ToStringWithPort();
  if (query.protocol == Protocol::kDoUdp) return text;
  return fmt::format("{} ({})", text, ProtocolName(query.protocol));
}

}  // namespace

void TellRelayed(const Query& query, const Backend& backend) {
  if (!IsVerbose()) return;
  LogDebug("query", "Got query for {}, relayed to {}", Described(query), backend.NameWithAddress());
}

void TellAnswered(const Query& query, const Backend& backend, MonoTime took) {
  if (!IsVerbose()) return;
  LogDebug("query", "Got answer from {} for {}, took {} us", backend.NameWithAddress(),
           Described(query), took.us());
}

void TellHit(const Query& query) {
  if (IsVerbose()) LogDebug("query", "Packet cache hit for query for {}", Described(query));
}

void TellDropped(const Query& query, DropReason reason) {
  if (!IsVerbose()) return;
  LogDebug("query", "Dropped query for {}, {}", Described(query), WhyDropped(reason));
}

void TellTimeout(const Query& query, const Backend& backend) {
  if (!IsVerbose()) return;
  LogDebug("query", "Had a downstream timeout from {} for query for {}", backend.NameWithAddress(),
           Described(query));
}

}  // namespace breakwater
