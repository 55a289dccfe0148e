// The one place that decides whether a caller of the control socket may do a thing; every command
// asks it, the jobs that one starts as well. Pure.
//
// A caller has the rights of its peer (roles.h), or, where the request carries a token, those of
// the token and no others: a token may widen what the peer may do, and narrow it. What a command
// needs, and what zones do to it, is a table in control_request.cc:
//
//   by zones     a caller whose rights are bound to zones may
//   kFree        as any other: it only reads
//   kBegins      as well: a list that is still empty
//   kNames       where each name is one of the zones or below one; so no suffix above them
//   kOwnNames    the same, and its own token began the list
//   kOwn         where its own token made the flush, or began the list
//   kNever       not
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/config/control_access.h"
#include "proxy/control/control_request.h"
#include "proxy/dns/name.h"

namespace breakwater {

struct Rights {
  Role role = Role::kRead;
  std::string token;               // its name; empty: the peer's own rights
  std::vector<dns::Name> zones{};  // empty: not bound
};
Rights RightsOf(const ControlToken& token);

// What a command is about, where rights depend on it.
struct Concerned {
  std::span<const dns::Name> names{};  // that it flushes, alone or with all below
  std::string_view made_by{};          // kOwn: the token that made the flush; empty: no token did
};

// The error says what is missing, for the caller to read.
TextResult<void> Permit(const Rights& rights, ControlCommand command, const Concerned& concerned);

}  // namespace breakwater
