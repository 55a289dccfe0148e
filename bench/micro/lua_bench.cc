// What a rule in Lua costs for each query, and how it scales with threads.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <cstring>
#include <fstream>

#include "lua/configuration.h"
#include "proxy/dns/question.h"

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

// Read once, for all threads.
const ConfigPtr& Loaded() {
  static ConfigBuilder builder;
  static const auto configuration = [] {
    char path[] = "/tmp/breakwater_lua_bench_XXXXXX";
    const int file = mkstemp(path);
    std::ofstream(path) << kConfiguration;
    auto loaded = Configuration::Load(path, builder, {});
    close(file);
    unlink(path);
    return loaded ? std::move(*loaded) : nullptr;
  }();
  static const ConfigPtr config = configuration ? configuration->CurrentConfig() : nullptr;
  return config;
}

// The rule of that number on "www.example.com A".
void RunRule(benchmark::State& state) {
  constexpr uint8_t kMessage[] =
      "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\3www\7example\3com\0\0\1\0";
  const ConfigPtr& config = Loaded();
  if (!config) return state.SkipWithError("the configuration cannot be read");
  QueryPool pool;
  Random random;
  Counters counters;
  const std::function<const Pool*(std::string_view)> find_pool = [](std::string_view) {
    return static_cast<const Pool*>(nullptr);
  };
  RuleContext context{.now = MonoTime::FromSeconds(1000),
                      .random = random,
                      .counters = counters,
                      .packets = pool.packets(),
                      .find_pool = find_pool};
  const QueryPtr query = pool.Get();
  query->ReplaceMessage(pool.packets(), kMessage);
  query->question = dns::ParseQuestion(query->message()).value();
  const Action& action = *config->chains.query.at(static_cast<size_t>(state.range(0))).action;
  for (auto _ : state) benchmark::DoNotOptimize(action.Apply(*query, context));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(RunRule)->Name("LuaAction")->Arg(0)->UseRealTime()->ThreadRange(1, 2);
BENCHMARK(RunRule)->Name("LuaFFIAction")->Arg(1)->UseRealTime()->ThreadRange(1, 2);
BENCHMARK(RunRule)->Name("LuaFFIPerThreadAction")->Arg(2)->UseRealTime()->ThreadRange(1, 2);

// A rule replaced by another on the console, with so many in place, and the new configuration
// published.
void RuleChange(benchmark::State& state) {
  char path[] = "/tmp/breakwater_lua_bench_XXXXXX";
  const int file = mkstemp(path);
  std::ofstream(path)
      << "for i = 1, " << state.range(0)
      << " do addAction(QNameRule('n'..i..'.example'), RCodeAction(5), {name='r'..i}) "
         "end";
  ConfigBuilder builder;
  auto loaded = Configuration::Load(path, builder, {});
  close(file);
  unlink(path);
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
