// breakwaterctl drill: its words and what it prints.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "proxy/base/result.h"

namespace breakwater {

struct CtlDrill {
  enum class What : uint8_t { kBegin, kReport, kStop };
  What what = What::kBegin;
  std::string server;
  uint64_t id = 0;  // kReport; 0: the latest
  uint32_t seconds = 30;
  double share = 0.01;
  bool live = false;
};

// "30", "30s", "5m", "2h".
TextResult<uint32_t> ParseSeconds(std::string_view text);
// "1%", "0.01".
TextResult<double> ParseShare(std::string_view text);
// The words from "drill" on.
TextResult<void> ReadDrill(const std::vector<std::string>& words, CtlDrill& drill);

nlohmann::json DrillRequest(const CtlDrill& drill);
// Whether the drill that was reported is over; and whether it has found that all is well.
bool DrillIsOver(const nlohmann::json& report);
bool DrillIsClean(const nlohmann::json& report);
std::string DrillText(const nlohmann::json& report);

}  // namespace breakwater
