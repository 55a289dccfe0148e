#include "lua/question_message.h"

#include "lua/script_bindings.h"
#include "proxy/dns/rewrite.h"
#include "proxy/query/message_edit.h"
#include "proxy/query/restart.h"
#include "proxy/rules/actions/edns_actions.h"

namespace breakwater::lua {
namespace {

std::span<const uint8_t> BytesOf(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
std::string TextOf(std::span<const uint8_t> bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

TextResult<void> CheckEditable(const QuestionView& view) {
  if (view.context == nullptr) return Fail(std::string("cannot be done in a policy"));
  return {};
}

}  // namespace

std::string GetContent(const QuestionView& view) {
  return TextOf(view.query->message());
}

TextResult<void> SetContent(QuestionView& view, const std::string& content) {
  if (auto good = CheckEditable(view); !good) return good;
  if (breakwater::SetContent(*view.query, view.context->packets, BytesOf(content))) return {};
  return Fail(
      std::string("this is no message that could be sent: it needs a header and at most 65535 "
                  "bytes; a query needs one question too, and at most 4096 bytes over UDP"));
}

std::string GetTrailingData(const QuestionView& view) {
  return TextOf(TrailingData(*view.query));
}

TextResult<bool> SetTrailingData(QuestionView& view, const std::string& data) {
  if (auto good = CheckEditable(view); !good) return Fail(std::move(good.error()));
  return breakwater::SetTrailingData(*view.query, view.context->packets, BytesOf(data));
}

TextResult<bool> ChangeName(QuestionView& view, const NameArg& name) {
  if (auto good = CheckEditable(view); !good) return Fail(std::move(good.error()));
  return breakwater::ChangeName(*view.query, view.context->packets, name.name);
}

Pushed GetEdnsOptions(Call& call, const QuestionView& view) {
  std::map<uint16_t, std::shared_ptr<EdnsOptionView>> options;
  const auto message = view.query->message();
  const auto edns = dns::FindEdns(message, view.query->records_start());
  if (edns) {
    dns::ForEachOption(message, *edns, [&](dns::OptionCode code, std::span<const uint8_t> data) {
      auto& option = options[static_cast<uint16_t>(code)];
      if (!option) option = std::make_shared<EdnsOptionView>();
      option->values.push_back(TextOf(data));
      return true;
    });
  }
  lua_newtable(call.state());
  for (const auto& [code, option] : options) {
    PushObject(call.state(), option);
    lua_rawseti(call.state(), -2, code);
  }
  return {1};
}

TextResult<bool> SetOption(QuestionView& view, uint16_t code, const std::string& data) {
  if (auto good = CheckEditable(view); !good) return Fail(std::move(good.error()));
  return SetEdnsOption(*view.query, view.context->packets, code, data);
}

TextResult<void> MakeRestartable(Query& query, const RuleContext* context) {
  if (context == nullptr) return Fail(std::string("cannot be done in a policy"));
  if (query.is_response || query.header().Has(dns::kFlagQr)) {
    return Fail(std::string("what can be asked again is a query; this is an answer"));
  }
  KeepForRestart(query);
  return {};
}

TextResult<void> EditTtls(Call& call, ResponseView& view) {
  lua_State* const state = call.state();
  if (lua_type(state, 2) != LUA_TFUNCTION) return Fail(TypeError(call, 2, "function"));
  std::string error;
  const auto edit = [&](const dns::Record& record) {
    if (!error.empty()) return record.ttl;
    lua_pushvalue(state, 2);
    Push(state, static_cast<int>(record.section));
    Push(state, static_cast<uint16_t>(record.cls));
    Push(state, static_cast<uint16_t>(record.type));
    Push(state, record.ttl);
    if (auto ran = ProtectedCall(state, 4, 1); !ran) {
      error = std::move(ran.error());
      return record.ttl;
    }
    const auto ttl = ToInteger(state, lua_gettop(state));
    lua_pop(state, 1);
    if (ttl && std::in_range<uint32_t>(*ttl)) return static_cast<uint32_t>(*ttl);
    error = "the function must return a TTL, 0 to 4294967295";
    return record.ttl;
  };
  // The function may do anything to the answer, so it is walked as it was.
  const std::vector<uint8_t> before(view.query->message().begin(), view.query->message().end());
  std::vector<uint8_t> edited = before;
  const auto done = dns::VisitTtls(std::span(edited), view.query->records_start(), edit);
  if (!error.empty()) return Fail(std::move(error));
  if (view.query == nullptr) {
    return Fail(std::string("the query is over: the function must not suspend, resume or drop it"));
  }
  if (!done) return Fail(std::string("the records of the answer cannot be read"));
  if (!std::ranges::equal(view.query->message(), before)) {
    return Fail(std::string("the function must not change the answer in other ways"));
  }
  std::copy(edited.begin(), edited.end(), view.query->data);
  return {};
}

namespace {

size_t CountValues(const EdnsOptionView& option) {
  return option.values.size();
}
std::vector<std::string> GetValues(const EdnsOptionView& option) {
  return option.values;
}

constexpr FunctionRow kMethods[] = {
    {"count", Bind<&CountValues>, "EDNSOptionView:count() -> int", "How often the option is there.",
     Scope::kAnywhere},
    {"getValues", Bind<&GetValues>, "EDNSOptionView:getValues() -> table",
     "The contents of the option.", Scope::kAnywhere},
};
const ClassRow kClass = {"EDNSOptionView", kMethods, {},      nullptr,
                         nullptr,          nullptr,  nullptr, "An EDNS option of a message."};

}  // namespace

const ClassRow& EdnsOptionClass() {
  return kClass;
}

}  // namespace breakwater::lua
