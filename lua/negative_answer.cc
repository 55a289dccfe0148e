#include "lua/negative_answer.h"

#include "lua/object_args.h"

namespace breakwater::lua {
namespace {

template <typename T>
void ReadInto(Call& call, int index, T* out, std::string* error) {
  if (!error->empty()) return;
  auto read = Reader<T>::Read(call, index);
  if (read) {
    *out = std::move(*read);
  } else {
    *error = std::move(read.error());
  }
}

}  // namespace

TextResult<NegativeAndSoa> ReadNegativeAndSoa(Call& call, int first) {
  NegativeAndSoa answer;
  NameArg zone, mname, rname;
  std::string error;
  ReadInto(call, first, &answer.name_error, &error);
  ReadInto(call, first + 1, &zone, &error);
  ReadInto(call, first + 2, &answer.ttl, &error);
  ReadInto(call, first + 3, &mname, &error);
  ReadInto(call, first + 4, &rname, &error);
  int index = first + 5;
  for (uint32_t* number :
       {&answer.serial, &answer.refresh, &answer.retry, &answer.expire, &answer.minimum}) {
    ReadInto(call, index++, number, &error);
  }
  if (!error.empty()) return Fail(std::move(error));
  answer.zone = zone.name;
  answer.mname = mname.name;
  answer.rname = rname.name;
  return answer;
}

TextResult<bool> SetNegativeAndSoa(Call& call, QuestionView& view) {
  if (view.context == nullptr) return Fail(std::string("cannot be done in a policy"));
  if (view.query->is_response) return Fail(std::string("this is an answer already"));
  auto answer = ReadNegativeAndSoa(call, 2);
  if (!answer) return Fail(std::move(answer.error()));
  // The action answers with RA as RD; this leaves it as it is in the query.
  answer->flags.ra = view.query->header().Has(dns::kFlagRa);
  return AnswerNegative(*view.query, *view.context, *answer);
}

}  // namespace breakwater::lua
