// Suspended queries and the threads of scripts.
#include <fmt/format.h>

#include <atomic>

#include "lua/async_objects.h"
#include "lua/bindings.h"
#include "lua/script_threads.h"
#include "proxy/base/log.h"

namespace breakwater::lua {

template <>
struct Reader<ThreadMessageData> {
  static constexpr const char* kExpected = "table of strings";
  static TextResult<ThreadMessageData> Read(Call& call, int index) {
    auto data = ReadMessageData(call.state(), index);
    if (!data) return Fail(TypeError(call, index, kExpected));
    return std::move(*data);
  }
};

AsyncObject::AsyncObject(Runtime& runtime, Suspended suspended)
    : suspended_(std::move(suspended)),
      config_(runtime.published()),
      find_pool_([this](std::string_view name) {
        return config_ == nullptr ? nullptr : config_->FindPool(name);
      }),
      context_{.now = runtime.clock().Now(),
               .random = runtime.random(),
               .counters = counters_,
               .packets = suspended_.message().packets(),
               .find_pool = find_pool_,
               .edns_on_self_answers = suspended_.message().style().add_edns,
               .self_answer_udp_size = suspended_.message().style().udp_size} {
  Query& query = suspended_.message().query();
  question_.query = &query;
  question_.context = &context_;
  if (query.is_response) static_cast<QuestionView&>(response_) = question_;
}

void AsyncObject::Kill() {
  question_.query = nullptr;
  response_.query = nullptr;
  config_.reset();  // or that of long ago would live until this is collected
}

bool AsyncObject::Resume() {
  Kill();
  return suspended_.Resume();
}

bool AsyncObject::Drop() {
  Kill();
  return suspended_.Drop();
}

bool AsyncObject::SetRCode(uint16_t rcode, HeldRecords records) {
  if (over()) return false;
  SetHeldRCode(suspended_.message(), rcode, records);
  return true;
}

TextResult<bool> SuspendQuestion(Call& call, QuestionView& view, uint16_t async_id,
                                 uint16_t query_id, uint32_t timeout_ms) {
  if (view.context == nullptr) return Fail(std::string("cannot be done in a policy"));
  Suspender* const suspender = view.context->suspender;
  if (suspender == nullptr) {
    static std::atomic<bool> said{false};
    if (!call.runtime().options().check && !said.exchange(true)) {
      LogWarning(
          "lua",
          "{}{}: does nothing in a LuaRule, in cache-miss, cache-inserted and XFR rules, and "
          "to what is suspended already",
          call.Where(), call.row().name);
    }
    return false;
  }
  if (!suspender->Suspend(*view.query, {async_id, query_id}, timeout_ms)) return false;
  view.query = nullptr;
  return true;
}

namespace {

TextResult<std::shared_ptr<AsyncObject>> Get(Call& call, uint16_t async_id, uint16_t query_id) {
  const ConfigPtr config = call.runtime().published();
  std::optional<Suspended> taken;
  if (config) taken = config->settings.suspended->Take({async_id, query_id});
  if (taken) return std::make_shared<AsyncObject>(call.runtime(), std::move(*taken));
  return Fail(fmt::format("nothing is suspended under {}, {}: its time is up, or somebody has it",
                          async_id, query_id));
}

std::string OverText() {
  return "it was resumed or dropped: it must not be used";
}
// The view keeps the object alive: a method of it may collect garbage.
TextResult<std::shared_ptr<QuestionView>> GetDq(const std::shared_ptr<AsyncObject>& object) {
  if (object->over()) return Fail(OverText());
  return std::shared_ptr<QuestionView>(object, &object->question());
}
TextResult<std::shared_ptr<ResponseView>> GetDr(const std::shared_ptr<AsyncObject>& object) {
  if (object->over()) return Fail(OverText());
  if (!object->has_response()) return Fail(std::string("this is a query: use getDQ()"));
  return std::shared_ptr<ResponseView>(object, &object->response());
}
bool Resume(AsyncObject& object) {
  return object.Resume();
}
bool Drop(AsyncObject& object) {
  return object.Drop();
}
TextResult<bool> SetRCode(AsyncObject& object, uint16_t rcode, bool clear) {
  if (rcode > 4095) return Fail(fmt::format("{} is no rcode: 0 to 4095 are", rcode));
  return object.SetRCode(rcode, clear ? HeldRecords::kCleared : HeldRecords::kKept);
}

TextResult<void> NewThread(Call& call, const std::string& code) {
  std::string place = call.Where();
  if (place.size() > 2) place.resize(place.size() - 2);
  place = place.empty() ? "the console" : place;
  const std::string name = fmt::format("={} (newThread)", place);
  lua_State* const state = call.state();
  const int compiled = luaL_loadbuffer(state, code.data(), code.size(), name.c_str());
  const std::string error = compiled == LUA_OK ? "" : PlainText(state, -1);
  lua_pop(state, 1);
  if (compiled != LUA_OK) return Fail(error);
  return call.runtime().threads().Add({.code = code, .name = name});
}

// Where the main interpreter calls it, it is its own message.
TextResult<void> Submit(Call& call, const std::string& command, const ThreadMessageData& data) {
  return SubmitToMain(call.runtime(), {command, data});
}

TextResult<void> LookUp(Call& call, const std::string& name, const LuaFunction& callback) {
  return call.runtime().threads().LookUp(name, callback);
}

void Refresh() {}

constexpr FunctionRow kFunctions[] = {
    {"getAddressInfo", Bind<&LookUp>, "getAddressInfo(hostname, callback)",
     "Resolves a name of the system's in a thread, then calls function(hostname, addresses); the "
     "list is empty where that failed."},
    {"getAsynchronousObject", Bind<&Get>,
     "getAsynchronousObject(asyncID, queryID) -> AsynchronousObject",
     "Takes what dq:suspend() holds under these numbers; from then on there is no time-out.",
     Scope::kAnywhere},
    {"newThread", Bind<&NewThread>, "newThread(code)",
     "Runs Lua code in a thread and an interpreter of its own, which knows the constants, the log "
     "functions, ffi.C, names, addresses, networks, newDNSPacketOverlay() and "
     "submitToMainThread(). Where it ends, or fails, it is started again "
     "after "
     "5 seconds."},
    {"refreshRuntimeConfiguration", Bind<&Refresh>, "refreshRuntimeConfiguration()",
     "For threads of newThread(), which see the newest settings here without it: changes nothing.",
     Scope::kAnywhere},
    {"submitToMainThread", Bind<&Submit>, "submitToMainThread(cmd, dict)",
     "Calls the global function threadmessage(cmd, dict), a text and a table of texts, in the main "
     "interpreter; for threads of newThread()."},
};

constexpr FunctionRow kMethods[] = {
    {"drop", Bind<&Drop>, "AsynchronousObject:drop() -> bool",
     "The client gets no answer; false where it was resumed or dropped before.", Scope::kAnywhere},
    {"getDQ", Bind<&GetDq>, "AsynchronousObject:getDQ() -> DNSQuestion",
     "The query, or the answer, to look at and to change until it is resumed.", Scope::kAnywhere},
    {"getDR", Bind<&GetDr>, "AsynchronousObject:getDR() -> DNSResponse", "The answer.",
     Scope::kAnywhere},
    {"resume", Bind<&Resume>, "AsynchronousObject:resume() -> bool",
     "Has it go on behind the rules that suspended it; false where it was resumed or dropped "
     "before.",
     Scope::kAnywhere},
    {"setRCode", Bind<&SetRCode>, "AsynchronousObject:setRCode(rcode, clearRecords) -> bool",
     "Makes it an answer with that rcode, with or without the records, that no cache keeps; "
     "resume() sends it.",
     Scope::kAnywhere},
};

const ClassRow kClass = {
    "AsynchronousObject",
    kMethods,
    {},
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    "A suspended query or answer. Without resume() it is dropped once it is collected, and with it "
    "what getDQ() and getDR() gave.",
};

}  // namespace

FunctionPage AsyncFunctions() {
  return kFunctions;
}
const ClassRow& AsyncObjectClass() {
  return kClass;
}

}  // namespace breakwater::lua
