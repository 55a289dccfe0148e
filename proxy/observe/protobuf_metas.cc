#include "proxy/observe/protobuf_metas.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "proxy/base/text.h"
#include "proxy/dns/extended_error.h"
#include "proxy/query/proxy_values.h"

namespace breakwater {
namespace {

std::string TagText(const std::string& key, const std::string& value) {
  return value.empty() ? key : key + ":" + value;
}

}  // namespace

struct ProtobufMeta::Word {
  std::string_view text;
  Source source;
  bool has_argument = false;
};
const ProtobufMeta::Word ProtobufMeta::kWords[] = {
    {"sni", Source::kServerName},
    {"pool", Source::kPool},
    {"b64-content", Source::kContent},
    {"doh-header", Source::kHeader, true},
    {"doh-host", Source::kHost},
    {"doh-path", Source::kPath},
    {"doh-query-string", Source::kQueryString},
    {"doh-scheme", Source::kScheme},
    {"proxy-protocol-value", Source::kProxyValue, true},
    {"proxy-protocol-values", Source::kProxyValues},
    {"tag", Source::kTag, true},
    {"tags", Source::kTags},
};

TextResult<ProtobufMeta> ProtobufMeta::Parse(std::string name, std::string_view source) {
  const size_t colon = source.find(':');
  const std::string_view word = source.substr(0, colon);
  const auto* const found = std::find_if(std::begin(kWords), std::end(kWords),
                                         [&](const Word& known) { return known.text == word; });
  if (found == std::end(kWords) || found->has_argument != (colon != source.npos)) {
    std::string known;
    for (const Word& each : kWords) {
      known += fmt::format("{}{}{}", known.empty() ? "" : ", ", each.text,
                           each.has_argument ? ":..." : "");
    }
    return Fail(fmt::format("'{}' is no value of a query; there are {}", source, known));
  }
  ProtobufMeta meta;
  meta.name_ = std::move(name);
  meta.source_ = found->source;
  if (!found->has_argument) return meta;
  meta.argument_ = source.substr(colon + 1);
  if (meta.source_ == Source::kHeader) meta.argument_ = ToLowerAscii(meta.argument_);
  if (meta.source_ == Source::kProxyValue) {
    const char* const end = meta.argument_.data() + meta.argument_.size();
    const auto read = std::from_chars(meta.argument_.data(), end, meta.type_);
    if (read.ec != std::errc() || read.ptr != end) {
      return Fail(fmt::format("'{}': the type of a value is a number up to 255", source));
    }
  }
  return meta;
}

std::string ProtobufMeta::OfHttp(const Query& query) const {
  if (query.http == nullptr) return {};
  const HttpExchange& http = *query.http;
  switch (source_) {
    case Source::kHost:
      return http.host;
    case Source::kPath:
      return http.path;
    case Source::kQueryString:
      return http.query;
    case Source::kScheme:
      return http.scheme;
    default:
      break;
  }
  for (const auto& [name, value] : http.headers) {
    if (name == argument_) return value;
  }
  return {};
}

std::vector<std::string> ProtobufMeta::Values(const Query& query) const {
  std::vector<std::string> values;
  switch (source_) {
    case Source::kServerName:
      return {query.connection == nullptr ? std::string() : query.connection->server_name};
    case Source::kPool:
      return {query.pool_name};
    case Source::kContent:
      return {Base64Encode(query.message())};
    case Source::kProxyValue:
    case Source::kProxyValues:
      for (const auto& [type, value] : ProxyValuesOf(query)) {
        if (source_ == Source::kProxyValues) {
          values.push_back(fmt::format("{}:{}", type, value));
        } else if (type == type_) {
          values.push_back(value);
        }
      }
      return values;
    case Source::kTag:
      if (const std::string* value = query.FindTag(argument_)) values.push_back(*value);
      return values;
    case Source::kTags:
      if (const QueryExtras* extras = query.extras()) {
        for (const auto& [key, value] : extras->tags) {
          values.push_back(TagText(key, value));
        }
      }
      return values;
    default:
      return {OfHttp(query)};
  }
}

void ProtobufMeta::AddTo(const Query& query, ProtobufMessage* message) const {
  QueryMeta meta{.key = name_, .texts = Values(query), .numbers = {}};
  if (meta.texts.empty()) meta.texts.emplace_back();
  message->metas.push_back(std::move(meta));
}

TagExport::TagExport(std::string_view list) : all_(list == "*") {
  if (all_) return;
  for (const std::string_view part : Split(list, ',')) {
    const std::string_view name = TrimSpace(part);
    if (!name.empty()) names_.emplace_back(name);
  }
}

void TagExport::AddTo(const Query& query, ProtobufMessage* message) const {
  const QueryExtras* extras = query.extras();
  if (extras == nullptr) return;
  for (const auto& [key, value] : extras->tags) {
    if (!all_ && std::find(names_.begin(), names_.end(), key) == names_.end()) continue;
    message->tags.push_back(TagText(key, value));
  }
}

void AddExtendedErrorMeta(const Query& answer, const std::string& key, ProtobufMessage* message) {
  QueryMeta meta{.key = key, .texts = {}, .numbers = {}};
  const auto note = [&](uint16_t code, std::string_view text) {
    meta.numbers.push_back(code);
    if (!text.empty()) meta.texts.emplace_back(text);
  };
  const QueryExtras* extras = answer.extras();
  const bool replaced = extras != nullptr && extras->clear_extended_errors;
  if (const auto edns = dns::FindEdns(answer.message(), answer.records_start());
      edns && edns->present && !replaced) {
    const auto errors = dns::ListExtendedErrors(answer.message(), *edns);
    if (!errors.empty()) note(errors.front().code, errors.front().text);
  }
  // Those of rules are written when the answer leaves.
  if (meta.numbers.empty() && extras != nullptr && !extras->extended_errors.empty()) {
    note(extras->extended_errors.front().code, extras->extended_errors.front().text);
  }
  if (!meta.numbers.empty()) message->metas.push_back(std::move(meta));
}

}  // namespace breakwater
