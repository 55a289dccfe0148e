#include "proxy/backend/discovery.h"

#include <algorithm>
#include <utility>

#include "proxy/base/log.h"

namespace breakwater {
namespace {

constexpr MonoTime kRound = MonoTime::FromMs(1000);

bool MayUpgrade(const Backend& backend) {
  return backend.settings().discovery.has_value() && backend.tls() == nullptr;
}

}  // namespace

Discovery::Discovery(Loop& loop, DiscoverySetup setup) : loop_(loop), setup_(std::move(setup)) {}

Discovery::~Discovery() {
  loop_.timers().Cancel(timer_);
}

void Discovery::Start() {
  RunRound();
  timer_ = loop_.timers().Add(loop_.now() + kRound, [this] {
    timer_ = 0;
    Start();
  });
}

void Discovery::RunRound() {
  std::erase_if(entries_, [](const auto& entry) { return entry.first.expired(); });
  const MonoTime now = loop_.now();
  for (const BackendPtr& backend : setup_.backends()) {
    if (!MayUpgrade(*backend)) continue;
    Entry& entry = entries_.try_emplace(backend, Entry{.next = now}).first->second;
    if (entry.running == nullptr && !entry.upgraded && entry.next <= now) Begin(backend, entry);
  }
}

void Discovery::Begin(const BackendPtr& backend, Entry& entry) {
  const uint32_t interval_s = std::max(backend->settings().discovery->interval_s, 1U);
  entry.next = loop_.now() + MonoTime::FromMs(int64_t{interval_s} * 1000);
  entry.running = std::make_unique<DiscoveryAttempt>(
      loop_, backend, [this, key = Key(backend)](TextResult<BackendPtr> result) {
        Conclude(key, std::move(result));
      });
  entry.running->Start(random_.U16());
}

void Discovery::Conclude(const Key& key, TextResult<BackendPtr> result) {
  const auto found = entries_.find(key);
  // Destroys the attempt only when this function is over: its call is what runs.
  const auto attempt = std::move(found->second.running);
  const BackendPtr& server = attempt->backend();
  found->second.upgraded = result.has_value();
  if (setup_.counters != nullptr) {
    setup_.counters->Add(result ? Metric::kServerUpgrades : Metric::kServerUpgradeFailures);
  }
  if (!result) {
    LogInfo("discovery", "{} stays as it is: {}", server->NameWithAddress(), result.error());
    return;
  }
  LogInfo("discovery", "{} is upgraded to {} at {}, where it is {}", server->NameWithAddress(),
          (*result)->settings().doh_path.empty() ? "DNS over TLS" : "DNS over HTTPS",
          (*result)->address().ToStringWithPort(), (*result)->settings().tls->subject_name);
  setup_.on_upgrade(server, *result);
}

}  // namespace breakwater
