// What a rule in Lua costs for each query, and how it scales with threads.
#include <benchmark/benchmark.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "bench/micro/rule_bench.h"
#include "lua/configuration.h"

namespace breakwater::lua {
namespace {

constexpr const char* kConfiguration = R"(
  addAction(AllRule(), LuaAction(function(dq)
    if dq.qtype == DNSQType.TXT then return DNSAction.Refused end
    return DNSAction.None
  end))
  local ffi = require("ffi")
  addAction(AllRule(), LuaFFIAction(function(dq)
    if ffi.C.dnsdist_ffi_dnsquestion_get_qtype(dq) == DNSQType.TXT then return DNSAction.Refused end
    return DNSAction.None
  end))
  addAction(AllRule(), LuaFFIPerThreadAction([[
    local C = require("ffi").C
    return function(dq)
      if C.dnsdist_ffi_dnsquestion_get_qtype(dq) == DNSQType.TXT then return DNSAction.Refused end
      return DNSAction.None
    end
  ]]))
)";

auto LoadText(const std::string& text, ConfigBuilder& builder) {
  char path[] = "/tmp/breakwater_lua_bench_XXXXXX";
  const int file = mkstemp(path);
  std::ofstream(path) << text;
  auto loaded = Configuration::Load(path, builder, {});
  close(file);
  unlink(path);
  return loaded;
}

// Read once, for all threads.
const ConfigPtr& Loaded() {
  static ConfigBuilder builder;
  static const auto configuration = [] {
    auto loaded = LoadText(kConfiguration, builder);
    return loaded ? std::move(*loaded) : nullptr;
  }();
  static const ConfigPtr config = configuration ? configuration->CurrentConfig() : nullptr;
  return config;
}

// The rule of that number.
void RunRule(benchmark::State& state) {
  const ConfigPtr& config = Loaded();
  if (!config) return state.SkipWithError("the configuration cannot be read");
  RuleBench bench;
  const QueryPtr query = bench.Ask();
  const Action& action = *config->chains.query.at(static_cast<size_t>(state.range(0))).action;
  for (auto _ : state) benchmark::DoNotOptimize(action.Apply(*query, bench.context));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(RunRule)->Name("LuaAction")->Arg(0)->UseRealTime()->ThreadRange(1, 2);
BENCHMARK(RunRule)->Name("LuaFFIAction")->Arg(1)->UseRealTime()->ThreadRange(1, 2);
BENCHMARK(RunRule)->Name("LuaFFIPerThreadAction")->Arg(2)->UseRealTime()->ThreadRange(1, 2);

// A rule replaced by another on the console, with so many in place, and the new configuration
// published.
void RuleChange(benchmark::State& state) {
  ConfigBuilder builder;
  auto loaded = LoadText(
      "for i = 1, " + std::to_string(state.range(0)) +
          " do addAction(QNameRule('n'..i..'.example'), RCodeAction(5), {name='r'..i}) end",
      builder);
  if (!loaded) return state.SkipWithError(loaded.error().c_str());
  for (auto _ : state) {
    const std::string said = (*loaded)->RunCommand(
        "rmRule('r5000') addAction(QNameRule('new.example'), RCodeAction(5), {name='r5000'}) "
        "mvRule(" +
        std::to_string(state.range(0) - 1) + ", 4999)");
    if (!said.empty()) state.SkipWithError(said.c_str());
  }
}
BENCHMARK(RuleChange)->Arg(10'000)->Unit(benchmark::kMillisecond)->Repetitions(5);

}  // namespace
}  // namespace breakwater::lua
