// Response actions: what a rule does with an answer.
#include "lua/bindings.h"
#include "lua/rule_objects.h"
#include "lua/side_tasks.h"
#include "proxy/rules/actions/edns_actions.h"
#include "proxy/rules/actions/log_actions.h"
#include "proxy/rules/actions/set_actions.h"
#include "proxy/rules/response_actions/flow_response_actions.h"
#include "proxy/rules/response_actions/record_response_actions.h"

namespace breakwater::lua {
namespace {

using TypesArg = std::variant<uint16_t, std::vector<uint16_t>>;

std::vector<dns::Type> ToTypes(const TypesArg& types) {
  std::vector<dns::Type> list;
  if (const auto* one = std::get_if<uint16_t>(&types)) {
    list.push_back(static_cast<dns::Type>(*one));
  } else {
    for (const uint16_t type : std::get<std::vector<uint16_t>>(types)) {
      list.push_back(static_cast<dns::Type>(type));
    }
  }
  return list;
}

ResponseActionPtr ClearTypes(const TypesArg& types) {
  return MakeClearRecordTypesResponseAction(ToTypes(types));
}

ResponseActionPtr LimitTtl(uint32_t min, uint32_t max, const std::optional<TypesArg>& types) {
  return MakeLimitTtlResponseAction(min, max, types ? ToTypes(*types) : std::vector<dns::Type>());
}

ResponseActionPtr ExtendedError(uint16_t code, const std::optional<std::string>& text,
                                std::optional<bool> clear) {
  return MakeSetExtendedDnsErrorResponseAction({code, text.value_or(""), clear.value_or(true)});
}

TextResult<ResponseActionPtr> Log(Call& call, const std::optional<std::string>& path,
                                  std::optional<bool> append, std::optional<bool> buffered) {
  LogActionOptions options;
  auto file =
      OpenLogFile(call, path.value_or(""), {append.value_or(false), buffered.value_or(true)});
  if (!file) return Fail(std::move(file.error()));
  options.file = std::move(*file);
  const auto verbose_only = Reader<std::optional<bool>>::Read(call, 4);
  const auto timestamp = Reader<std::optional<bool>>::Read(call, 5);
  if (!verbose_only || !timestamp) return Fail(TypeError(call, verbose_only ? 5 : 4, "bool"));
  options.verbose_only = verbose_only->value_or(options.verbose_only);
  options.include_timestamp = timestamp->value_or(options.include_timestamp);
  return MakeLogResponseAction(options);
}

#define BW_ROW(name, function, parameters, help) \
  { name, Bind<&function>, name "(" parameters ") -> DNSResponseAction", help }
constexpr FunctionRow kFunctions[] = {
    BW_ROW("AllowResponseAction", MakeAllowResponseAction, "",
           "Lets the answer pass all other rules."),
    BW_ROW("ClearRecordTypesResponseAction", ClearTypes, "types",
           "Removes records of these types."),
    BW_ROW("DelayResponseAction", MakeDelayResponseAction, "milliseconds",
           "Holds the answer back, over UDP."),
    BW_ROW("DropResponseAction", MakeDropResponseAction, "", "Drops the answer."),
    BW_ROW("LimitTTLResponseAction", LimitTtl, "min, max [, types]", "Keeps TTLs between the two."),
    BW_ROW("LogResponseAction", Log,
           "[filename[, append[, buffered[, verboseOnly[, includeTimestamp]]]]]",
           "Logs the answer, and rules go on."),
    BW_ROW("SetEDNSOptionResponseAction", MakeSetEdnsOptionResponseAction, "option, data",
           "Sets an EDNS option of the answer."),
    BW_ROW("SetExtendedDNSErrorResponseAction", ExtendedError,
           "infoCode [, extraText [, clearExistingEntries]]",
           "Adds an extended error to the answer."),
    BW_ROW("SetMaxReturnedTTLResponseAction", MakeSetMaxReturnedTtlResponseAction, "max",
           "Caps the TTLs that the client gets."),
    BW_ROW("SetMaxTTLResponseAction", MakeSetMaxTtlResponseAction, "max",
           "Lowers TTLs above that."),
    BW_ROW("SetMinTTLResponseAction", MakeSetMinTtlResponseAction, "min",
           "Raises TTLs below that."),
    BW_ROW("SetReducedTTLResponseAction", MakeSetReducedTtlResponseAction, "percentage",
           "Lowers TTLs to so many percent."),
    BW_ROW("SetSkipCacheResponseAction", MakeSetSkipCacheResponseAction, "",
           "Does not store the answer."),
    BW_ROW("SetTagResponseAction", MakeSetTagResponseAction, "name, value",
           "Sets a tag, and rules go on."),
    BW_ROW("TCResponseAction", MakeTcResponseAction, "",
           "Sends the answer with TC and no records, over UDP."),
    BW_ROW("TagResponseAction", MakeSetTagResponseAction, "name, value",
           "An older name of SetTagResponseAction."),
    BW_ROW("UnsetTagResponseAction", MakeUnsetTagResponseAction, "name",
           "Removes a tag, and rules go on."),
};
#undef BW_ROW

}  // namespace

FunctionPage ResponseActionFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
