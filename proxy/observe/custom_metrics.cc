#include "proxy/observe/custom_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "proxy/observe/family_names.h"
#include "proxy/observe/metrics.h"

namespace breakwater {
namespace {

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '-';
  });
}
bool IsPrometheusName(std::string_view name) {
  return !name.empty() && !IsDigit(name[0]) && std::all_of(name.begin(), name.end(), [](char c) {
    return IsLetter(c) || IsDigit(c) || c == ':';
  });
}
// What begins with two underscores is Prometheus's own: __name__ would name the series again.
bool IsLabelName(std::string_view name) {
  return IsPrometheusName(name) && name.find(':') == std::string_view::npos &&
         !name.starts_with("__");
}

std::string PrometheusName(std::string_view name) {
  std::string text = "dnsdist_" + std::string(name);
  std::replace(text.begin(), text.end(), '-', '_');
  return text;
}

// A second series of the same name would make the whole page of metrics unreadable.
bool IsOwnName(const CustomMetricSettings& settings) {
  static const std::set<std::string> own = [] {
    std::set<std::string> names;
    for (const MetricReading& reading : CounterRegistry(MonoTime{}).Read(MonoTime{})) {
      names.insert(PrometheusName(reading.name));
    }
    for (const std::string_view family : kFamilyNames) names.insert(PrometheusName(family));
    for (const std::string_view histogram : kHistogramNames) {
      for (const char* part : {"_bucket", "_sum", "_count"}) {
        names.insert(PrometheusName(histogram) + part);
      }
    }
    return names;
  }();
  return own.contains(PrometheusName(settings.name)) || own.contains(settings.prometheus_name);
}

}  // namespace

TextResult<void> CustomMetrics::Declare(const CustomMetricSettings& wanted) {
  const auto fail = [&](std::string_view why) {
    return Fail(fmt::format("unable to declare metric '{}': {}", wanted.name, why));
  };
  if (!IsName(wanted.name)) return fail("the name must consist of a-z, 0-9 and -");
  CustomMetricSettings settings = wanted;
  if (settings.prometheus_name.empty()) settings.prometheus_name = PrometheusName(settings.name);
  if (!IsPrometheusName(settings.prometheus_name)) {
    return fail(fmt::format("'{}' is no name of a metric for Prometheus: letters, digits, _ and :",
                            settings.prometheus_name));
  }
  if (IsOwnName(settings)) return fail("the server has a metric of that name itself");
  for (char& c : settings.description) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return metrics_.With([&](Metrics& metrics) -> TextResult<void> {
    if (metrics.contains(settings.name)) return {};
    for (const auto& [name, metric] : metrics) {
      if (metric.settings.prometheus_name == settings.prometheus_name) {
        return fail(fmt::format("metric '{}' is called {} too", name, settings.prometheus_name));
      }
    }
    Metric& metric = metrics[settings.name];
    metric.settings = settings;
    if (!settings.with_labels) {
      metric.series[{}] = settings.is_gauge ? Value(0.0) : Value(uint64_t{0});
    }
    return {};
  });
}

template <typename T, typename F>
TextResult<T> CustomMetrics::Change(std::string_view name, const Labels& labels, F change) {
  return metrics_.With([&](Metrics& metrics) -> TextResult<T> {
    const auto metric = metrics.find(name);
    if (metric == metrics.end()) {
      return Fail(fmt::format("there is no custom metric '{}': declareMetric() makes one", name));
    }
    if (metric->second.settings.is_gauge != std::is_same_v<T, double>) {
      return Fail(fmt::format("custom metric '{}' is a {}", name,
                              metric->second.settings.is_gauge ? "gauge: use setMetric()"
                                                               : "counter: use incMetric()"));
    }
    auto& series = metric->second.series;
    auto value = series.find(labels);
    if (value == series.end()) {
      for (const auto& [label, text] : labels) {
        if (!IsLabelName(label)) return Fail(fmt::format("'{}' is no name of a label", label));
      }
      if (series.size() >= kMostSeries) {
        return Fail(fmt::format("custom metric '{}' has {} label sets, more are not kept", name,
                                kMostSeries));
      }
      value = series.emplace(labels, T{0}).first;
    }
    return change(std::get<T>(value->second));
  });
}

TextResult<uint64_t> CustomMetrics::Add(std::string_view name, const Labels& labels,
                                        uint64_t step) {
  return Change<uint64_t>(name, labels, [&](uint64_t& value) { return value += step; });
}
TextResult<uint64_t> CustomMetrics::Subtract(std::string_view name, const Labels& labels,
                                             uint64_t step) {
  return Change<uint64_t>(name, labels, [&](uint64_t& value) { return value -= step; });
}
TextResult<double> CustomMetrics::Set(std::string_view name, const Labels& labels, double to) {
  return Change<double>(name, labels, [&](double& value) { return value = to; });
}

TextResult<double> CustomMetrics::Get(std::string_view name, const Labels& labels) const {
  return metrics_.With([&](const Metrics& metrics) -> TextResult<double> {
    const auto metric = metrics.find(name);
    if (metric == metrics.end()) return Fail(fmt::format("there is no custom metric '{}'", name));
    const auto value = metric->second.series.find(labels);
    if (value == metric->second.series.end()) {
      return Fail(fmt::format("custom metric '{}' has no value with these labels", name));
    }
    return std::visit([](auto number) { return static_cast<double>(number); }, value->second);
  });
}

std::vector<CustomMetrics::Reading> CustomMetrics::Read() const {
  return metrics_.With([](const Metrics& metrics) {
    std::vector<Reading> out;
    for (const auto& [name, metric] : metrics) {
      Reading reading{.name = name,
                      .prometheus_name = metric.settings.prometheus_name,
                      .description = metric.settings.description,
                      .is_gauge = metric.settings.is_gauge,
                      .series = {}};
      for (const auto& [labels, value] : metric.series) reading.series.push_back({labels, value});
      out.push_back(std::move(reading));
    }
    return out;
  });
}

}  // namespace breakwater
