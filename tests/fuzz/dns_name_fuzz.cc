// The input is read as text, as a wire name, and as a message with a name at every offset.
#include "proxy/base/text.h"
#include "proxy/dns/name.h"
#include "tests/fuzz/check.h"

namespace {

using breakwater::dns::Name;
using breakwater::fuzz::Require;

bool Same(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return breakwater::AsText(a) == breakwater::AsText(b);
}

void CheckName(const Name& name) {
  Require(name.length() >= 1 && name.length() <= breakwater::dns::kMaxNameLength, "length");
  const auto wire = Name::FromWire(name.wire());
  Require(wire && Same(wire->wire(), name.wire()), "wire form round trips");
  const auto dotted = Name::Parse(name.ToString());
  Require(dotted && Same(dotted->wire(), name.wire()), "text round trips");
  const auto bare = Name::Parse(name.ToStringNoDot());
  Require(bare && Same(bare->wire(), name.wire()), "text without dot round trips");
  const Name folded = name.Folded();
  Require(folded == name && folded.FoldedKey() == name.FoldedKey(), "folding keeps equality");
  Require(folded.IsPartOf(name) && name.IsPartOf(Name()), "part of itself and of the root");
  size_t labels = 0;
  Name walk = name;
  while (walk.ChopOff()) {
    ++labels;
    Require(name.IsPartOf(walk), "part of its parents");
    auto relative = name.RelativeTo(walk);
    Require(relative && relative->Append(walk) && *relative == name, "relative plus suffix");
  }
  Require(labels == name.CountLabels() && walk.IsRoot(), "labels");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (const auto name = Name::Parse({reinterpret_cast<const char*>(data), size})) CheckName(*name);
  if (const auto name = Name::FromWire({data, size})) CheckName(*name);
  const std::span<const uint8_t> message(data, size);
  for (size_t offset = 0; offset < size && offset < 600; ++offset) {
    size_t end = 0;
    const auto name = Name::FromMessage(message, offset, &end);
    if (!name) continue;
    Require(end > offset && end <= size, "end lies behind the name");
    CheckName(*name);
  }
  return 0;
}
