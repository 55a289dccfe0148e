#include "proxy/control/web_message.h"

#include <algorithm>

#include "proxy/base/text.h"

namespace breakwater {
namespace {

constexpr size_t kMaxFields = 1000;

std::string Decoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto octet = text[i] == '%' ? HexDecode(text.substr(i + 1, 2)) : std::nullopt;
    if (octet && octet->size() == 1) {
      decoded += static_cast<char>(octet->front());
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

}  // namespace

const std::string* WebRequest::Argument(std::string_view name) const {
  for (const auto& [key, value] : arguments) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string_view WebRequest::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

WebFields ParseForm(std::string_view body) {
  WebFields fields;
  while (!body.empty() && fields.size() < kMaxFields) {
    const std::string_view field = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(field.size() + 1, body.size()));
    if (field.empty()) continue;
    const size_t equals = std::min(field.find('='), field.size());
    fields.emplace_back(Decoded(field.substr(0, equals)),
                        Decoded(field.substr(std::min(equals + 1, field.size()))));
  }
  return fields;
}

}  // namespace breakwater
