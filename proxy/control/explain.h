// What would become of a query: which rules match, what the cache holds, which server would be
// asked and why. Sends nothing and changes nothing: selectors, actions, policies, cache and zone
// health have looks without side effects, and what cannot be told so is told as undecided.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>

#include "proxy/control/control_target.h"
#include "proxy/control/explain_question.h"

namespace breakwater {

// The number of all that a cache's flush is a part of.
using FlushNumber = std::function<uint64_t(const PacketCache& cache, FlushId id)>;

nlohmann::json Explain(const ControlTarget& target, const ExplainQuestion& question,
                       const FlushNumber& flush_number);

// The same for people.
std::string ExplainText(const nlohmann::json& reply);

}  // namespace breakwater
