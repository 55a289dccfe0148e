// dq:suspend(), dr:suspend() and AsynchronousObject: what scripts do with what is suspended
// (query/suspended.h).
#pragma once

#include "lua/bindings.h"
#include "lua/question_view.h"
#include "proxy/query/suspended.h"

namespace breakwater::lua {

// A suspended query in the hands of a script. What getDQ() and getDR() give is dead once it was
// resumed or dropped; until then it keeps this alive. Once none of them is left the query is
// dropped.
class AsyncObject {
 public:
  // Under the lock of the guarded state, as long as it lives.
  AsyncObject(Runtime& runtime, Suspended suspended);
  ~AsyncObject() { Kill(); }
  AsyncObject(const AsyncObject&) = delete;
  AsyncObject& operator=(const AsyncObject&) = delete;

  bool over() const { return !suspended_.held(); }
  // False where it is over.
  bool Resume();
  bool Drop();
  bool SetRCode(uint16_t rcode, HeldRecords records);
  QuestionView& question() { return question_; }
  bool has_response() const { return response_.context != nullptr; }
  ResponseView& response() { return response_; }

 private:
  void Kill();

  Suspended suspended_;
  ConfigPtr config_;
  Counters counters_;
  std::function<const Pool*(std::string_view)> find_pool_;
  RuleContext context_;
  QuestionView question_;
  ResponseView response_;  // of an answer
};

template <>
struct LuaClass<AsyncObject> {
  static constexpr const char* kName = "AsynchronousObject";
};

// dq:suspend(): where it says yes the view is dead.
TextResult<bool> SuspendQuestion(Call& call, QuestionView& view, uint16_t async_id,
                                 uint16_t query_id, uint32_t timeout_ms);

FunctionPage AsyncFunctions();
const ClassRow& AsyncObjectClass();

}  // namespace breakwater::lua
