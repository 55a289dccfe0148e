#include "proxy/rules/name_table.h"

#include <algorithm>
#include <span>

namespace breakwater {
namespace {

std::string WireText(const dns::Name& name) {
  return {reinterpret_cast<const char*>(name.wire().data()), name.wire().size()};
}

}  // namespace

NameTable::Data& NameTable::Edit() {
  if (!data_) {
    data_ = std::make_shared<Data>();
  } else if (data_.use_count() > 1) {
    data_ = std::make_shared<Data>(*data_);
  }
  return *data_;
}

bool NameTable::Add(const dns::Name& name) {
  std::string key = name.FoldedKey();
  if (Find(key) != nullptr) return false;
  Data& data = Edit();
  data.names.emplace(std::move(key), WireText(name));
  ++data.depths[name.CountLabels()];
  return true;
}

bool NameTable::Remove(const dns::Name& name) {
  const std::string key = name.FoldedKey();
  if (Find(key) == nullptr) return false;
  Data& data = Edit();
  data.names.erase(key);
  --data.depths[name.CountLabels()];
  return true;
}

std::vector<dns::Name> NameTable::Sorted() const {
  std::vector<dns::Name> names;
  if (!data_) return names;
  std::vector<std::pair<std::string_view, std::string_view>> entries;
  entries.reserve(data_->names.size());
  for (const auto& [folded, wire] : data_->names) entries.emplace_back(folded, wire);
  // From the last octet backwards, so that names of one zone stand together.
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return std::lexicographical_compare(a.first.rbegin(), a.first.rend(), b.first.rbegin(),
                                        b.first.rend());
  });
  names.reserve(entries.size());
  for (const auto& [folded, wire] : entries) {
    const auto name =
        dns::Name::FromWire({reinterpret_cast<const uint8_t*>(wire.data()), wire.size()});
    if (name) names.push_back(*name);
  }
  return names;
}

}  // namespace breakwater
