#include "proxy/rules/selectors/http_selectors.h"

#include <re2/re2.h>

#include <utility>

#include "proxy/base/text.h"
#include "proxy/rules/selectors/simple_selector.h"

namespace breakwater {
namespace {

using Regex = std::shared_ptr<const re2::RE2>;

TextResult<Regex> Compile(const std::string& pattern) {
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_case_sensitive(false);
  auto regex = std::make_shared<const re2::RE2>(pattern, options);
  if (!regex->ok()) return Fail("'" + pattern + "' is no regular expression: " + regex->error());
  return Regex(std::move(regex));
}

}  // namespace

TextResult<SelectorPtr> MakeHttpHeaderSelector(const std::string& name, const std::string& regex) {
  auto compiled = Compile(regex);
  if (!compiled) return Fail(std::move(compiled.error()));
  return MakeSimpleSelector(
      "http[" + name + "] ~ " + regex,
      [name = ToLowerAscii(name), compiled = *compiled](const Query& query, RuleContext&) {
        if (query.http == nullptr) return false;
        for (const auto& [key, value] : query.http->headers) {
          if (key == name) return re2::RE2::PartialMatch(value, *compiled);
        }
        return false;
      });
}

TextResult<SelectorPtr> MakeHttpPathRegexSelector(const std::string& regex) {
  auto compiled = Compile(regex);
  if (!compiled) return Fail(std::move(compiled.error()));
  return MakeSimpleSelector(
      "http path ~ " + regex, [compiled = *compiled](const Query& query, RuleContext&) {
        return query.http != nullptr && re2::RE2::PartialMatch(query.http->path, *compiled);
      });
}

SelectorPtr MakeHttpPathSelector(std::string path) {
  std::string text = "url path == " + path;
  return MakeSimpleSelector(std::move(text),
                            [path = std::move(path)](const Query& query, RuleContext&) {
                              return query.http != nullptr && query.http->path == path;
                            });
}

SelectorPtr MakeSniSelector(std::string name) {
  std::string text = "SNI == " + name;
  return MakeSimpleSelector(
      std::move(text), [name = std::move(name)](const Query& query, RuleContext&) {
        return query.connection != nullptr && query.connection->server_name == name;
      });
}

}  // namespace breakwater
