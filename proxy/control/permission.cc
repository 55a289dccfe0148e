#include "proxy/control/permission.h"

#include <fmt/format.h>

#include <algorithm>

namespace breakwater {
namespace {

bool IsIn(const std::vector<dns::Name>& zones, const dns::Name& name) {
  return std::any_of(zones.begin(), zones.end(),
                     [&](const dns::Name& zone) { return name.IsPartOf(zone); });
}

TextResult<void> PermitNames(const Rights& rights, const Concerned& concerned) {
  for (const dns::Name& name : concerned.names) {
    if (IsIn(rights.zones, name)) continue;
    return Fail(fmt::format("the token '{}' may not flush {}: it is outside of its zones",
                            rights.token, name.ToString()));
  }
  return {};
}

TextResult<void> PermitOwn(const Rights& rights, const Concerned& concerned) {
  if (!rights.token.empty() && concerned.made_by == rights.token) return {};
  return Fail(
      fmt::format("the token '{}' has a say in its own flushes and lists only", rights.token));
}

TextResult<void> PermitByZones(const Rights& rights, ControlCommand command,
                               const Concerned& concerned) {
  switch (ZoneRuleOf(command)) {
    case ZoneRule::kFree:
    case ZoneRule::kBegins:
      return {};
    case ZoneRule::kNames:
      if (concerned.names.empty()) break;
      return PermitNames(rights, concerned);
    case ZoneRule::kOwnNames:
      if (auto own = PermitOwn(rights, concerned); !own) return own;
      return PermitNames(rights, concerned);
    case ZoneRule::kOwn:
      return PermitOwn(rights, concerned);
    case ZoneRule::kNever:
      break;
  }
  return Fail(fmt::format("the token '{}' is bound to zones, '{}' is about more", rights.token,
                          CommandName(command)));
}

}  // namespace

Rights RightsOf(const ControlToken& token) {
  return {.role = token.role, .token = token.name, .zones = token.zones};
}

TextResult<void> Permit(const Rights& rights, ControlCommand command, const Concerned& concerned) {
  const Role needed = RequiredRole(command);
  if (!Allows(rights.role, needed)) {
    return Fail(fmt::format("'{}' needs the role {}, {} is {}", CommandName(command),
                            RoleName(needed),
                            rights.token.empty() ? "yours" : "that of token '" + rights.token + "'",
                            RoleName(rights.role)));
  }
  if (rights.zones.empty()) return {};
  return PermitByZones(rights, command, concerned);
}

}  // namespace breakwater
