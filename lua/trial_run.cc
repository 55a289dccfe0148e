#include "lua/trial_run.h"

#include <array>

#include "proxy/query/self_answer.h"

namespace breakwater::lua {
namespace {

constexpr std::array<uint8_t, 44> kSample = {
    0x12, 0x34, 0x01, 0x00, 0, 1,   0,   0,    0,    0,   0,   1,  // header, RD
    3,    'w',  'w',  'w',  7, 'e', 'x', 'a',  'm',  'p', 'l', 'e', 3, 'c', 'o',
    'm',  0,                                                                     // question
    0,    1,    0,    1,    0, 0,   41,  0x04, 0xd0, 0,   0,   0,   0, 0,   0};  // A, IN; OPT

}  // namespace

Trial::Trial(Runtime& runtime)
    : config_(runtime.builder().config()),
      find_pool_([this](std::string_view name) { return config_.FindPool(name); }),
      context_{.now = runtime.clock().Now(),
               .random = runtime.random(),
               .counters = counters_,
               .packets = pool_.packets(),
               .find_pool = find_pool_},
      query_(pool_.Get()) {
  frontend_.settings.address = *Address::Parse("192.0.2.53", 53);
  query_->frontend = &frontend_;
  query_->client = *Address::Parse("192.0.2.1", 5300);
  query_->local = frontend_.settings.address;
  query_->arrived = context_.now;
  query_->ReplaceMessage(pool_.packets(), kSample);
  query_->client_id = query_->header().id();
  query_->client_flags = query_->header().flags();
  query_->question = dns::ParseQuestion(query_->message()).value_or(dns::Question{});
  query_->edns = dns::FindEdns(query_->message(), query_->question.end()).value_or(dns::Edns{});
  query_->client_has_edns = query_->edns.present;
  query_->client_udp_size = query_->edns.udp_size;
}

Query& Trial::answer() {
  constexpr std::array<uint8_t, 4> kAddress = {192, 0, 2, 80};
  const AnswerRecord record{.type = dns::Type::kA, .ttl = 60, .owner = {}, .rdata = kAddress};
  MakeAnswer(*query_, {.packets = pool_.packets()}, {}, {&record, 1});
  return *query_;
}

void AddTrial(const LuaFunction& function, std::function<void(Trial&)> trial) {
  const auto runtime = function.runtime();
  if (runtime && runtime->options().check) runtime->trials().push_back(std::move(trial));
}

size_t RunTrials(Runtime& runtime) {
  const auto failed = [&] {
    return runtime.Counted(Metric::kLuaErrors) + runtime.Counted(Metric::kLuaLockTimeouts);
  };
  const uint64_t before = failed();
  for (const auto& run : runtime.trials()) {
    Trial trial(runtime);
    run(trial);
  }
  return failed() - before;
}

}  // namespace breakwater::lua
