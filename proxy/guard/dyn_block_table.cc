#include "proxy/guard/dyn_block_table.h"

#include <algorithm>

namespace breakwater {
namespace {

// The map of a part uses the other bits.
template <size_t kParts>
size_t PartOf(size_t hash) {
  return hash >> 56 & (kParts - 1);
}

size_t LabelsOf(std::string_view wire) {
  size_t labels = 0;
  for (size_t at = 0; wire[at] != 0; at += 1u + static_cast<uint8_t>(wire[at])) ++labels;
  return labels;
}

}  // namespace

std::string_view DynBlockActionText(DynBlockAction action) {
  switch (action) {
    case DynBlockAction::kNone:
      return "Apply the global DynBlock action";
    case DynBlockAction::kDrop:
      return "Drop";
    case DynBlockAction::kNxdomain:
      return "Send NXDomain";
    case DynBlockAction::kRefused:
      return "Send Refused";
    case DynBlockAction::kTruncate:
      return "Truncate over UDP";
    case DynBlockAction::kNoRecurse:
      return "Set rd=0";
    case DynBlockAction::kNoOp:
      return "Do nothing";
    case DynBlockAction::kSetTag:
      return "Set Tag";
  }
  return "";
}

std::shared_ptr<DynBlockTable> MakeDynBlockTable() {
  return std::make_shared<DynBlockTable>();
}

const DynBlock* DynBlockSnapshot::FindClient(const Address& client, MonoTime now) const {
  for (const Mask& mask : masks_[client.IsV6() ? 1 : 0]) {
    const ClientRange range(client, mask.bits, mask.port_bits);
    const size_t hash = ClientRange::Hash()(range);
    const auto& part = clients_[PartOf<kClientParts>(hash)];
    if (part == nullptr) continue;
    const auto found = part->find(range, hash);
    if (found != part->end() && found->second.until > now) return &found->second;
  }
  return nullptr;
}

const DynBlock* DynBlockSnapshot::FindName(std::span<const uint8_t> name, MonoTime now) const {
  if (name_count_ == 0) return nullptr;
  std::array<uint8_t, dns::kMaxNameLength> folded;
  dns::FoldInto(name, folded.data());
  const std::string_view whole(reinterpret_cast<const char*>(folded.data()), name.size());
  size_t labels = LabelsOf(whole);
  for (size_t at = 0;; at += 1u + name[at], --labels) {
    if (depths_[labels] > 0) {
      const std::string_view suffix = whole.substr(at);
      const size_t hash = NameKeyHash()(suffix);
      if (const auto& part = names_[PartOf<kNameParts>(hash)]) {
        const auto found = part->find(suffix, hash);
        if (found != part->end() && found->second.until > now) return &found->second;
      }
    }
    if (labels == 0) return nullptr;
  }
}

void DynBlockSnapshot::ForEachClient(
    const std::function<void(const ClientRange&, const DynBlock&)>& visit) const {
  for (const auto& part : clients_) {
    if (part == nullptr) continue;
    for (const auto& [range, block] : *part) visit(range, block);
  }
}

void DynBlockSnapshot::ForEachName(
    const std::function<void(std::string_view, const DynBlock&)>& visit) const {
  for (const auto& part : names_) {
    if (part == nullptr) continue;
    for (const auto& [name, block] : *part) visit(name, block);
  }
}

DynBlockTable::DynBlockTable(const Limits& limits)
    : limits_(limits), current_(std::make_shared<const DynBlockSnapshot>()) {}

std::shared_ptr<const DynBlockSnapshot> DynBlockTable::Snapshot() const {
  return current_.Copy();
}

void DynBlockTable::Publish(std::shared_ptr<const DynBlockSnapshot> next) {
  current_.With([&](std::shared_ptr<const DynBlockSnapshot>& current) { current.swap(next); });
  version_.fetch_add(1, std::memory_order_release);
  retired_.push_back(std::move(next));
  std::erase_if(retired_, [](const auto& old) { return old.use_count() == 1; });
}

void DynBlockTable::Clear() {
  const std::lock_guard<Mutex> lock(mutex_);
  for (auto& uses : mask_uses_) uses.clear();
  Snapshot()->ForEachClient([&](const ClientRange& range, const DynBlock& block) {
    DynBlock gone = block;
    kernel_.Remove(range, &gone);
  });
  kernel_.SetFirstEnd(KernelBlocks::kNever);
  Publish(std::make_shared<const DynBlockSnapshot>());
}

void DynBlockTable::Purge(MonoTime now) {
  {
    const auto snapshot = Snapshot();
    if (snapshot->clients() == 0 && snapshot->names() == 0) return;
  }
  Edit edit(*this, now);
  edit.Purge();
  MonoTime first_end = KernelBlocks::kNever;
  Snapshot()->ForEachClient([&](const ClientRange&, const DynBlock& block) {
    if (block.in_kernel && block.until > now) first_end = std::min(first_end, block.until);
  });
  kernel_.SetFirstEnd(first_end);
}

void DynBlockTable::UseKernel(std::shared_ptr<KernelFilter> filter, DynBlockAction standard,
                              MonoTime now) {
  Edit edit(*this, now);
  edit.MoveInKernel(std::move(filter), standard);
}

void DynBlockTable::Edit::MoveInKernel(std::shared_ptr<KernelFilter> filter,
                                       DynBlockAction standard) {
  const auto before = table_.Snapshot();
  const auto for_each = [&](const std::function<void(const ClientRange&, DynBlock*)>& change) {
    before->ForEachClient([&](const ClientRange& range, const DynBlock&) {
      auto& part = ClientPartOf(PartOf<DynBlockSnapshot::kClientParts>(ClientRange::Hash()(range)));
      change(range, &part.find(range)->second);
    });
  };
  for_each([&](const ClientRange& range, DynBlock* block) { table_.kernel_.Remove(range, block); });
  table_.kernel_.Use(std::move(filter), standard);
  for_each([&](const ClientRange& range, DynBlock* block) {
    if (block->until > now_) table_.kernel_.Settle(range, block);
  });
}

DynBlockTable::Edit::Edit(DynBlockTable& table, MonoTime now)
    : table_(table), now_(now), lock_(table.mutex_) {}

DynBlockTable::Edit::~Edit() {
  if (next_ == nullptr) return;
  for (size_t i = 0; i < client_parts_.size(); ++i) {
    if (client_parts_[i] == nullptr) continue;
    next_->clients_[i] = client_parts_[i]->empty() ? nullptr : std::move(client_parts_[i]);
  }
  for (size_t i = 0; i < name_parts_.size(); ++i) {
    if (name_parts_[i] == nullptr) continue;
    next_->names_[i] = name_parts_[i]->empty() ? nullptr : std::move(name_parts_[i]);
  }
  ListMasks();
  table_.Publish(std::move(next_));
}

void DynBlockTable::Edit::ListMasks() {
  for (size_t family = 0; family < 2; ++family) {
    auto& list = next_->masks_[family];
    list.clear();
    const auto& uses = table_.mask_uses_[family];
    for (auto use = uses.rbegin(); use != uses.rend(); ++use) {
      list.push_back({use->first.first, use->first.second});
    }
  }
}

DynBlockSnapshot::ClientPart& DynBlockTable::Edit::ClientPartOf(size_t part) {
  if (next_ == nullptr) next_ = std::make_shared<DynBlockSnapshot>(*table_.Snapshot());
  auto& mine = client_parts_[part];
  if (mine == nullptr) {
    const auto& held = next_->clients_[part];
    mine = held ? std::make_shared<DynBlockSnapshot::ClientPart>(*held)
                : std::make_shared<DynBlockSnapshot::ClientPart>();
  }
  return *mine;
}

DynBlockSnapshot::NamePart& DynBlockTable::Edit::NamePartOf(size_t part) {
  if (next_ == nullptr) next_ = std::make_shared<DynBlockSnapshot>(*table_.Snapshot());
  auto& mine = name_parts_[part];
  if (mine == nullptr) {
    const auto& held = next_->names_[part];
    mine = held ? std::make_shared<DynBlockSnapshot::NamePart>(*held)
                : std::make_shared<DynBlockSnapshot::NamePart>();
  }
  return *mine;
}

// `held` is what there was, or a block just made for this one.
DynBlockTable::Outcome DynBlockTable::Edit::Put(DynBlock* held, const DynBlockCausePtr& cause,
                                                MonoTime until) const {
  const bool over = held->cause == nullptr || held->until <= now_;
  if (!over && cause->warning != held->cause->warning) {
    if (cause->warning) return Outcome::kKept;
  } else if (!over && until <= held->until) {
    return Outcome::kKept;
  }
  const bool is_new = over || held->cause->warning != cause->warning;
  if (over) held->hits = std::make_shared<SharedCounter>();
  held->cause = cause;
  held->until = until;
  return is_new ? Outcome::kNew : Outcome::kRefreshed;
}

DynBlockTable::Outcome DynBlockTable::Edit::BlockClient(const ClientRange& clients,
                                                        const DynBlockCausePtr& cause,
                                                        MonoTime until) {
  const size_t hash = ClientRange::Hash()(clients);
  auto& part = ClientPartOf(PartOf<DynBlockSnapshot::kClientParts>(hash));
  const auto found = part.find(clients, hash);
  if (found != part.end()) return PutClient(clients, &found->second, {cause, until});
  if (next_->client_count_ >= table_.limits_.clients) {
    if (!Purge()) {
      table_.refused_.Add();
      return Outcome::kFull;
    }
    return BlockClient(clients, cause, until);
  }
  ++next_->client_count_;
  ++table_.mask_uses_[clients.v6() ? 1 : 0][{static_cast<uint8_t>(clients.bits()),
                                             static_cast<uint8_t>(clients.port_bits())}];
  return PutClient(clients, &part[clients], {cause, until});
}

DynBlockTable::Outcome DynBlockTable::Edit::PutClient(const ClientRange& clients, DynBlock* held,
                                                      const DynBlock& wanted) {
  // One past its time begins anew, in the kernel too.
  if (held->cause != nullptr && held->until <= now_) table_.kernel_.Remove(clients, held);
  const Outcome outcome = Put(held, wanted.cause, wanted.until);
  if (outcome != Outcome::kKept) table_.kernel_.Settle(clients, held);
  return outcome;
}

DynBlockTable::Outcome DynBlockTable::Edit::BlockName(const dns::Name& name,
                                                      const DynBlockCausePtr& cause,
                                                      MonoTime until) {
  const std::string key = name.FoldedKey();
  auto& part = NamePartOf(PartOf<DynBlockSnapshot::kNameParts>(NameKeyHash()(key)));
  const auto found = part.find(key);
  if (found != part.end()) return Put(&found->second, cause, until);
  if (next_->name_count_ >= table_.limits_.names) {
    if (!Purge()) {
      table_.refused_.Add();
      return Outcome::kFull;
    }
    return BlockName(name, cause, until);
  }
  ++next_->name_count_;
  ++next_->depths_[LabelsOf(key)];
  return Put(&part[key], cause, until);
}

bool DynBlockTable::Edit::UnblockClient(const ClientRange& clients) {
  const size_t part = PartOf<DynBlockSnapshot::kClientParts>(ClientRange::Hash()(clients));
  if (ClientPartOf(part).count(clients) == 0) return false;
  RemoveClient(part, clients);
  return true;
}

void DynBlockTable::Edit::RemoveClient(size_t part, const ClientRange& range) {
  auto& blocks = ClientPartOf(part);
  const auto found = blocks.find(range);
  if (found == blocks.end()) return;
  table_.kernel_.Remove(range, &found->second);
  blocks.erase(found);
  --next_->client_count_;
  auto& uses = table_.mask_uses_[range.v6() ? 1 : 0];
  const auto use =
      uses.find({static_cast<uint8_t>(range.bits()), static_cast<uint8_t>(range.port_bits())});
  if (use != uses.end() && --use->second == 0) uses.erase(use);
}

void DynBlockTable::Edit::RemoveName(size_t part, std::string_view name) {
  NamePartOf(part).erase(std::string(name));
  --next_->name_count_;
  --next_->depths_[LabelsOf(name)];
}

// Once an edit: what is past its time then is so before the edit's end. Whether it found any.
bool DynBlockTable::Edit::Purge() {
  if (purged_) return false;
  purged_ = true;
  const auto before = table_.Snapshot();
  bool any = false;
  before->ForEachClient([&](const ClientRange& range, const DynBlock& block) {
    if (block.until > now_) return;
    const size_t part = PartOf<DynBlockSnapshot::kClientParts>(ClientRange::Hash()(range));
    // This edit may have made it last longer.
    auto& mine = ClientPartOf(part);
    const auto found = mine.find(range);
    if (found == mine.end() || found->second.until > now_) return;
    RemoveClient(part, range);
    any = true;
  });
  before->ForEachName([&](std::string_view name, const DynBlock& block) {
    if (block.until > now_) return;
    const size_t part = PartOf<DynBlockSnapshot::kNameParts>(NameKeyHash()(name));
    auto& mine = NamePartOf(part);
    const auto found = mine.find(name);
    if (found == mine.end() || found->second.until > now_) return;
    RemoveName(part, name);
    any = true;
  });
  return any;
}

void DynBlockView::Renew(const DynBlockTable& table) {
  // The version first: a snapshot newer than it is taken once more, an older one never stays.
  version_ = table.version();
  std::atomic_thread_fence(std::memory_order_acquire);
  snapshot_ = table.Snapshot();
  if (snapshot_->clients() == 0 && snapshot_->names() == 0) snapshot_ = nullptr;
}

}  // namespace breakwater
