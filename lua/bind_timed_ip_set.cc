// TimedIPSetRule and its class.
#include "lua/object_args.h"
#include "lua/rule_objects.h"
#include "lua/script_bindings.h"
#include "proxy/rules/selectors/timed_ip_set.h"

namespace breakwater::lua {

template <>
struct LuaClass<TimedIpSet> {
  static constexpr const char* kName = "TimedIPSetRule";
};

namespace {

std::shared_ptr<TimedIpSet> NewSet() {
  return std::make_shared<TimedIpSet>();
}
TextResult<void> Add(Call& call, TimedIpSet& set, const AddressArg& client, uint32_t seconds) {
  if (set.Add(client.address, seconds, call.runtime().clock().Now())) return {};
  return Fail(std::string("the set is full"));
}
void Cleanup(Call& call, TimedIpSet& set) {
  set.Cleanup(call.runtime().clock().Now());
}
void Clear(TimedIpSet& set) {
  set.Clear();
}
SelectorPtr Slice(const std::shared_ptr<TimedIpSet>& set) {
  return set;
}

constexpr Scope kAny = Scope::kAnywhere;
constexpr FunctionRow kMethods[] = {
    {"add", Bind<&Add>, "TimedIPSetRule:add(address, seconds)",
     "Lets a client match for so long; what was said before is not shortened.", kAny},
    {"cleanup", Bind<&Cleanup>, "TimedIPSetRule:cleanup()", "Frees expired entries.", kAny},
    {"clear", Bind<&Clear>, "TimedIPSetRule:clear()", "Removes all clients.", kAny},
    {"slice", Bind<&Slice>, "TimedIPSetRule:slice() -> DNSRule", "The set as a rule's selector.",
     kAny},
};
const ClassRow kClass = {
    "TimedIPSetRule",
    kMethods,
    {},
    [](const void* object) { return static_cast<const TimedIpSet*>(object)->ToString(); },
    nullptr,
    nullptr,
    nullptr,
    "Clients that match for a time."};

constexpr FunctionRow kFunctions[] = {
    {"TimedIPSetRule", Bind<&NewSet>, "TimedIPSetRule() -> TimedIPSetRule",
     "A set of clients, each for a time; its slice() is a rule."},
};

}  // namespace

const ClassRow& TimedIpSetClass() {
  return kClass;
}
FunctionPage TimedIpSetFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
