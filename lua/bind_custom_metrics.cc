// Metrics of the operator's own, and where all metrics are sent.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "lua/object_args.h"
#include "lua/script_bindings.h"
#include "proxy/base/left_out.h"
#include "proxy/base/log.h"

namespace breakwater::lua {

// {name="value"}; values may be numbers.
struct LabelsArg {
  CustomMetrics::Labels labels;
};
template <>
struct Reader<LabelsArg> {
  static constexpr const char* kExpected = "table of labels";
  static bool Accepts(lua_State* state, int index) { return IsTable(state, index); }
  static TextResult<LabelsArg> Read(Call& call, int index) {
    if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
    LabelsArg result;
    lua_State* const state = call.state();
    index = lua_absindex(state, index);
    for (lua_pushnil(state); lua_next(state, index) != 0; lua_pop(state, 1)) {
      const int top = lua_gettop(state);
      // A number as key must not be turned into text here: that would confuse lua_next.
      if (lua_type(state, top - 1) != LUA_TSTRING || !Reader<std::string>::Accepts(state, top)) {
        lua_pop(state, 2);
        return Fail(std::string("labels must be of the form name=\"value\""));
      }
      auto value = Reader<std::string>::Read(call, top);
      if (!value) return Fail(std::move(value.error()));
      result.labels[lua_tostring(state, top - 1)] = std::move(*value);
    }
    return result;
  }
};

namespace {

CustomMetrics& Metrics(Call& call) {
  return *call.builder().config().settings.custom_metrics;
}

// Not an error of the script: it is logged, and printed for who types it on the console.
void Tell(Call& call, const std::string& problem) {
  static LogLimiter limiter;
  uint64_t suppressed = 0;
  const std::string text = fmt::format("{}{}: {}", call.Where(), call.row().name, problem);
  if (call.runtime().options().client) return;
  if (call.runtime().place() == Place::kScript) call.Print(text + "\n");
  if (limiter.Allow(call.runtime().clock().Now(), &suppressed)) {
    LogError("lua", "{}{}", text, LeftOut(suppressed));
  }
}

template <typename T>
T ValueOr0(Call& call, const TextResult<T>& value) {
  if (value) return *value;
  Tell(call, value.error());
  return T{0};
}

using NameOrOptions = std::variant<std::string, Options>;

TextResult<bool> Declare(Call& call, const std::string& name, const std::string& type,
                         const std::string& description, std::optional<NameOrOptions> last) {
  CustomMetricSettings settings{.name = name,
                                .is_gauge = type == "gauge",
                                .description = description,
                                .prometheus_name = {},
                                .with_labels = false};
  if (last && std::holds_alternative<std::string>(*last)) {
    settings.prometheus_name = std::get<std::string>(*last);
  } else if (last) {
    auto& options = std::get<Options>(*last);
    options.Read("name", &settings.prometheus_name);
    options.Read("customName", &settings.prometheus_name);
    options.Read("withLabels", &settings.with_labels);
    if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  }
  if (type != "counter" && type != "gauge") {
    Tell(call, fmt::format("unable to declare metric '{}': type '{}' is neither counter nor gauge",
                           name, type));
    return false;
  }
  const auto declared = Metrics(call).Declare(settings);
  if (!declared) Tell(call, declared.error());
  return declared.has_value();
}

// A number is the step.
using StepOrOptions = std::variant<uint64_t, Options>;

struct Step {
  uint64_t by = 1;
  CustomMetrics::Labels labels;
};
TextResult<Step> ReadStep(std::optional<StepOrOptions>& last) {
  Step step;
  if (!last) return step;
  if (const auto* number = std::get_if<uint64_t>(&*last)) {
    step.by = *number;
    return step;
  }
  LabelsArg labels;
  auto& options = std::get<Options>(*last);
  options.Read("step", &step.by);
  options.Read("labels", &labels);
  if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  step.labels = std::move(labels.labels);
  return step;
}
TextResult<CustomMetrics::Labels> ReadLabels(Options& options) {
  LabelsArg labels;
  options.Read("labels", &labels);
  if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  return std::move(labels.labels);
}

TextResult<uint64_t> Increment(Call& call, const std::string& name,
                               std::optional<StepOrOptions> last) {
  const auto step = ReadStep(last);
  if (!step) return Fail(step.error());
  return ValueOr0(call, Metrics(call).Add(name, step->labels, step->by));
}
TextResult<uint64_t> Decrement(Call& call, const std::string& name,
                               std::optional<StepOrOptions> last) {
  const auto step = ReadStep(last);
  if (!step) return Fail(step.error());
  return ValueOr0(call, Metrics(call).Subtract(name, step->labels, step->by));
}
TextResult<double> SetTo(Call& call, const std::string& name, double value, Options options) {
  const auto labels = ReadLabels(options);
  if (!labels) return Fail(labels.error());
  return ValueOr0(call, Metrics(call).Set(name, *labels, value));
}
TextResult<double> Get(Call& call, const std::string& name, Options options) {
  const auto labels = ReadLabels(options);
  if (!labels) return Fail(labels.error());
  return ValueOr0(call, Metrics(call).Get(name, *labels));
}

std::string HostName() {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  std::string text = host;
  std::replace(text.begin(), text.end(), '.', '_');
  return text.empty() ? "unknown" : text;
}

// A space or a line's end in a name would begin another field of Carbon's.
bool IsWord(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

TextResult<void> Carbon(Call& call, const std::string& server,
                        const std::optional<std::string>& host,
                        std::optional<uint32_t> interval_s) {
  constexpr uint16_t kCarbonPort = 2003;
  CarbonServerSettings settings;
  const auto address = Address::Parse(server, kCarbonPort);
  if (!address) return Fail(address.error());
  settings.server = *address;
  settings.host = host && !host->empty() ? *host : HostName();
  settings.interval_s = interval_s.value_or(settings.interval_s);
  const auto word = [&](int index, std::string* value) -> TextResult<void> {
    auto read = Reader<std::optional<std::string>>::Read(call, index);
    if (!read) return Fail(std::move(read.error()));
    if (*read && !(*read)->empty()) *value = **read;
    return {};
  };
  if (auto good = word(4, &settings.name_space); !good) return good;
  if (auto good = word(5, &settings.instance); !good) return good;
  if (settings.interval_s == 0) return Fail(std::string("the interval must be at least 1 second"));
  if (!IsWord(settings.host) || !IsWord(settings.name_space) || !IsWord(settings.instance)) {
    return Fail(std::string("names must be without spaces"));
  }
  call.builder().Edit().settings.carbon.push_back(std::move(settings));
  return {};
}

constexpr Scope kAny = Scope::kAnywhere;
constexpr FunctionRow kFunctions[] = {
    {"carbonServer", Bind<&Carbon>,
     "carbonServer(serverIP [, ourname [, interval=30 [, namespace=\"dnsdist\" [, "
     "instance=\"main\"]]]])",
     "Sends the metrics to a Carbon server (port 2003 unless named), every so many seconds."},
    {"declareMetric", Bind<&Declare>,
     "declareMetric(name, type, description [, prometheusName | {customName=, withLabels=false}]) "
     "-> bool",
     "Makes a metric of your own, of type \"counter\" or \"gauge\".", kAny},
    {"decMetric", Bind<&Decrement>, "decMetric(name [, step | {step=1, labels={}}]) -> int",
     "Counts a counter of your own down; gives its value.", kAny},
    {"getMetric", Bind<&Get>, "getMetric(name [, {labels={}}]) -> double",
     "The value of a metric of your own.", kAny},
    {"incMetric", Bind<&Increment>, "incMetric(name [, step | {step=1, labels={}}]) -> int",
     "Counts a counter of your own up; gives its value.", kAny},
    {"setMetric", Bind<&SetTo>, "setMetric(name, value [, {labels={}}]) -> double",
     "Sets a gauge of your own; gives its value.", kAny},
};

}  // namespace

FunctionPage CustomMetricFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
