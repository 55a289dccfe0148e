#include "proxy/web/secure_metrics.h"

#include <array>
#include <string>
#include <string_view>

#include "proxy/query/doh_frontend.h"

namespace breakwater {
namespace {

constexpr std::string_view kCounter = "counter";
constexpr std::array<std::string_view, kTlsVersions> kVersionLabels = {"tls10", "tls11", "tls12",
                                                                       "tls13", "unknown"};
constexpr std::array<std::string_view, 2> kHttpVersions = {"1", "2"};
constexpr std::array<std::string_view, 6> kStatuses = {"200", "400", "403", "500", "502", "other"};

using Labels = PrometheusLabels;

void Write(PrometheusWriter& out, const Labels& labels, const SharedCounter& counter) {
  out.Sample(labels, std::to_string(counter.Get()));
}

Labels With(Labels labels, std::string_view name, std::string_view value) {
  labels.emplace_back(name, value);
  return labels;
}

struct TlsColumn {
  PrometheusWriter::Family family;
  SharedCounter TlsCounters::*counter;
};
const TlsColumn kTlsColumns[] = {
    {{"frontend_tlsnewsessions", "TLS sessions made anew", kCounter}, &TlsCounters::new_sessions},
    {{"frontend_tlsresumptions", "TLS sessions resumed", kCounter}, &TlsCounters::resumed_sessions},
    {{"frontend_tlsunknownticketkeys", "Tickets under a key that is not known", kCounter},
     &TlsCounters::unknown_ticket_keys},
    {{"frontend_tlsinactiveticketkeys", "Tickets under a key that is no longer the active one",
      kCounter},
     &TlsCounters::inactive_ticket_keys},
    {{"frontend_tlsmessagefloods",
      "Connections ended because of too many key updates or renegotiations between data", kCounter},
     &TlsCounters::message_floods},
};

// Of HTTPS there is one transport: the labels have no proto.
Labels HttpLabels(const LabelledFrontend& row) {
  Labels labels;
  for (const auto& label : row.labels) {
    if (label.first != "proto") labels.push_back(label);
  }
  return labels;
}

struct DohSample {
  std::string_view value;
  SharedCounter DohCounters::*counter;
};

void WriteFamily(PrometheusWriter& out, const std::vector<LabelledFrontend>& frontends,
                 std::string_view label, std::initializer_list<DohSample> samples) {
  for (const LabelledFrontend& row : frontends) {
    if (row.frontend->doh == nullptr) continue;
    const DohCounters& counters = row.frontend->doh->counters;
    for (const DohSample& sample : samples) {
      Labels labels = HttpLabels(row);
      if (!label.empty()) labels = With(std::move(labels), label, sample.value);
      Write(out, std::move(labels), counters.*sample.counter);
    }
  }
}

void WriteStatuses(PrometheusWriter& out, const LabelledFrontend& row) {
  const DohCounters& counters = row.frontend->doh->counters;
  for (size_t version = 0; version < kHttpVersions.size(); ++version) {
    const Labels labels = With(HttpLabels(row), "httpversion", kHttpVersions[version]);
    for (size_t i = 0; i < kStatuses.size(); ++i) {
      Write(out, With(labels, "status", kStatuses[i]), counters.by_status[version][i]);
    }
  }
}

}  // namespace

void WriteTlsMetrics(PrometheusWriter& out, const std::vector<LabelledFrontend>& frontends) {
  for (const TlsColumn& column : kTlsColumns) {
    out.Begin(column.family);
    for (const auto& [frontend, labels] : frontends) {
      if (frontend->tls) Write(out, labels, frontend->tls->counters().*column.counter);
    }
  }
  out.Begin({"frontend_tlsqueries", "Queries by version of TLS", kCounter});
  for (const auto& [frontend, labels] : frontends) {
    for (size_t i = 0; frontend->tls && i < kTlsVersions; ++i) {
      Write(out, With(labels, "tls", kVersionLabels[i]), frontend->tls->counters().queries[i]);
    }
  }
  out.Begin({"frontend_tlshandshakefailures", "TLS handshakes that failed, by reason", kCounter});
  for (const auto& [frontend, labels] : frontends) {
    for (size_t i = 0; frontend->tls && i < kTlsFailures; ++i) {
      Write(out, With(labels, "error", TlsFailureName(static_cast<TlsFailure>(i))),
            frontend->tls->counters().failures[i]);
    }
  }
}

void WriteDohMetrics(PrometheusWriter& out, const std::vector<LabelledFrontend>& frontends) {
  using C = DohCounters;
  out.Begin({"frontend_http_connects", "Connections accepted for DNS over HTTPS", kCounter});
  for (const LabelledFrontend& row : frontends) {
    if (row.frontend->doh == nullptr) continue;
    const Frontend& frontend = *row.frontend;
    out.Sample(HttpLabels(row), std::to_string(frontend.tcp_connections.Get() +
                                               frontend.tcp_current_connections.Get()));
  }
  out.Begin({"frontend_doh_http_method_queries", "Requests by method", kCounter});
  WriteFamily(out, frontends, "method", {{"get", &C::get_queries}, {"post", &C::post_queries}});
  out.Begin({"frontend_doh_http_version_queries", "Requests by version of HTTP", kCounter});
  WriteFamily(out, frontends, "version", {{"1", &C::http1_queries}, {"2", &C::http2_queries}});
  out.Begin({"frontend_doh_bad_requests", "Requests that are no DNS query", kCounter});
  WriteFamily(out, frontends, "", {{"", &C::bad_requests}});
  out.Begin({"frontend_doh_refused_requests",
             "Requests refused for a limit, or given up before they were complete", kCounter});
  WriteFamily(out, frontends, "", {{"", &C::refused_requests}});
  out.Begin({"frontend_doh_responses", "Responses by kind", kCounter});
  WriteFamily(out, frontends, "type",
              {{"error", &C::error_responses},
               {"redirect", &C::redirect_responses},
               {"valid", &C::valid_responses}});
  out.Begin({"frontend_doh_version_status_responses", "Responses by version of HTTP and status",
             kCounter});
  for (const LabelledFrontend& row : frontends) {
    if (row.frontend->doh != nullptr) WriteStatuses(out, row);
  }
}

}  // namespace breakwater
