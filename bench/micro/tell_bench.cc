// What it costs a worker to tell a collector of a query: the message made, encoded, and copied into
// the queue. Nobody reads it: what does not fit is dropped, which costs as much.
#include <benchmark/benchmark.h>

#include <cstring>
#include <functional>

#include "proxy/dns/question.h"
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
  constexpr uint8_t kMessage[] =
      "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\3www\7example\3com\0\0\1\0\1";
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
  query->ReplaceMessage(pool.packets(), std::span(kMessage, sizeof(kMessage) - 1));
  query->question = dns::ParseQuestion(query->message()).value();
  query->client = Address::Parse("192.0.2.53:4711").value();
  query->local = Address::Parse("192.0.2.1:53").value();
  for (auto _ : state) benchmark::DoNotOptimize(action->Apply(*query, context));
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
