#include "proxy/control/list_request.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace breakwater {
namespace {

using nlohmann::json;

TextResult<void> ReadFlag(const json& object, const char* member, bool* value) {
  const auto found = object.find(member);
  if (found == object.end()) return {};
  if (!found->is_boolean()) return Fail(fmt::format("'{}' must be true or false", member));
  *value = found->get<bool>();
  return {};
}

TextResult<void> ReadConditions(const json& object, ListFlushPlan& plan) {
  const auto found = object.find("stop-on");
  if (found == object.end()) return {};
  if (!found->is_array()) return Fail(std::string("'stop-on' must be a list of conditions"));
  for (const json& item : *found) {
    if (!item.is_string()) return Fail(std::string("'stop-on' must be a list of conditions"));
    auto condition = ParseStopCondition(item.get<std::string>());
    if (!condition) return Fail(fmt::format("'stop-on': {}", condition.error()));
    plan.stop_on.push_back(std::move(*condition));
  }
  return {};
}

TextResult<void> ReadPlan(const json& object, ListFlushPlan& plan) {
  if (const auto rate = object.find("rate"); rate != object.end()) {
    if (!rate->is_number() || !(rate->get<double>() >= 0.01 && rate->get<double>() <= 1e6)) {
      return Fail(std::string("'rate' must be a number of flushes a second, 0.01 to a million"));
    }
    plan.rate = rate->get<double>();
  }
  if (const auto pool = object.find("pool"); pool != object.end()) {
    if (!pool->is_string()) return Fail(std::string("'pool' must be a string"));
    plan.pool = pool->get<std::string>();
  }
  if (auto read = ReadConditions(object, plan); !read) return read;
  if (auto read = ReadFlag(object, "undo-on-stop", &plan.undo_on_stop); !read) return read;
  if (!plan.stop_on.empty() && plan.rate == 0) {
    return Fail(std::string("'stop-on' needs a 'rate': there is nothing to watch meanwhile"));
  }
  return {};
}

TextResult<void> ReadJob(const json& object, ControlRequest& request) {
  const auto found = object.find("job");
  const bool all = found == object.end() && request.command == ControlCommand::kFlushListStatus;
  if (all) return {};
  if (found == object.end() || !found->is_number_unsigned()) {
    return Fail(std::string("'job' must be the number of a list"));
  }
  request.id = found->get<uint64_t>();
  return {};
}

// Each line is one flush, or nothing: what is stored of them was understood.
TextResult<void> ReadLines(const json& object, ControlRequest& request) {
  const auto found = object.find("lines");
  if (found == object.end() || !found->is_string()) {
    return Fail(std::string("'lines' must be a string, a flush a line"));
  }
  const auto text = found->get<std::string>();
  std::string_view rest = text;
  for (size_t number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const auto flush = ParseFlushLine(rest.substr(0, end), {});
    if (!flush) return Fail(fmt::format("'lines', {}: {}", number, flush.error()));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!*flush) continue;
    request.lines += FlushLineOf(**flush) + '\n';
    request.flushes.push_back(**flush);
  }
  return {};
}

}  // namespace

TextResult<void> ReadListRequest(const json& object, ControlRequest& request) {
  if (request.command == ControlCommand::kFlushList) return ReadPlan(object, request.list);
  if (auto read = ReadJob(object, request); !read) return read;
  if (request.command == ControlCommand::kFlushListAdd) return ReadLines(object, request);
  if (request.command == ControlCommand::kFlushListStop) {
    return ReadFlag(object, "undo", &request.undo);
  }
  return {};
}

}  // namespace breakwater
