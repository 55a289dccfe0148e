// /metrics: the Prometheus text format, version 0.0.4. Every name has one HELP and one TYPE line
// before its samples; names, labels and their values are those of dnsdist (metrics.txt).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/control/control_target.h"

namespace breakwater {

using PrometheusLabels = std::vector<std::pair<std::string_view, std::string>>;

// Writes samples, escaping label values; one family (name) at a time.
class PrometheusWriter {
 public:
  // `instance` non-empty: a last label of every sample that has no label of that name itself.
  explicit PrometheusWriter(std::string instance) : instance_(std::move(instance)) {}

  struct Family {
    std::string_view name;  // without prefix
    std::string_view help;
    std::string_view type;  // "counter", "gauge", "histogram"
    std::string_view prefix = "dnsdist_";
  };
  void Begin(const Family& family);
  // `suffix` is "_bucket", "_sum", "_count" of a histogram.
  void Sample(const PrometheusLabels& labels, std::string_view value, std::string_view suffix = {});

  const std::string& text() const { return text_; }

 private:
  std::string instance_;
  std::string name_;
  std::string text_;
};

std::string EscapeLabelValue(std::string_view value);

std::string PrometheusText(const ControlTarget& target);

}  // namespace breakwater
