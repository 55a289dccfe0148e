#include "proxy/control/ctl_drill.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "proxy/control/ctl_text.h"

namespace breakwater {
namespace {

using nlohmann::json;

// The number that a text begins with, and what follows it.
template <typename T>
bool ReadNumber(std::string_view text, T& value, std::string_view& rest) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  rest = text.substr(static_cast<size_t>(end - text.data()));
  return error == std::errc{};
}

uint64_t Count(const json& report, const char* member) {
  const auto found = report.find(member);
  return found != report.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

std::string Word(const json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? CleanText(found->get<std::string>()) : "";
}

const json& List(const json& object, const char* member) {
  static const json empty = json::array();
  const auto found = object.find(member);
  return found != object.end() && found->is_array() ? *found : empty;
}

}  // namespace

TextResult<uint32_t> ParseSeconds(std::string_view text) {
  uint32_t value = 0;
  std::string_view unit;
  constexpr uint32_t kMost = 7 * 86400;
  if (ReadNumber(text, value, unit) && value > 0 && value <= kMost) {
    const uint32_t factor = unit.empty() || unit == "s" ? 1
                            : unit == "m"               ? 60
                            : unit == "h"               ? 3600
                                                        : 0;
    if (factor != 0 && value <= kMost / factor) return value * factor;
  }
  return Fail(fmt::format("'{}' is not a time such as 30s, 5m or 2h, of a week at most", text));
}

TextResult<double> ParseShare(std::string_view text) {
  double value = 0;
  std::string_view unit;
  if (ReadNumber(text, value, unit) && (unit.empty() || unit == "%")) {
    if (unit == "%") value /= 100;
    if (value > 0 && value <= 1) return value;
  }
  return Fail(fmt::format("'{}' is not a share of the queries such as 1% or 0.01", text));
}

TextResult<void> ReadDrill(const std::vector<std::string>& words, CtlDrill& drill) {
  if (words.size() == 2 && words[1] == "stop") {
    drill.what = CtlDrill::What::kStop;
    return {};
  }
  if (words.size() > 1 && words.size() < 4 && words[1] == "report") {
    drill.what = CtlDrill::What::kReport;
    std::string_view rest;
    if (words.size() == 3 && (!ReadNumber(words[2], drill.id, rest) || !rest.empty())) {
      return Fail(fmt::format("'{}' is not the number of a drill", words[2]));
    }
    return {};
  }
  if (words.size() != 2) return Fail(std::string("drill needs one SERVER, report or stop"));
  drill.server = words[1];
  return {};
}

json DrillRequest(const CtlDrill& drill) {
  switch (drill.what) {
    case CtlDrill::What::kReport:
      return {{"command", "drill-report"}, {"id", drill.id}};
    case CtlDrill::What::kStop:
      return {{"command", "drill-stop"}};
    case CtlDrill::What::kBegin:
      break;
  }
  return {{"command", "drill"},
          {"server", drill.server},
          {"seconds", drill.seconds},
          {"share", drill.share},
          {"live", drill.live}};
}

bool DrillIsOver(const json& report) {
  return Word(report, "state") != "running";
}

bool DrillIsClean(const json& report) {
  return Count(report, "compared") > 0 && Count(report, "compared") == Count(report, "equal");
}

std::string DrillText(const json& report) {
  std::string text = fmt::format(
      "drill {} of {} is {}: {} answers compared, {} equal, {} different, {} missing\n",
      Count(report, "id"), Word(report, "server"), Word(report, "state"), Count(report, "compared"),
      Count(report, "equal"), Count(report, "different"), Count(report, "unanswered"));
  if (DrillIsOver(report) && Count(report, "compared") == 0) {
    text +=
        "nothing is known: meanwhile no query came to this standby's pools, or none whose answers "
        "can be compared\n";
  }
  for (const json& zone : List(report, "zones")) {
    text += fmt::format("{:<40} {:>10}\n", Word(zone, "zone"), Count(zone, "differences"));
    for (const json& sample : List(zone, "samples")) {
      text += fmt::format("    {}: {}\n", Word(sample, "question"), Word(sample, "difference"));
    }
  }
  if (const uint64_t more = Count(report, "in-other-zones"); more > 0) {
    text += fmt::format("and {} differences in other zones\n", more);
  }
  return text;
}

}  // namespace breakwater
