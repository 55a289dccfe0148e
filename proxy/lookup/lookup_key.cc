#include "proxy/lookup/lookup_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "proxy/base/text.h"

namespace breakwater {
namespace {

using Wire = std::span<const uint8_t>;

std::string_view FormName(NameForm form) {
  return form == NameForm::kWire ? " in wire format" : "";
}

// `folded` is a whole name in lower case.
bool VisitFolded(Wire folded, NameForm form, LookupKey::Visitor visit) {
  if (form == NameForm::kWire) return visit(folded);
  if (folded.size() <= 1) return visit(AsBytes("."));
  // What needs no escape, as nearly all names, needs no memory either.
  std::array<uint8_t, dns::kMaxNameLength> text;
  size_t length = 0;
  bool plain = true;
  for (size_t at = 0; folded[at] != 0; at += 1 + folded[at]) {
    for (size_t i = 1; i <= folded[at]; ++i) {
      const uint8_t c = folded[at + i];
      plain = plain && c > 0x20 && c < 0x7f && c != '.' && c != '\\';
      text[length++] = c;
    }
    text[length++] = '.';
  }
  if (plain) return visit({text.data(), length - 1});
  const auto name = dns::Name::FromWire(folded);
  return !name || visit(AsBytes(name->ToStringNoDot()));
}

class QNameKey final : public LookupKey {
 public:
  explicit QNameKey(NameForm form) : form_(form) {}
  void ForEach(const Query& query, Visitor visit) const override {
    VisitNameKey(query.name(), form_, visit);
  }
  std::string ToString() const override { return fmt::format("qname{}", FormName(form_)); }

 private:
  NameForm form_;
};

class SuffixKey final : public LookupKey {
 public:
  explicit SuffixKey(const SuffixKeyOptions& options) : options_(options) {}
  void ForEach(const Query& query, Visitor visit) const override {
    VisitSuffixKeys(query.name(), options_, visit);
  }
  std::string ToString() const override {
    const std::string least = options_.min_labels == 0
                                  ? ""
                                  : fmt::format(" with at least {} label(s)", options_.min_labels);
    return fmt::format("suffix{}{}", FormName(options_.form), least);
  }

 private:
  SuffixKeyOptions options_;
};

class SourceIpKey final : public LookupKey {
 public:
  explicit SourceIpKey(const SourceIpKeyOptions& options) : options_(options) {}
  void ForEach(const Query& query, Visitor visit) const override {
    const Address network =
        query.client.Truncated(query.client.IsV4() ? options_.mask_v4 : options_.mask_v6);
    std::array<uint8_t, 18> key;
    const auto raw = network.Raw();
    if (raw.empty()) return;
    auto* end = std::copy(raw.begin(), raw.end(), key.data());
    if (options_.include_port) {
      const uint16_t port = query.client.port();
      *end++ = static_cast<uint8_t>(port >> 8);
      *end++ = static_cast<uint8_t>(port & 0xff);
    }
    visit({key.data(), end});
  }
  std::string ToString() const override {
    return fmt::format("source IP (masked to {} (v4) / {} (v6) bits){}", options_.mask_v4,
                       options_.mask_v6, options_.include_port ? " including the port" : "");
  }

 private:
  SourceIpKeyOptions options_;
};

class TagKey final : public LookupKey {
 public:
  explicit TagKey(std::string tag) : tag_(std::move(tag)) {}
  void ForEach(const Query& query, Visitor visit) const override {
    const std::string* const value = query.FindTag(tag_);
    if (value != nullptr) visit(AsBytes(*value));
  }
  std::string ToString() const override { return fmt::format("value of the tag named '{}'", tag_); }

 private:
  std::string tag_;
};

}  // namespace

void VisitNameKey(Wire wire, NameForm form, LookupKey::Visitor visit) {
  std::array<uint8_t, dns::kMaxNameLength> folded;
  dns::FoldInto(wire, folded.data());
  VisitFolded({folded.data(), wire.size()}, form, visit);
}

void VisitSuffixKeys(Wire wire, const SuffixKeyOptions& options, LookupKey::Visitor visit) {
  std::array<uint8_t, dns::kMaxNameLength> folded;
  dns::FoldInto(wire, folded.data());
  size_t labels = 0;
  for (size_t at = 0; folded[at] != 0; at += 1 + folded[at]) ++labels;
  const size_t least = std::max<size_t>(options.min_labels, 1);
  for (size_t at = 0; labels >= least; at += 1 + folded[at], --labels) {
    if (!VisitFolded(Wire(folded.data(), wire.size()).subspan(at), options.form, visit)) return;
  }
}

LookupKeyPtr MakeQNameKey(NameForm form) {
  return std::make_shared<QNameKey>(form);
}
LookupKeyPtr MakeSuffixKey(size_t min_labels, NameForm form) {
  return std::make_shared<SuffixKey>(SuffixKeyOptions{min_labels, form});
}
LookupKeyPtr MakeSourceIpKey(const SourceIpKeyOptions& options) {
  return std::make_shared<SourceIpKey>(options);
}
LookupKeyPtr MakeTagKey(std::string tag) {
  return std::make_shared<TagKey>(std::move(tag));
}

}  // namespace breakwater
