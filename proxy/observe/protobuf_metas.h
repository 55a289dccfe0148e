// What RemoteLogAction's exportTags and metas add to a message: values of the query that the file
// names. Immutable once read; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/observe/protobuf_message.h"

namespace breakwater {

// One value of a query, told under a name of its own.
class ProtobufMeta {
 public:
  // `source` is "sni", "pool", "b64-content", "doh-header:NAME", "doh-host", "doh-path",
  // "doh-query-string", "doh-scheme", "proxy-protocol-value:TYPE", "proxy-protocol-values",
  // "tag:NAME" or "tags"; anything else is an error.
  static TextResult<ProtobufMeta> Parse(std::string name, std::string_view source);

  // Adds it; one empty text where the query has no such value.
  void AddTo(const Query& query, ProtobufMessage* message) const;

 private:
  enum class Source : uint8_t {
    kServerName,
    kPool,
    kContent,
    kHeader,
    kHost,
    kPath,
    kQueryString,
    kScheme,
    kProxyValue,
    kProxyValues,
    kTag,
    kTags,
  };
  struct Word;
  static const Word kWords[];
  std::vector<std::string> Values(const Query& query) const;
  std::string OfHttp(const Query& query) const;

  std::string name_;
  Source source_ = Source::kPool;
  std::string argument_;  // the header's name in lower case, or the tag's
  uint8_t type_ = 0;      // of the PROXY protocol's value
};

// Which tags are told in response.tags: "key:value", or "key" for an empty value.
class TagExport {
 public:
  // "*" for all, names with commas between, or nothing for none.
  explicit TagExport(std::string_view list);
  void AddTo(const Query& query, ProtobufMessage* message) const;

 private:
  bool all_ = false;
  std::vector<std::string> names_;
};

// A meta with the code and text of the answer's first extended error; none where it has none.
void AddExtendedErrorMeta(const Query& answer, const std::string& key, ProtobufMessage* message);

}  // namespace breakwater
