// Peers by name: their addresses are asked for until they are found, and then now and again.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "control/ipsec/ike_settings.h"
#include "control/ipsec/negotiations.h"

namespace gotthard::control {
namespace {

// A peer that is not reached may have moved with its name; one that is may move later.
constexpr Nanoseconds kWhileDown = 5 * kSecond;
constexpr Nanoseconds kWhileUp = 60 * kSecond;

}  // namespace

bool Negotiations::established(const std::string& connection) const {
  return std::ranges::any_of(engine_.sas(), [&](const ike::SaStatus& sa) {
    return sa.connection == connection && sa.established_at != 0;
  });
}

void Negotiations::ask_for_names(Nanoseconds now) {
  for (const config::Ipsec& ipsec : config_->ipsec) {
    for (const config::Connection& connection : ipsec.connections) {
      if (!connection.ike || !connection.by_name()) {
        continue;
      }
      const std::string full = connection_name(ipsec, connection);
      Names& names = names_[full];
      if (names.asked_at != 0 && now < names.asked_at + kWhileDown) {
        continue;
      }
      if (names.asked_at != 0 && now < names.asked_at + kWhileUp && established(full)) {
        continue;
      }
      names.asked_at = now;
      for (const config::Remote& remote : connection.remotes) {
        if (!remote.name.empty()) {
          (void)links_.resolve_name(full, remote.name);
        }
      }
    }
  }
}

// Addresses and names keep the configuration's order. What a name had stays while it has none: its
// servers may be out of reach.
void Negotiations::on_name_resolved(const std::string& full, const std::string& name,
                                    std::span<const abi::Address> addresses) {
  for (const config::Ipsec& ipsec : config_->ipsec) {
    for (const config::Connection& connection : ipsec.connections) {
      if (!connection.ike || connection_name(ipsec, connection) != full) {
        continue;
      }
      const auto fits = [&](const abi::Address& address) {
        return !connection.local || connection.local->family == address.family;
      };
      Names& names = names_[full];
      std::vector<abi::Address> found;
      std::ranges::copy_if(addresses, std::back_inserter(found), fits);
      if (found.empty()) {
        const std::string_view what =
            addresses.empty() ? "has no address" : "has none of local's family";
        carry_out(engine_.on_name_unresolved(full, fmt::format("'{}' {}", name, what), time_now()));
        return;
      }
      names.found[name] = std::move(found);
      std::vector<abi::Address> remotes;
      for (const config::Remote& remote : connection.remotes) {
        if (remote.name.empty()) {
          remotes.push_back(remote.address);
        } else if (const auto at = names.found.find(remote.name); at != names.found.end()) {
          remotes.insert(remotes.end(), at->second.begin(), at->second.end());
        }
      }
      carry_out(engine_.set_remotes(full, std::move(remotes), time_now()));
    }
  }
}

}  // namespace gotthard::control
