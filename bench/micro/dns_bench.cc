// What parsing costs on the path of every query, and what a walk over an answer adds.
#include <benchmark/benchmark.h>

#include <vector>

#include "proxy/dns/edns.h"
#include "proxy/dns/message_builder.h"
#include "proxy/dns/name.h"
#include "proxy/dns/question.h"
#include "proxy/dns/record_walker.h"
#include "proxy/dns/reply_match.h"

namespace {

using namespace breakwater;
using namespace breakwater::dns;

// 56 octets: www.example-domain.com A, with an OPT that carries a cookie.
std::vector<uint8_t> Query() {
  std::vector<uint8_t> bytes(512);
  MessageBuilder builder(bytes, 1, kFlagRd);
  builder.AddQuestion(*Name::Parse("www.example-domain.com"), Type::kA, Class::kIn);
  builder.AddOpt({.udp_size = 1232, .dnssec_ok = true});
  EditBuffer buffer{bytes.data(), *builder.Finish(), bytes.size()};
  const uint8_t cookie[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  const size_t question_end = ParseQuestion(buffer.message())->end();
  if (!SetOption(buffer, question_end, OptionCode::kCookie, cookie)) std::abort();
  bytes.resize(buffer.size);
  return bytes;
}

std::vector<uint8_t> Answer(int records) {
  std::vector<uint8_t> bytes(4096);
  MessageBuilder builder(bytes, 1, 0x8180);
  builder.AddQuestion(*Name::Parse("www.example-domain.com"), Type::kA, Class::kIn);
  for (int i = 0; i < records; ++i) {
    builder.AddAddress({.ttl = 300}, *Address::Parse("192.0.2.1"));
  }
  builder.AddOpt({});
  bytes.resize(*builder.Finish());
  return bytes;
}

void BM_ParseQuestion(benchmark::State& state) {
  const auto query = Query();
  for (auto _ : state) benchmark::DoNotOptimize(ParseQuestion(query));
}
BENCHMARK(BM_ParseQuestion);

void BM_ParseQuestionAndEdns(benchmark::State& state) {
  const auto query = Query();
  for (auto _ : state) {
    const auto question = ParseQuestion(query);
    benchmark::DoNotOptimize(FindEdns(query, question->end()));
  }
}
BENCHMARK(BM_ParseQuestionAndEdns);

void BM_NameEqual(benchmark::State& state) {
  const Name a = *Name::Parse("www.Example-Domain.com");
  const Name b = *Name::Parse("WWW.example-domain.COM");
  for (auto _ : state) benchmark::DoNotOptimize(EqualFold(a.wire(), b.wire()));
}
BENCHMARK(BM_NameEqual);

void BM_NameFold(benchmark::State& state) {
  const Name name = *Name::Parse("www.Example-Domain.com");
  uint8_t out[256];
  for (auto _ : state) {
    FoldInto(name.wire(), out);
    benchmark::DoNotOptimize(out);
  }
}
BENCHMARK(BM_NameFold);

void BM_WalkAnswer(benchmark::State& state) {
  const auto answer = Answer(static_cast<int>(state.range(0)));
  const size_t question_end = ParseQuestion(answer)->end();
  for (auto _ : state) {
    uint32_t lowest = UINT32_MAX;
    RecordWalker walker(answer, question_end);
    while (walker.Next()) lowest = std::min(lowest, walker.record().ttl);
    benchmark::DoNotOptimize(lowest);
  }
}
BENCHMARK(BM_WalkAnswer)->Arg(1)->Arg(10);

void BM_FindEdnsInAnswer(benchmark::State& state) {
  const auto answer = Answer(10);
  const size_t question_end = ParseQuestion(answer)->end();
  for (auto _ : state) benchmark::DoNotOptimize(FindEdns(answer, question_end));
}
BENCHMARK(BM_FindEdnsInAnswer);

void BM_MatchReply(benchmark::State& state) {
  const auto query = Query();
  const auto answer = Answer(10);
  const size_t name_length = ParseQuestion(query)->name_length;
  for (auto _ : state) {
    benchmark::DoNotOptimize(MatchReply(query, name_length, answer, ReplyMatchOptions{}));
  }
}
BENCHMARK(BM_MatchReply);

void BM_SetOption(benchmark::State& state) {
  const auto query = Query();
  const size_t question_end = ParseQuestion(query)->end();
  std::vector<uint8_t> room(512);
  const uint8_t subnet[7] = {0, 1, 24, 0, 192, 0, 2};
  for (auto _ : state) {
    std::copy(query.begin(), query.end(), room.begin());
    EditBuffer buffer{room.data(), query.size(), room.size()};
    benchmark::DoNotOptimize(SetOption(buffer, question_end, OptionCode::kClientSubnet, subnet));
  }
}
BENCHMARK(BM_SetOption);

}  // namespace
