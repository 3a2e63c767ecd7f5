#include "control/route/policy_tables.h"

#include <algorithm>
#include <utility>

namespace gotthard::route {

PolicyTables::Entries& PolicyTables::touch(const KernelRoute& route) {
  changed_.push_back(route.destination);
  return tables_[route.table]
      .of(route.destination.address.family)
      .find_or_insert(to_key(route.destination));
}

void PolicyTables::add(const KernelRoute& route) {
  touch(route).push_back({.order = ++order_, .route = route});
}

void PolicyTables::replace(const KernelRoute& before, const KernelRoute& after) {
  Entries& entries = touch(before);
  const auto at = std::ranges::find(entries, before, &Entry::route);
  if (at == entries.end()) {
    add(after);
  } else {
    at->route = after;
  }
}

void PolicyTables::remove(const KernelRoute& route) {
  Entries& entries = touch(route);
  const auto at = std::ranges::find(entries, route, &Entry::route);
  if (at != entries.end()) {
    entries.erase(at);
  }
  if (entries.empty()) {
    tables_[route.table].of(route.destination.address.family).erase(to_key(route.destination));
  }
}

Answer PolicyTables::find(std::uint32_t table, const Address& address, const Admits& admits) {
  Answer found;
  const auto routes = tables_.find(table);
  if (routes == tables_.end()) {
    return found;
  }
  const auto by_link = [this](int link) { return devices_->by_link(link); };
  const auto best = [&](const PrefixKey& key, const Entries& entries) {
    KernelRank best_rank;
    bool any = false;
    for (const Entry& entry : entries) {
      Target target = is_for_all(entry.route)
                          ? admitted(target_of(entry.route, *devices_, by_link), admits)
                          : Target{};
      if (target.kind == Target::Kind::none) {
        continue;
      }
      const KernelRank rank = rank_of(entry.route, target, entry.order);
      if (!any || rank < best_rank) {
        any = true;
        best_rank = rank;
        found = {
            .target = std::move(target), .length = key.length, .refuses = refuses(entry.route)};
      }
    }
  };
  routes->second.of(address.family).for_each_covering(to_key(host_prefix(address)), best);
  return found;
}

std::vector<Prefix> PolicyTables::take_changed() { return std::exchange(changed_, {}); }

}  // namespace gotthard::route
