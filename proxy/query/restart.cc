#include "proxy/query/restart.h"

#include "proxy/dns/edns.h"

namespace breakwater {

void KeepForRestart(Query& query) {
  QueryExtras& extras = query.Extras();
  extras.restart_copy.assign(query.message().begin(), query.message().end());
  extras.restart_copy_edns_added = query.edns_added;
  extras.restart_copy_ecs_added = query.ecs_added;
}

bool AskForRestart(Query& query) {
  const QueryExtras* extras = query.extras();
  if (extras == nullptr || extras->restart_copy.empty() || query.restarts == UINT8_MAX)
    return false;
  query.restart_asked = true;
  return true;
}

void PutBack(Query& query, PacketPool& packets) {
  const QueryExtras& extras = query.Extras();
  query.ReplaceMessage(packets, extras.restart_copy);
  ++query.restarts;
  query.restart_asked = false;
  query.is_response = query.self_answered = query.from_cache = query.stale_hit = false;
  query.raw_answer = query.answer_renamed = query.question_left_out = false;
  query.edns_added = extras.restart_copy_edns_added;
  query.ecs_added = extras.restart_copy_ecs_added;
  query.answered_by = Address();
  // What was kept had been parsed before.
  query.question = dns::ParseQuestion(query.message()).value_or(dns::Question{});
  query.edns = dns::FindEdns(query.message(), query.question.end()).value_or(dns::Edns{});
  query.client_name_saved = false;
  query.SaveClientName();
}

}  // namespace breakwater
