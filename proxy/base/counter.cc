#include "proxy/base/counter.h"

namespace breakwater {
namespace {

[[maybe_unused]] constexpr bool kCounter = false;
[[maybe_unused]] constexpr bool kGauge = true;

constexpr std::array<MetricInfo, kMetricCount> kInfo = {{
#define BW_METRIC(kind, id, name, help) {name, help, kind},
#include "proxy/base/metrics_list.inc"
#undef BW_METRIC
}};

}  // namespace

const MetricInfo& InfoOf(Metric metric) {
  return kInfo[static_cast<size_t>(metric)];
}

}  // namespace breakwater
