// JSON as bytes for the wire: what is no UTF-8 (names come from anywhere) is replaced, not thrown.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace breakwater {

std::string DumpJson(const nlohmann::json& value);

}  // namespace breakwater
