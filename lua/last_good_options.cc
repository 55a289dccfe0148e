#include "lua/last_good_options.h"

#include <fmt/format.h>

namespace breakwater::lua {
namespace {

// Times of the cache are 32-bit serial numbers of milliseconds: beyond some twenty days they end.
constexpr double kLongest_s = 20 * 86400;

void ReadMs(Options& options, const char* name, uint32_t* value_ms) {
  double seconds = 0;
  if (!options.Read(name, &seconds)) return;
  if (!(seconds >= 0.001 && seconds <= 3600)) {
    return options.Reject(fmt::format("{} is in seconds, 0.001 to 3600, not {}", name, seconds));
  }
  *value_ms = static_cast<uint32_t>(seconds * 1000);
}

void ReadKinds(Options& options, uint16_t* kinds) {
  std::vector<std::string> names;
  if (!options.Read("on", &names)) return;
  *kinds = 0;
  for (const std::string& name : names) {
    if (const auto kind = BadKindOf(name)) {
      *kinds = static_cast<uint16_t>(*kinds | 1u << static_cast<unsigned>(*kind));
      continue;
    }
    std::string known;
    for (size_t i = 0; i < kBadKinds; ++i) {
      known += fmt::format("{}{}", i == 0 ? "" : ", ", NameOf(static_cast<BadKind>(i)));
    }
    options.Reject(fmt::format("on: '{}' is none of {}", name, known));
  }
}

}  // namespace

TextResult<LastGoodArg> Reader<LastGoodArg>::Read(Call& call, int index) {
  if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
  Options options(call, index);
  LastGoodArg arg;
  options.Read("maxAge", &arg.settings.max_age_s);
  if (arg.settings.max_age_s > kLongest_s) {
    options.Reject(
        fmt::format("maxAge is {} seconds at most, not {}", kLongest_s, arg.settings.max_age_s));
  }
  options.Read("ttl", &arg.settings.ttl_s);
  ReadMs(options, "clientTimeout", &arg.settings.client_timeout);
  ReadMs(options, "recheck", &arg.settings.recheck);
  ReadKinds(options, &arg.settings.on);
  if (auto good = options.Finish(); !good) return Fail("lastGood: " + good.error());
  return arg;
}

}  // namespace breakwater::lua
