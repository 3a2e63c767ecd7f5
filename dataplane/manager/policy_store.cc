#include "dataplane/manager/policy_store.h"

#include <algorithm>
#include <utility>

namespace gotthard::dataplane {
namespace {

// Selectors that take any port or protocol take what has none, too.
PolicyRange ports(const abi::SelectorAdd& selector) {
  const bool any = selector.first_port == 0 && selector.last_port == UINT16_MAX;
  return {.first = selector.first_port,
          .last = any ? wire::kNoPort : std::uint32_t{selector.last_port}};
}

PolicyRange addresses(const abi::SelectorAdd& selector) {
  return {.first = wire::selector_number(selector.first),
          .last = wire::selector_number(selector.last)};
}

// Both sides name a protocol: the same, or one of them any.
bool joint_protocol(const abi::SelectorAdd& local, const abi::SelectorAdd& remote,
                    PolicyRange* range) {
  if (local.protocol != 0 && remote.protocol != 0 && local.protocol != remote.protocol) {
    return false;
  }
  const std::uint8_t protocol = local.protocol != 0 ? local.protocol : remote.protocol;
  *range = protocol != 0 ? PolicyRange{.first = protocol, .last = protocol}
                         : PolicyRange{.first = 0, .last = wire::kNoProtocol};
  return true;
}

std::vector<PolicyRule> rules_of(const std::vector<abi::SelectorAdd>& locals,
                                 const std::vector<abi::SelectorAdd>& remotes, std::uint32_t peer,
                                 std::uint16_t spread) {
  using enum wire::SelectorField;
  const auto at = [](wire::SelectorField field) { return static_cast<std::size_t>(field); };
  std::vector<PolicyRule> rules;
  for (const abi::SelectorAdd& local : locals) {
    for (const abi::SelectorAdd& remote : remotes) {
      PolicyRule rule{.family = local.first.family,
                      .ranges = {},
                      .peer = peer,
                      .spread = std::max<std::uint32_t>(spread, 1)};
      if (local.first.family != remote.first.family ||
          !joint_protocol(local, remote, &rule.ranges[at(protocol)])) {
        continue;
      }
      rule.ranges[at(wire::SelectorField::remote)] = addresses(remote);
      rule.ranges[at(wire::SelectorField::local)] = addresses(local);
      rule.ranges[at(remote_port)] = ports(remote);
      rule.ranges[at(local_port)] = ports(local);
      rules.push_back(rule);
    }
  }
  return rules;
}

}  // namespace

PolicyStore::~PolicyStore() {
  for (auto& place : shared_->policies) {
    delete place.exchange(nullptr);
  }
  for (const auto& [peer, child] : children_) {
    delete shared_->peers[peer].selectors.exchange(nullptr);
  }
}

bool PolicyStore::add(const abi::SelectorAdd& command) {
  Pending& pending = pending_[command.peer];
  auto& side = command.side == abi::SelectorSide::local ? pending.locals : pending.remotes;
  if (side.size() == abi::kMaxSelectors) {
    return false;
  }
  side.push_back(command);
  return true;
}

bool PolicyStore::commit(const abi::SelectorsCommit& command, std::uint16_t interface) {
  const auto found = pending_.find(command.peer);
  if (found == pending_.end()) {
    return false;
  }
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  if (pending.locals.size() != command.locals || pending.remotes.size() != command.remotes) {
    return false;
  }
  Child child{.interface = interface,
              .spread = command.spread,
              .order = command.order,
              .rules = rules_of(pending.locals, pending.remotes, command.peer, command.spread)};
  Child& known = children_[command.peer];
  changed_.insert(known.interface);
  changed_.insert(interface);
  known = std::move(child);
  replace(&shared_->peers[command.peer].selectors, new PolicyTable(known.rules));
  return true;
}

void PolicyStore::remove(std::uint32_t peer) {
  pending_.erase(peer);
  const auto found = children_.find(peer);
  if (found == children_.end()) {
    return;
  }
  // Not one packet more to a slot that may become another's.
  const std::uint16_t interface = found->second.interface;
  children_.erase(found);
  replace(&shared_->peers[peer].selectors, nullptr);
  changed_.insert(interface);
}

void PolicyStore::tick(Nanoseconds now) {
  if (changed_.empty() || now < not_before_) {
    return;
  }
  const Nanoseconds start = boottime_now();
  for (const std::uint16_t interface : changed_) {
    build(interface);
  }
  changed_.clear();
  const Nanoseconds took = boottime_now() - start;
  not_before_ = took < kMillisecond ? 0 : start + 5 * took;
}

void PolicyStore::build(std::uint16_t interface) {
  std::vector<const Child*> children;
  for (const auto& [peer, child] : children_) {
    if (child.interface == interface && child.spread > 0) {
      children.push_back(&child);
    }
  }
  std::stable_sort(children.begin(), children.end(),
                   [](const Child* a, const Child* b) { return a->order < b->order; });
  std::vector<PolicyRule> rules;
  for (const Child* child : children) {
    rules.insert(rules.end(), child->rules.begin(), child->rules.end());
  }
  replace(&shared_->policies[interface],
          rules.empty() ? nullptr : new PolicyTable(std::move(rules)));
}

void PolicyStore::replace(std::atomic<const PolicyTable*>* place, const PolicyTable* table) {
  const PolicyTable* old = place->exchange(table, std::memory_order_acq_rel);
  if (old != nullptr) {
    retired_->defer([old] { delete old; });
  }
}

}  // namespace gotthard::dataplane
