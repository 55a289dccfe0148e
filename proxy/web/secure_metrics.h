// The metrics that binds of TLS and HTTPS alone have.
#pragma once

#include <vector>

#include "proxy/query/frontend.h"
#include "proxy/web/prometheus.h"

namespace breakwater {

struct LabelledFrontend {
  const Frontend* frontend;
  PrometheusLabels labels;  // frontend, proto, thread
};

void WriteTlsMetrics(PrometheusWriter& out, const std::vector<LabelledFrontend>& frontends);
void WriteDohMetrics(PrometheusWriter& out, const std::vector<LabelledFrontend>& frontends);

}  // namespace breakwater
