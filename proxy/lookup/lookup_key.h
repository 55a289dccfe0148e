// What of a query is looked up in a key-value store. Immutable, shared by all workers; keys are
// made on the stack.
#pragma once

#include <absl/functional/function_ref.h>

#include <memory>
#include <span>
#include <string>

#include "proxy/base/address.h"
#include "proxy/query/query.h"

namespace breakwater {

class LookupKey {
 public:
  // False: no more keys are wanted.
  using Visitor = absl::FunctionRef<bool(std::span<const uint8_t> key)>;
  virtual ~LookupKey() = default;
  // The keys of a query, in the order in which they are looked up.
  virtual void ForEach(const Query& query, Visitor visit) const = 0;
  virtual std::string ToString() const = 0;
};
using LookupKeyPtr = std::shared_ptr<const LookupKey>;

// How a name is spelt as a key; in lower case either way.
enum class NameForm : uint8_t {
  kWire,  // labels with their lengths
  kText,  // "www.example.com", "." for the root
};
struct SourceIpKeyOptions {
  uint8_t mask_v4 = 32;
  uint8_t mask_v6 = 128;
  bool include_port = false;  // two octets, network order, behind the address
};

LookupKeyPtr MakeQNameKey(NameForm form);
// The name, then its parents, down to those of `min_labels` labels; the root is none of them.
LookupKeyPtr MakeSuffixKey(size_t min_labels, NameForm form);
// The 4 or 16 octets of the client's address, bits behind the mask cleared.
LookupKeyPtr MakeSourceIpKey(const SourceIpKeyOptions& options);
// The value of a tag; no key where it is not set.
LookupKeyPtr MakeTagKey(std::string tag);

// The same without a query, for Lua.
void VisitNameKey(std::span<const uint8_t> wire, NameForm form, LookupKey::Visitor visit);
struct SuffixKeyOptions {
  size_t min_labels = 0;
  NameForm form = NameForm::kWire;
};
void VisitSuffixKeys(std::span<const uint8_t> wire, const SuffixKeyOptions& options,
                     LookupKey::Visitor visit);

}  // namespace breakwater
