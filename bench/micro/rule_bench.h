// Where a rule is measured: what it runs with, without a server, and a query.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "proxy/dns/question.h"
#include "proxy/rules/rule_context.h"

namespace breakwater {

struct RuleBench {
  QueryPool pool{};
  Random random{};
  Counters counters{};
  std::function<const Pool*(std::string_view)> find_pool = [](std::string_view) {
    return static_cast<const Pool*>(nullptr);
  };
  RuleContext context{.now = MonoTime::FromSeconds(1000),
                      .random = random,
                      .counters = counters,
                      .packets = pool.packets(),
                      .find_pool = find_pool};

  // "www.example.com A" from 192.0.2.53.
  QueryPtr Ask() {
    constexpr uint8_t kMessage[] =
        "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\3www\7example\3com\0\0\1\0\1";
    QueryPtr query = pool.Get();
    query->ReplaceMessage(pool.packets(), std::span(kMessage, sizeof(kMessage) - 1));
    query->question = dns::ParseQuestion(query->message()).value();
    query->client = Address::Parse("192.0.2.53:4711").value();
    query->local = Address::Parse("192.0.2.1:53").value();
    return query;
  }
};

}  // namespace breakwater
