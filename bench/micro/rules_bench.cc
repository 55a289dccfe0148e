// What the common selectors, a chain of rules and a self-made answer cost.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <time.h>

#include <cstring>
#include <vector>

#include "bench/micro/rule_bench.h"
#include "proxy/rules/actions/answer_actions.h"
#include "proxy/rules/actions/flow_actions.h"
#include "proxy/rules/actions/spoof_actions.h"
#include "proxy/rules/chains.h"
#include "proxy/rules/selectors/client_selectors.h"
#include "proxy/rules/selectors/logic_selectors.h"
#include "proxy/rules/selectors/message_selectors.h"
#include "proxy/rules/selectors/name_selectors.h"
#include "proxy/rules/selectors/rate_selectors.h"
#include "proxy/rules/selectors/regex_selectors.h"

namespace breakwater {
namespace {

constexpr size_t kRoom = 4096;

// "www.host12345.example.com A", with EDNS, in a receive buffer.
class Bench {
 public:
  Bench() {
    constexpr uint8_t kMessage[] =
        "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01"
        "\3www\11host12345\7example\3com\0\0\1\0\1"
        "\0\0\x29\x04\xd0\0\0\0\0\0";
    size_ = sizeof(kMessage);
    std::memcpy(original_, kMessage, size_);
    query_ = rules_.pool.Get();
    query_->client = Address::Parse("192.0.2.53:4711").value();
    Refill();
  }
  Query& query() { return *query_; }
  RuleContext& context() { return rules_.context; }
  void Refill() {
    std::memcpy(buffer_, original_, size_);
    query_->data = buffer_;
    query_->size = size_;
    query_->capacity = kRoom;
    query_->question = dns::ParseQuestion(query_->message()).value();
    query_->edns = dns::FindEdns(query_->message(), query_->question.end()).value();
    query_->client_has_edns = true;
    query_->is_response = false;
  }

