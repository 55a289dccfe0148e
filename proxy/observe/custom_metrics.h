// The operator's own metrics (declareMetric). Declared and changed by Lua on any thread, read by
// whoever shows metrics; one for the life of the program. A metric that was declared stays, and so
// do its texts; what is counted is never lost by a new configuration.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/base/guarded.h"
#include "proxy/base/result.h"

namespace breakwater {

struct CustomMetricSettings {
  std::string name;             // [a-z0-9-]+
  bool is_gauge = false;        // else a counter of 64 bits, which wraps around
  std::string description;      // one line on /metrics
  std::string prometheus_name;  // empty: "dnsdist_", then the name with '_' for '-'
  bool with_labels = false;     // there is no value before the first label set is used
};

class CustomMetrics {
 public:
  using Labels = std::map<std::string, std::string>;
  using Value = std::variant<uint64_t, double>;
  // Of one metric; further label sets are refused, for they may come from what clients send.
  static constexpr size_t kMostSeries = 10'000;

  // A second declaration of a name changes nothing and is no error.
  TextResult<void> Declare(const CustomMetricSettings& settings);

  // --- they give the new value; an error for an unknown name or the other kind of metric
  TextResult<uint64_t> Add(std::string_view name, const Labels& labels, uint64_t step);
  TextResult<uint64_t> Subtract(std::string_view name, const Labels& labels, uint64_t step);
  TextResult<double> Set(std::string_view name, const Labels& labels, double value);
  TextResult<double> Get(std::string_view name, const Labels& labels) const;

  struct Series {
    Labels labels;
    Value value;
  };
  struct Reading {
    std::string_view name, prometheus_name, description;  // live as long as this object
    bool is_gauge = false;
    std::vector<Series> series;  // sorted by labels
  };
  std::vector<Reading> Read() const;  // by name

 private:
  struct Metric {
    CustomMetricSettings settings;
    std::map<Labels, Value> series;
  };
  using Metrics = std::map<std::string, Metric, std::less<>>;
  // `change` gets the value, which is of the kind asked for.
  template <typename T, typename F>
  TextResult<T> Change(std::string_view name, const Labels& labels, F change);

  Guarded<Metrics> metrics_;
};

}  // namespace breakwater
