#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/cache/flush_journal.h"
#include "proxy/cache/flush_line.h"
#include "proxy/control/audit_log.h"
#include "proxy/control/control_request.h"
#include "proxy/control/permission.h"
#include "proxy/control/stop_condition.h"
#include "proxy/worker/file_position.h"
#include "tests/fuzz/check.h"

namespace {

using namespace breakwater;

bool IsPrintable(std::string_view text) {
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e) return false;
  }
  return true;
}

// A token bound to example.com never gets more than that.
void CheckPermission(const ControlRequest& request) {
  static const dns::Name zone = *dns::Name::Parse("example.com");
  const Rights rights{.role = Role::kFlush, .token = "t", .zones = {zone}};
  std::vector<dns::Name> names;
  for (const FlushRequest& flush : request.flushes) names.push_back(flush.name);
  if (request.command == ControlCommand::kFlush) names.push_back(request.flush.name);
  const bool may = Permit(rights, request.command, {.names = names, .made_by = "t"}).has_value();
  const ZoneRule rule = ZoneRuleOf(request.command);
  const bool needs_own = rule == ZoneRule::kOwn || rule == ZoneRule::kOwnNames;
  fuzz::Require(!needs_own || !Permit(rights, request.command, {.names = names}),
                "nothing of another's flushes and lists");
  if (!names.empty()) {
    const bool inside = std::all_of(names.begin(), names.end(),
                                    [](const dns::Name& name) { return name.IsPartOf(zone); });
    fuzz::Require(may == inside, "only flushes inside of the zone");
  } else if (rule != ZoneRule::kBegins) {
    fuzz::Require(may == (needs_own || RequiredRole(request.command) == Role::kRead),
                  "nothing but reading beside flushes");
  }
}

// A line that is understood is written so that it is understood again, as the same.
void CheckLine(std::string_view line) {
  const auto flush = ParseFlushLine(line, {});
  if (!flush) return fuzz::Require(!flush.error().empty(), "a wrong line says why");
  if (!*flush) return;
  const std::string text = FlushLineOf(**flush);
  const auto again = ParseFlushLine(text, {});
  fuzz::Require(again && *again, "what is written is read");
  const FlushRequest& a = **flush;
  const FlushRequest& b = **again;
  fuzz::Require(a.name == b.name && a.type == b.type && a.suffix == b.suffix && a.hard == b.hard,
                "what is written is the same");
  if (!a.hard) return;
  std::string kept = JournalLineOf({.flush = a, .pools = {std::string(line)}});
  fuzz::Require(!kept.empty() && kept.back() == '\n', "a line of the journal has an end");
  kept.pop_back();
  fuzz::Require(kept.find('\n') == std::string::npos, "and one alone");
  const auto read = ParseJournalLine(kept);
  fuzz::Require(read && read->flush.name == a.name && read->pools.front() == line,
                "what is noted is read");
}

// What stands in files that somebody may have touched.
void CheckFiles(std::string_view text) {
  if (const auto flush = ParseJournalLine(text)) {
    fuzz::Require(flush->flush.hard, "hard flushes alone are noted");
  }
  if (const auto position = ParsePosition(text)) {
    fuzz::Require(PositionText(*position) == text, "a position has one text");
  }
}

}  // namespace

// Whatever the peer of the control socket sends is either a request or a named error, and the
// audit log stays one printable line.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  CheckLine(line);
  CheckFiles(line);
  if (const auto condition = ParseStopCondition(line)) {
    fuzz::Require(condition->percent < 100, "no share of a hundred percent");
  }
  const auto request = ParseControlRequest(line);
  if (request) {
    CheckPermission(*request);
    fuzz::Require(IsPrintable(request->audit_text), "the audit text is printable");
    (void)request->flush.name.ToString();
  } else {
    fuzz::Require(!request.error().empty(), "a refusal says why");
    fuzz::Require(IsPrintable(AuditValue(request.error())),
                  "the error is printable in the audit log");
  }
  return 0;
}
