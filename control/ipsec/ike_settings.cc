#include "control/ipsec/ike_settings.h"

#include <algorithm>
#include <utility>

#include "control/config/ike_credentials.h"
#include "control/ike/auth/auth_data.h"
#include "control/ike/proposal/proposal_text.h"

namespace gotthard::control {
namespace {

abi::Address last_of(const config::Prefix& prefix) {
  abi::Address last = prefix.address;
  const unsigned bits = last.family == abi::Family::ipv4 ? 32 : 128;
  for (unsigned bit = prefix.length; bit < bits; ++bit) {
    last.bytes[bit / 8] |= static_cast<std::uint8_t>(0x80 >> bit % 8);
  }
  return last;
}

// The length of the prefix that the range is; nothing when it is none.
std::optional<std::uint8_t> prefix_length(const abi::Address& first, const abi::Address& last) {
  const std::uint8_t most = first.family == abi::Family::ipv4 ? 32 : 128;
  std::uint8_t same = 0;
  const auto bit = [](const abi::Address& address, unsigned at) {
    return (address.bytes[at / 8] >> (7 - at % 8) & 1) != 0;
  };
  while (same < most && bit(first, same) == bit(last, same)) {
    ++same;
  }
  for (unsigned at = same; at < most; ++at) {
    if (bit(first, at) || !bit(last, at)) {
      return std::nullopt;
    }
  }
  return same;
}

ike::Restart restart(config::ChildAction action) {
  switch (action) {
    case config::ChildAction::trap:
      return ike::Restart::trap;
    case config::ChildAction::start:
      return ike::Restart::start;
    case config::ChildAction::none:
      break;
  }
  return ike::Restart::none;
}

// As swanctl: an SA that was not replaced lives for another tenth.
constexpr std::uint64_t with_a_tenth(std::uint64_t amount) { return amount + amount / 10; }

Result<ike::ChildSettings> child_settings(const config::Connection& connection,
                                          const config::Child& child, std::uint32_t replay_window) {
  auto proposals =
      ike::parse_proposals(child.esp_proposals, ike::Protocol::esp, connection.allow_legacy);
  if (!proposals) {
    return tl::unexpected(proposals.error());
  }
  const auto hard = [](std::uint64_t given, std::uint64_t soft) {
    return given != 0 ? given : with_a_tenth(soft);
  };
  ike::ChildSettings settings;
  settings.name = child.name;
  std::ranges::transform(child.local_ts, std::back_inserter(settings.local_ts), ike_selector);
  std::ranges::transform(child.remote_ts, std::back_inserter(settings.remote_ts), ike_selector);
  settings.proposals = std::move(*proposals);
  settings.mode = child.transport ? ike::ChildMode::transport : ike::ChildMode::tunnel;
  settings.rekey_time = child.rekey.seconds * kSecond;
  settings.life_time = hard(child.life.seconds, child.rekey.seconds) * kSecond;
  settings.rekey = {.bytes = child.rekey.bytes, .packets = child.rekey.packets};
  settings.life = {.bytes = hard(child.life.bytes, child.rekey.bytes),
                   .packets = hard(child.life.packets, child.rekey.packets)};
  settings.start_action = restart(child.start_action);
  settings.close_action = restart(child.close_action);
  settings.dpd_action = restart(child.dpd_action);
  settings.replay_window = replay_window;
  return settings;
}

ike::AuthKind kind_of(config::IkeAuth auth) {
  return auth == config::IkeAuth::psk ? ike::AuthKind::psk : ike::AuthKind::certificate;
}

ike::Unique unique_of(config::Unique unique) {
  switch (unique) {
    case config::Unique::never:
      return ike::Unique::never;
    case config::Unique::keep:
      return ike::Unique::keep;
    case config::Unique::replace:
      return ike::Unique::replace;
    case config::Unique::no:
      break;
  }
  return ike::Unique::no;
}

ike::Identity address_identity(const abi::Address& address) {
  const auto bytes = std::as_bytes(std::span(address.bytes));
  const bool v4 = address.family == abi::Family::ipv4;
  const auto used = bytes.first(v4 ? 4 : 16);
  return {.type = v4 ? ike::IdType::ipv4_address : ike::IdType::ipv6_address,
          .data = ike::Buffer(used.begin(), used.end())};
}

void take_credentials(const config::Connection& connection, config::IkeCredentials credentials,
                      ike::ConnectionSettings* settings) {
  const config::Ike& ike = *connection.ike;
  ike::LocalAuth& local = settings->local_auth;
  local.kind = kind_of(ike.local.auth);
  if (credentials.local_id) {
    local.id = std::move(*credentials.local_id);
  } else if (connection.local) {
    local.id = address_identity(*connection.local);
  }
  local.psk = std::move(credentials.local_psk);
  local.chain = std::move(credentials.chain);
  local.key = std::move(credentials.key);
  local.scheme = ike.local.scheme.empty() ? std::nullopt : ike::parse_scheme(ike.local.scheme);
  ike::RemoteAuth& remote = settings->remote_auth;
  remote.kind = kind_of(ike.remote.auth);
  remote.id = std::move(credentials.remote_id);
  remote.psk = std::move(credentials.remote_psk);
  if (credentials.trust) {
    remote.trust = std::make_shared<const crypto::TrustStore>(std::move(*credentials.trust));
  }
  remote.revocation =
      ike.remote.strict_revocation ? crypto::Revocation::strict : crypto::Revocation::relaxed;
}

}  // namespace

std::string connection_name(const config::Ipsec& ipsec, const config::Connection& connection) {
  return ipsec.name + "/" + connection.name;
}

ike::TrafficSelector ike_selector(const config::TrafficSelector& selector) {
  return {.protocol = selector.protocol,
          .first_port = selector.first_port,
          .last_port = selector.last_port,
          .first = selector.prefix.address,
          .last = last_of(selector.prefix)};
}

std::string to_string(const ike::TrafficSelector& selector) {
  if (const auto length = prefix_length(selector.first, selector.last)) {
    return config::to_string(
        config::TrafficSelector{.prefix = {.address = selector.first, .length = *length},
                                .protocol = selector.protocol,
                                .first_port = selector.first_port,
                                .last_port = selector.last_port});
  }
  return config::to_string(selector.first) + "-" + config::to_string(selector.last);
}

Result<ike::ConnectionSettings> ike_settings(const config::Ipsec& ipsec,
                                             const config::Connection& connection,
                                             const IkeFiles& files, std::uint32_t replay_window) {
  const config::Ike& ike = *connection.ike;
  auto credentials = config::read_ike_credentials(
      connection, [&](const std::string& path) -> Result<crypto::SecretBytes> {
        const auto found = files.find(path);
        return found == files.end() ? Result<crypto::SecretBytes>(fail("{} did not come", path))
                                    : found->second.clone();
      });
  if (!credentials) {
    return tl::unexpected(credentials.error());
  }
  auto proposals = ike::parse_proposals(ike.proposals, ike::Protocol::ike, connection.allow_legacy);
  if (!proposals) {
    return tl::unexpected(proposals.error());
  }
  ike::ConnectionSettings settings;
  settings.name = connection_name(ipsec, connection);
  settings.local = connection.local;
  for (const config::Remote& remote : connection.remotes) {
    if (remote.name.empty()) {
      settings.remotes.push_back(remote.address);
    }
  }
  settings.by_name = connection.by_name();
  settings.remote_nat_port = connection.remote_port;
  settings.proposals = std::move(*proposals);
  settings.rekey_time = ike.rekey_time * kSecond;
  settings.over_time = ike.over_time * kSecond;
  settings.reauth_time = ike.reauth_time * kSecond;
  settings.dpd_delay = ike.dpd_delay * kSecond;
  settings.fragmentation = ike.fragmentation;
  settings.encapsulation =
      connection.encapsulation == config::Encapsulation::udp    ? ike::UdpEncapsulation::forced
      : connection.encapsulation == config::Encapsulation::none ? ike::UdpEncapsulation::never
                                                                : ike::UdpEncapsulation::automatic;
  settings.unique = unique_of(ike.unique);
  take_credentials(connection, std::move(*credentials), &settings);
  for (const config::Child& child : connection.children) {
    auto made = child_settings(connection, child, replay_window);
    if (!made) {
      return tl::unexpected(made.error());
    }
    settings.children.push_back(std::move(*made));
  }
  return settings;
}

}  // namespace gotthard::control
