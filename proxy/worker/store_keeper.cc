#include "proxy/worker/store_keeper.h"

#include <pthread.h>

#include <chrono>
#include <utility>

namespace breakwater {

void StoreKeeper::Start(const Config& config) {
  {
    const std::lock_guard lock(mutex_);
    started_ = true;
  }
  UseConfig(config);
}

void StoreKeeper::UseConfig(const Config& config) {
  const std::lock_guard lock(mutex_);
  std::erase_if(stores_, [](const auto& entry) { return entry.second.store.expired(); });
  for (const auto& store : config.settings.stores) {
    if (const auto held = store.lock()) stores_.try_emplace(held.get(), Told{.store = held});
  }
  if (!started_ || stopping_ || stores_.empty() || thread_.joinable()) return;
  thread_ = std::thread([this] { Run(); });
}

void StoreKeeper::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::vector<KeyValueStorePtr> StoreKeeper::Stores() {
  const std::lock_guard lock(mutex_);
  std::vector<KeyValueStorePtr> stores;
  for (const auto& [key, told] : stores_) {
    if (auto held = told.store.lock()) stores.push_back(std::move(held));
  }
  return stores;
}

void StoreKeeper::Step() {
  for (const KeyValueStorePtr& store : Stores()) store->Tend(clock_.Now());
}

void StoreKeeper::Run() {
  pthread_setname_np(pthread_self(), "bw/stores");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    Step();
    lock.lock();
    changed_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; });
  }
}

void StoreKeeper::Count(Counters& counters) {
  const std::lock_guard lock(mutex_);
  for (auto& [key, told] : stores_) {
    const auto store = told.store.lock();
    if (!store) continue;
    const auto add = [&](Metric metric, uint64_t now, uint64_t& before) {
      counters.Add(metric, now - std::exchange(before, now));
    };
    add(Metric::kKvsLoads, store->loads(), told.loads);
    add(Metric::kKvsLoadErrors, store->load_errors(), told.load_errors);
    add(Metric::kKvsLookupErrors, store->lookup_errors(), told.lookup_errors);
  }
}

}  // namespace breakwater
