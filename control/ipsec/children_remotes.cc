// Where children's peers are: as their names' servers say, the next of several, as they show
// themselves.
#include <arpa/inet.h>

#include <algorithm>

#include "base/log.h"
#include "control/ipsec/children.h"

namespace gotthard::control {
namespace {

constexpr auto kLog = log::Subsystem::control;

}  // namespace

// One packet says it of all that goes to the peer (RFC 7296, 2.23), but for transport mode, whose
// selectors are the addresses.
void Children::move(const IpsecChild& heard, const abi::EndpointMoved& moved) {
  log::event(log::Level::info, kLog, "peer_moved",
             {{"child", full_name(heard)},
              {"remote", config::to_string(moved.remote)},
              {"port", ntohs(moved.remote_port)}});
  for (auto& [number, child] : children_) {
    if (child.ipsec == heard.ipsec && child.connection == heard.connection &&
        !settings_of(child).transport) {
      child.in_udp = true;
      child.remote = moved.remote;
      child.remote_port = moved.remote_port;
      links_.fib->set_endpoint(child.interface, number, child.remote, moved.local);
      send_child(child);
    }
  }
}

// Until it is resolved; from then on the peer itself says where it is.
void Children::ask_for_name(IpsecChild* child, Nanoseconds now) {
  constexpr Nanoseconds kInterval = 5 * kSecond;
  const auto& remotes = connection_of(*child).remotes;
  const std::string name = remotes.empty() ? "" : remotes[child->place].name;
  if (name.empty() || child->remote.family != abi::Family::none ||
      (child->asked_at != 0 && now < child->asked_at + kInterval)) {
    return;
  }
  child->asked_at = now;
  (void)links_.resolve_name(child->number, name);
}

void Children::on_name_resolved(std::uint32_t number, std::span<const abi::Address> addresses) {
  const auto found = children_.find(number);
  if (found == children_.end() || found->second.remote.family != abi::Family::none) {
    return;
  }
  IpsecChild& child = found->second;
  const auto local = connection_of(child).local;
  const auto fits = std::ranges::find_if(addresses, [&](const abi::Address& address) {
    return !local || local->family == address.family;
  });
  if (fits == addresses.end()) {
    return;
  }
  go_to(&child, *fits);
}

// Of several places the next one when there is no way to this, or its name has no address.
void Children::look_elsewhere(IpsecChild* child, Nanoseconds now) {
  constexpr Nanoseconds kPatience = 2 * kSecond;
  const auto& remotes = connection_of(*child).remotes;
  if (child->reached_at == 0 || links_.fib->endpoint(child->number)) {
    child->reached_at = now;
  }
  if (remotes.size() < 2 || now < child->reached_at + kPatience) {
    return;
  }
  child->reached_at = now;
  child->asked_at = 0;
  child->place = (child->place + 1) % remotes.size();
  go_to(child, remotes[child->place].address);
}

void Children::go_to(IpsecChild* child, const abi::Address& remote) {
  child->remote = remote;
  links_.fib->set_endpoint(child->interface, child->number, remote,
                           connection_of(*child).local.value_or(abi::Address{}));
  if (remote.family != abi::Family::none) {
    log::event(log::Level::info, kLog, "peer_looked_for",
               {{"child", full_name(*child)}, {"remote", config::to_string(remote)}});
  }
  send_child(*child);
}

}  // namespace gotthard::control
