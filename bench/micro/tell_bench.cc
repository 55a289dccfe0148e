// What it costs a worker to tell a collector of a query: the message made, encoded, and copied into
// the queue. Nobody reads it: what does not fit is dropped, which costs as much.
#include <benchmark/benchmark.h>

#include "bench/micro/rule_bench.h"
#include "proxy/rules/actions/tell_actions.h"

namespace breakwater {
namespace {

CollectorPtr MakeCollector(CollectorFraming framing) {
  CollectorSettings settings;
  settings.server = Address::Parse("192.0.2.1:4242").value();
  settings.framing = framing;
  settings.queue_entries = Collector::kBurst;
  return std::make_shared<Collector>(settings);
}

void RunAction(benchmark::State& state, const ActionPtr& action) {
  RuleBench bench;
  const QueryPtr query = bench.Ask();
  for (auto _ : state) benchmark::DoNotOptimize(action->Apply(*query, bench.context));
}

void TellProtobuf(benchmark::State& state) {
  ProtobufTelling telling;
  telling.collector = MakeCollector(CollectorFraming::kLength16);
  telling.server_identity = "front-1";
  RunAction(state, MakeRemoteLogAction(std::move(telling)));
}
BENCHMARK(TellProtobuf)->Repetitions(5);

void TellDnstap(benchmark::State& state) {
  DnstapTelling telling;
  telling.collector = MakeCollector(CollectorFraming::kFrameStream);
  telling.identity = "front-1";
  RunAction(state, MakeDnstapLogAction(std::move(telling)));
}
BENCHMARK(TellDnstap)->Repetitions(5);

}  // namespace
}  // namespace breakwater
