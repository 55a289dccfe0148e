#include "proxy/rules/actions/set_actions.h"

#include <fmt/format.h>

#include "proxy/query/proxy_values.h"
#include "proxy/rules/actions/simple_action.h"

namespace breakwater {
namespace {

// Action and ResponseAction are different types; what they do and say here is not.
template <typename Step>
struct Note {
  std::string text;
  Step step;
  operator ActionPtr() && { return MakeSimpleAction(std::move(text), Goes(std::move(step))); }
  operator ResponseActionPtr() && {
    return MakeSimpleResponseAction(std::move(text), Goes(std::move(step)));
  }

 private:
  static auto Goes(Step done) {
    return [done = std::move(done)](Query& query, RuleContext&) {
      done(query);
      return Flow::kContinue;
    };
  }
};
template <typename Step>
Note(std::string, Step) -> Note<Step>;

auto SetTag(std::string name, std::string value) {
  return Note{"set tag '" + name + "' to value '" + value + "'",
              [name = std::move(name), value = std::move(value)](Query& query) {
                query.SetTag(name, value);
              }};
}
auto UnsetTag(std::string name) {
  return Note{"unset tag '" + name + "'",
              [name = std::move(name)](Query& query) { query.UnsetTag(name); }};
}
auto SkipCache() {
  return Note{std::string("skip cache"), [](Query& query) { query.skip_cache = true; }};
}
auto ExtendedErrorStep(ExtendedErrorNote note) {
  return Note{fmt::format("set EDNS Extended DNS Error to {}", note.code),
              [note](Query& query) { NoteExtendedError(query, note); }};
}
auto MaxReturnedTtl(uint32_t max) {
  return Note{fmt::format("set max returned ttl to {}", max),
              [max](Query& query) { query.max_returned_ttl = max; }};
}
auto SetFlag(std::string text, uint16_t flag, bool on) {
  return Note{std::move(text), [flag, on](Query& query) { query.header().Set(flag, on); }};
}

}  // namespace

void NoteExtendedError(Query& query, const ExtendedErrorNote& note) {
  QueryExtras& extras = query.Extras();
  if (note.clear) {
    extras.extended_errors.clear();
    extras.clear_extended_errors = true;
  }
  extras.extended_errors.push_back({note.code, note.text});
}

ActionPtr MakeSetTagAction(std::string name, std::string value) {
  return SetTag(std::move(name), std::move(value));
}
ActionPtr MakeUnsetTagAction(std::string name) {
  return UnsetTag(std::move(name));
}
ActionPtr MakeSetSkipCacheAction() {
  return SkipCache();
}
ActionPtr MakeSetTempFailureCacheTtlAction(uint32_t ttl) {
  return Note{fmt::format("set tempfailure cache ttl to {}", ttl),
              [ttl](Query& query) { query.temp_failure_ttl = ttl; }};
}
ActionPtr MakeSetNoRecurseAction() {
  return SetFlag("set rd=0", dns::kFlagRd, false);
}
ActionPtr MakeSetDisableValidationAction() {
  return SetFlag("set cd=1", dns::kFlagCd, true);
}
ActionPtr MakeSetExtendedDnsErrorAction(ExtendedErrorNote note) {
  return ExtendedErrorStep(std::move(note));
}
ActionPtr MakeSetMaxReturnedTtlAction(uint32_t max) {
  return MaxReturnedTtl(max);
}
ActionPtr MakeSetProxyValuesAction(ProxyValues values) {
  return Note{"set Proxy-Protocol values",
              [values = std::move(values)](Query& query) { SetProxyValues(query, values); }};
}
ActionPtr MakeAddProxyValueAction(uint8_t type, std::string value) {
  std::string text = fmt::format("add a Proxy-Protocol value of type {}", type);
  return Note{std::move(text), [type, value = std::move(value)](Query& query) {
                AddProxyValue(query, type, value);
              }};
}

ResponseActionPtr MakeSetTagResponseAction(std::string name, std::string value) {
  return SetTag(std::move(name), std::move(value));
}
ResponseActionPtr MakeUnsetTagResponseAction(std::string name) {
  return UnsetTag(std::move(name));
}
ResponseActionPtr MakeSetSkipCacheResponseAction() {
  return SkipCache();
}
ResponseActionPtr MakeSetExtendedDnsErrorResponseAction(ExtendedErrorNote note) {
  return ExtendedErrorStep(std::move(note));
}
ResponseActionPtr MakeSetMaxReturnedTtlResponseAction(uint32_t max) {
  return MaxReturnedTtl(max);
}

}  // namespace breakwater
