// A configuration made from text whose rules are asked without a server.
#pragma once

#include "tests/lua/lua_fixture.h"
#include "tests/support/query_maker.h"

namespace breakwater::lua {

class AskTest : public LuaTest {
 protected:
  // Runs the query chain; says how it ended, and what became of the message.
  std::string Ask(const std::string& description) {
    test::QueryMaker maker;
    QueryPtr query = maker.Make(description);
    const std::function<const Pool*(std::string_view)> find_pool =
        [held = config()](std::string_view name) { return held->FindPool(name); };
    RuleContext context{.now = now_,
                        .random = random_,
                        .counters = counters_,
                        .packets = maker.pool().packets(),
                        .find_pool = find_pool};
    context.suspender = suspender_;
    const Flow flow =
        query->is_response
            ? RunChain(config()->chains.Of(ResponseChainKind::kResponse), *query, context)
            : RunChain(config()->chains.query, *query, context);
    pool_ = query->pool_name;
    const char* names[] = {"continue", "stop", "answer", "drop", "suspended"};
    return std::string(names[static_cast<int>(flow)]) + " " + test::Describe(query->message());
  }

  MonoTime now_;
  Random random_;
  Counters counters_;
  std::string pool_;
  Suspender* suspender_ = nullptr;
};

}  // namespace breakwater::lua
