#include "lua/cache_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace breakwater::lua {
namespace {

// Times of the cache are 32-bit serial numbers of milliseconds: beyond some twenty days they end.
constexpr double kLongest_s = 20 * 86400;

// As many as an entry counts.
constexpr uint32_t kMostHits = 3;

void ReadMs(Options& options, const char* name, uint32_t* value_ms) {
  double seconds = 0;
  if (!options.Read(name, &seconds)) return;
  if (!(seconds >= 0.001 && seconds <= 3600)) {
    return options.Reject(fmt::format("{} is in seconds, 0.001 to 3600, not {}", name, seconds));
  }
  *value_ms = static_cast<uint32_t>(seconds * 1000);
}

void ReadRate(Options& options, const char* name, double* rate) {
  if (options.Read(name, rate) && !(*rate >= 1 && *rate <= 1e6)) {
    options.Reject(fmt::format("{} is questions a second, 1 to 1000000, not {}", name, *rate));
  }
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

void ReadZones(Options& options, std::vector<dns::Name>* zones) {
  std::vector<std::string> names;
  if (!options.Read("except", &names)) return;
  for (const std::string& text : names) {
    auto name = dns::Name::Parse(text);
    if (!name) return options.Reject(fmt::format("except: '{}': {}", text, name.error()));
    zones->push_back(*name);
  }
}

// A boolean in place of the table; true where `arg` has what it says.
template <typename Arg>
bool ReadSwitch(Call& call, int index, Arg* arg) {
  if (!lua_isboolean(call.state(), index)) return false;
  if (lua_toboolean(call.state(), index) != 0) arg->settings.emplace();
  return true;
}

}  // namespace

TextResult<LastGoodArg> Reader<LastGoodArg>::Read(Call& call, int index) {
  if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
  LastGoodArg arg;
  if (ReadSwitch(call, index, &arg)) return arg;
  Options options(call, index);
  LastGoodSettings& settings = arg.settings.emplace();
  options.Read("maxAge", &settings.max_age_s);
  if (settings.max_age_s > kLongest_s) {
    options.Reject(
        fmt::format("maxAge is {} seconds at most, not {}", kLongest_s, settings.max_age_s));
  }
  options.Read("ttl", &settings.ttl_s);
  ReadMs(options, "clientTimeout", &settings.client_timeout);
  ReadMs(options, "recheck", &settings.recheck);
  ReadRate(options, "recheckRate", &settings.recheck_rate);
  ReadKinds(options, &settings.on);
  ReadZones(options, &settings.except);
  if (auto good = options.Finish(); !good) arg.wrong = "lastGood: " + good.error();
  return arg;
}

TextResult<RefreshAheadArg> Reader<RefreshAheadArg>::Read(Call& call, int index) {
  if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
  RefreshAheadArg arg;
  if (ReadSwitch(call, index, &arg)) return arg;
  Options options(call, index);
  RefreshAheadSettings& settings = arg.settings.emplace();
  options.Read("share", &settings.share);
  if (!(settings.share > 0 && settings.share < 1)) {
    options.Reject(fmt::format("share is a part of an entry's time, above 0 and below 1, not {}",
                               settings.share));
  }
  options.Read("hits", &settings.hits);
  if (settings.hits < 1 || settings.hits > kMostHits) {
    options.Reject(fmt::format("hits is 1 to {}, not {}", kMostHits, settings.hits));
  }
  ReadRate(options, "rate", &settings.rate);
  if (auto good = options.Finish(); !good) arg.wrong = "refreshAhead: " + good.error();
  return arg;
}

TextResult<std::shared_ptr<PacketCache>> MakeCache(Call& call, PacketCacheSettings settings) {
  const auto& workers = call.builder().config().settings.workers;
  settings.workers = std::max(1u, workers.value_or(std::thread::hardware_concurrency()));
  return PacketCache::Make(settings, call.runtime().clock());
}

}  // namespace breakwater::lua
