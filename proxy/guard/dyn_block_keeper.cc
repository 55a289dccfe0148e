#include "proxy/guard/dyn_block_keeper.h"

#include <algorithm>

namespace breakwater {
namespace {

dns::Name NameOf(std::string_view wire) {
  return dns::Name::FromWire({reinterpret_cast<const uint8_t*>(wire.data()), wire.size()})
      .value_or(dns::Name());
}

using ByReason = std::map<std::string, std::vector<DynBlockOffender>>;

void KeepMost(ByReason& found, std::vector<DynBlockOffender>* out) {
  for (auto& [reason, list] : found) {
    std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
      return a.hits_per_second != b.hits_per_second ? a.hits_per_second > b.hits_per_second
                                                    : a.what < b.what;
    });
    if (list.size() > DynBlockKeeper::kOffendersPerReason) {
      list.resize(DynBlockKeeper::kOffendersPerReason);
    }
    std::move(list.begin(), list.end(), std::back_inserter(*out));
  }
}

}  // namespace

void DynBlockKeeper::Step(const DynBlockSettings& settings, MonoTime now) {
  if (now - listed_at_ >= kOffendersEvery) ListOffenders(now);
  // The kernel knows no time: it would drop on.
  if (table_->kernel().EndedBy(now)) table_->Purge(now);
  const MonoTime interval = MonoTime::FromSeconds(settings.purge_interval_s);
  if (settings.purge_interval_s == 0 || now - purged_at_ < interval) return;
  purged_at_ = now;
  table_->Purge(now);
}

void DynBlockKeeper::ListOffenders(MonoTime now) {
  const double seconds = static_cast<double>((now - listed_at_).ns) / 1e9;
  listed_at_ = now;
  auto snapshot = table_->Snapshot();
  Hits hits;
  DynBlockOffenders offenders;
  ByReason clients;
  ByReason names;
  const auto per_second = [&](const DynBlock& block, uint64_t count) {
    if (count == 0) return 0.0;
    hits[block.hits.get()] = count;
    const auto before = hits_.find(block.hits.get());
    return static_cast<double>(count - (before == hits_.end() ? 0 : before->second)) / seconds;
  };
  snapshot->ForEachClient([&](const ClientRange& range, const DynBlock& block) {
    const double rate = per_second(block, table_->HitsOf(range, block));
    const std::string& reason = block.cause->reason;
    if (rate > 0) clients[reason].push_back({reason, range.ToString(), rate});
  });
  snapshot->ForEachName([&](std::string_view name, const DynBlock& block) {
    const double rate = per_second(block, block.hits->Get());
    const std::string& reason = block.cause->reason;
    if (rate > 0) names[reason].push_back({reason, NameOf(name).ToString(), rate});
  });
  KeepMost(clients, &offenders.clients);
  KeepMost(names, &offenders.names);
  table_->SetOffenders(std::move(offenders));
  hits_ = std::move(hits);
  listed_ = hits_.empty() ? nullptr : std::move(snapshot);
}

}  // namespace breakwater