 private:
  RuleBench rules_;
  uint8_t original_[512];
  size_t size_ = 0;
  uint8_t buffer_[kRoom];
  QueryPtr query_;
};

void RunSelector(benchmark::State& state, const SelectorPtr& selector) {
  Bench bench;
  for (auto _ : state) {
    benchmark::DoNotOptimize(selector->Matches(bench.query(), bench.context()));
  }
}

dns::Name NameOf(const std::string& text) {
  return dns::Name::Parse(text).value();
}

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void QName(benchmark::State& state) {
  RunSelector(state, MakeQNameSelector(NameOf("www.host12345.example.com")));
}
BENCHMARK(QName);

void QNameSuffix(benchmark::State& state) {
  SuffixMatchTree tree;
  for (int i = 0; i < state.range(0); ++i) tree.Add(NameOf("host" + std::to_string(i) + ".test"));
  RunSelector(state, MakeQNameSuffixSelector(tree));
}
BENCHMARK(QNameSuffix)->Arg(1)->Arg(1000)->Arg(1000000);

// A list of a million names and random look-ups, every second one of a name below one of them. Says
// what a name takes and how long the list took to make.
void SuffixList(benchmark::State& state) {
  constexpr size_t kNames = 1'000'000;
  const auto name_of = [](size_t i) {
    return "domain" + std::to_string(i * 2'654'435'761 % 4'294'967'291) + ".example";
  };
  std::vector<dns::Name> names;
  for (size_t i = 0; i < kNames; ++i) names.push_back(NameOf(name_of(i)));
  const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  const auto started = CpuSeconds();
  SuffixMatchTree tree;
  for (const dns::Name& name : names) tree.Add(name);
  state.counters["load_s"] = CpuSeconds() - started;
  const size_t bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;
  state.counters["bytes_a_name"] = static_cast<double>(bytes) / kNames;
  constexpr size_t kAsked = 65'536;
  // One behind the other, as what a query asks for is in the cache of the processor already.
  std::vector<uint8_t> asked;
  std::vector<uint32_t> starts;
  for (size_t i = 0; i < kAsked; ++i) {
    const dns::Name name = NameOf("www." + name_of(i * 15 % kNames + i % 2 * kNames));
    starts.push_back(static_cast<uint32_t>(asked.size()));
    asked.insert(asked.end(), name.wire().begin(), name.wire().end());
  }
  starts.push_back(static_cast<uint32_t>(asked.size()));
  size_t at = 0, found = 0;
  for (auto _ : state) {
    const size_t i = at++ % kAsked;
    found += tree.Matches({asked.data() + starts[i], starts[i + 1] - starts[i]}) ? 1 : 0;
  }
  if (found != at / 2 && found != (at + 1) / 2) state.SkipWithError("the wrong names match");
}
BENCHMARK(SuffixList)->Repetitions(5);

void QNameSet(benchmark::State& state) {
  NameSet set;
  for (int i = 0; i < 100000; ++i) set.Add(NameOf("host" + std::to_string(i) + ".test"));
  RunSelector(state, MakeQNameSetSelector(set));
}
BENCHMARK(QNameSet);

void QType(benchmark::State& state) {
  RunSelector(state, MakeQTypeSelector(dns::Type::kAaaa));
}
BENCHMARK(QType);

void Netmasks(benchmark::State& state) {
  NetmaskGroup group;
  for (int i = 0; i < state.range(0); ++i) {
    (void)group.Add("10." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".0/24");
  }
  RunSelector(state, MakeNetmaskSelector(group));
}
BENCHMARK(Netmasks)->Arg(1)->Arg(10000);

void MaxQps(benchmark::State& state) {
  RunSelector(state, MakeMaxQpsSelector(1000, 1000));
}
BENCHMARK(MaxQps);

void MaxQpsIp(benchmark::State& state) {
  RunSelector(state, MakeMaxQpsIpSelector({.qps = 1000, .burst = 1000}));
}
BENCHMARK(MaxQpsIp);

void Regex(benchmark::State& state) {
  RunSelector(state, MakeRegexSelector("host[0-9]+\\.example\\.net$").value());
}
BENCHMARK(Regex);

void Re2(benchmark::State& state) {
  RunSelector(state, MakeRe2Selector(".*host[0-9]+\\.example\\.net").value());
}
BENCHMARK(Re2);

void ChainOfTwenty(benchmark::State& state) {
  Bench bench;
  RuleChain chain(20);
  for (size_t i = 0; i < chain.size(); ++i) {
    chain[i].selector = MakeAndSelector(
        {MakeQTypeSelector(dns::Type::kA), MakeQNameSelector(NameOf("n" + std::to_string(i)))});
    chain[i].action = MakeDropAction();
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(RunChain(chain, bench.query(), bench.context()));
  }
}
BENCHMARK(ChainOfTwenty);

// A hundred rules of the usual kinds, none of which is for this query.
void ChainOfHundred(benchmark::State& state) {
  Bench bench;
  RuleChain chain(100);
  for (size_t i = 0; i < chain.size(); ++i) {
    const std::string number = std::to_string(i);
    SuffixMatchTree suffixes;
    for (const char* top : {".test", ".invalid", ".example"})
      suffixes.Add(NameOf("n" + number + top));
    NetmaskGroup networks;
    (void)networks.Add("10." + number + ".0.0/16");
    (void)networks.Add("2001:db8:" + number + "::/48");
    const SelectorPtr selectors[] = {
        MakeQTypeSelector(dns::Type::kAaaa), MakeQNameSelector(NameOf("n" + number + ".example")),
        MakeQNameSuffixSelector(suffixes), MakeNetmaskSelector(networks),
        MakeAndSelector({MakeQTypeSelector(dns::Type::kA), MakeTcpSelector()})};
    chain[i].selector = selectors[i % std::size(selectors)];
    chain[i].action = MakeDropAction();
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(RunChain(chain, bench.query(), bench.context()));
  }
}
BENCHMARK(ChainOfHundred)->Repetitions(5);

void Spoof(benchmark::State& state) {
  Bench bench;
  const auto spoof = MakeSpoofAction({Address::Parse("192.0.2.1").value()});
  for (auto _ : state) {
    bench.Refill();
    benchmark::DoNotOptimize(spoof->Apply(bench.query(), bench.context()));
  }
}
BENCHMARK(Spoof);

}  // namespace
}  // namespace breakwater
