#include "tools/supervisor/host.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/log.h"
#include "tools/supervisor/hugepages.h"
#include "tools/supervisor/mute.h"
#include "tools/supervisor/tunnel_routes.h"
#include "tools/supervisor/tuntap.h"

namespace gotthard::supervisor {
namespace {

constexpr auto kSubsystem = log::Subsystem::supervisor;

void warn(std::string_view event, const Error& error) {
  log::event(log::Level::warning, kSubsystem, event, {{"error", error.message}});
}

}  // namespace

Result<Host> Host::open(config::Config config, const std::string& state_dir) {
  auto netlink = Netlink::open();
  if (!netlink) {
    return tl::unexpected(netlink.error());
  }
  Host host(std::move(*netlink), std::move(config), state_dir);
  const auto boot = current_boot_id();
  const auto space = current_namespace_id();
  if (!boot || !space) {
    return tl::unexpected((boot ? space.error() : boot.error()));
  }
  host.noted_.boot_id = *boot;
  host.noted_.namespace_id = *space;
  return host;
}

Status Host::note() { return save(noted_, *state_dir_); }

Status Host::note_hugepages(std::uint64_t added) {
  noted_.hugepages = added;
  return note();
}

Status Host::repair() {
  auto left = load(*state_dir_);
  if (!left) {
    return tl::unexpected(left.error());
  }
  if (!*left) {
    return {};
  }
  Leftovers& leftovers = **left;
  if (leftovers.boot_id != noted_.boot_id) {
    forget(*state_dir_);
    return {};
  }
  log::event(log::Level::warning, kSubsystem, "repairing",
             {{"reason", "the last gateway with this state directory did not end in order"},
              {"devices", leftovers.muted.size()},
              {"blackholes", leftovers.blackholes.size()},
              {"hugepages", leftovers.hugepages}});
  if (leftovers.namespace_id != noted_.namespace_id) {
    // That namespace's devices and routes are out of reach, most likely gone with it.
    leftovers.muted.clear();
    leftovers.blackholes.clear();
  }
  take_over(leftovers);
  // What could not be undone now cannot be later either: it has been said, the gateway is needed.
  undo(leftovers);
  return note();
}

// Moves to our own note what this configuration would do again: meanwhile the kernel might forward.
void Host::take_over(Leftovers& leftovers) {
  std::set<std::string> devices;
  for (const config::Port& port : config_.ports) {
    devices.insert(port.kernel_device());
  }
  const std::vector<config::Prefix> prefixes = blackhole_prefixes(claims_);
  const std::set<config::Prefix> wanted(prefixes.begin(), prefixes.end());
  std::erase_if(leftovers.muted, [&](const MutedDevice& device) {
    const auto link = netlink_.link(device.name);
    const bool same = link && *link && (*link)->index == device.index;
    if (!same || !devices.contains(device.name)) {
      return false;
    }
    noted_.muted.push_back(device);
    return true;
  });
  std::erase_if(leftovers.blackholes, [&](const Blackhole& blackhole) {
    // One that is there still is refused and stays.
    if (!wanted.contains(blackhole.prefix) ||
        !netlink_.add_route({blackhole.prefix, 0, blackhole.metric})) {
      return false;
    }
    noted_.blackholes.push_back(blackhole);
    return true;
  });
  stays_closed_ = !noted_.muted.empty() || !noted_.blackholes.empty();
}

// Keeps in `leftovers` what could not be undone.
void Host::undo(Leftovers& leftovers) {
  std::erase_if(leftovers.muted, [&](const MutedDevice& device) {
    const Status restored = restore_device(netlink_, device);
    if (!restored) {
      warn("restore_failed", restored.error());
    }
    return restored.has_value();
  });
  std::erase_if(leftovers.blackholes, [&](const Blackhole& blackhole) {
    const Status removed = netlink_.remove_route({blackhole.prefix, 0, blackhole.metric});
    if (!removed) {
      warn("restore_failed", removed.error());
    }
    return removed.has_value();
  });
  release_hugepages(leftovers);
}

void Host::release_hugepages(Leftovers& leftovers) {
  if (leftovers.hugepages > 0) {
    HugepagePool pool;
    Status given = pool.lock();
    given = given ? pool.remove(leftovers.hugepages) : given;
    if (given) {
      leftovers.hugepages = 0;
    } else {
      warn("restore_failed", given.error());
    }
  }
}

void Host::restore() {
  (void)guards_.hold({}, {});
  twins_.clear();
  tunnels_.clear();
  undo(noted_);
  if (noted_.empty()) {
    forget(*state_dir_);
  } else if (auto kept = note(); !kept) {
    warn("restore_failed", kept.error());
  }
}

void Host::give_up() {
  if (!stays_closed_) {
    restore();
    return;
  }
  (void)guards_.hold({}, {});
  twins_.clear();
  tunnels_.clear();
  release_hugepages(noted_);
  if (auto kept = note(); !kept) {
    warn("restore_failed", kept.error());
  }
  std::string devices;
  for (const MutedDevice& device : noted_.muted) {
    devices += (devices.empty() ? "" : " ") + device.name;
  }
  log::event(log::Level::error, kSubsystem, "host_stays_closed",
             {{"devices", devices},
              {"blackholes", noted_.blackholes.size()},
              {"reason",
               "the kernel would forward in the clear what the gateway no longer seals: start the "
               "gateway again, or open the host with `gotthard down`"}});
}

Result<std::optional<Host::Lifted>> Host::lift(const std::string& state_dir) {
  auto left = load(state_dir);
  if (!left) {
    return tl::unexpected(left.error());
  }
  auto host = open({}, state_dir);
  if (!host) {
    return tl::unexpected(host.error());
  }
  if (!*left || (*left)->boot_id != host->noted_.boot_id) {
    return std::nullopt;
  }
  Leftovers& leftovers = **left;
  const bool here = leftovers.namespace_id == host->noted_.namespace_id;
  if (!here && !(leftovers.muted.empty() && leftovers.blackholes.empty())) {
    return fail(
        "the last gateway with the state directory {} failed in another network namespace and "
        "keeps that one closed: run this in there; if it is gone, remove the state directory",
        state_dir);
  }
  Lifted lifted{.devices = {}, .blackholes = leftovers.blackholes.size()};
  for (const MutedDevice& device : leftovers.muted) {
    lifted.devices.push_back(device.name);
  }
  host->noted_ = std::move(leftovers);
  host->restore();
  if (!host->noted_.empty()) {
    return fail("not all could be put back: the log lines above say what and why");
  }
  return lifted;
}

Status Host::set_up() {
  for (const auto step : {&Host::add_first_blackholes, &Host::mute, &Host::make_twins,
                          &Host::guard_first_ports, &Host::make_tunnels}) {
    if (auto done = (this->*step)(); !done) {
      return done;
    }
  }
  return {};
}

Status Host::guard_first_ports() {
  std::set<std::uint16_t> ports;
  for (const config::WireGuard& tunnel : config_.wireguard) {
    for (unsigned i = 0; i < tunnel.source_ports; ++i) {
      ports.insert(static_cast<std::uint16_t>(tunnel.listen_port + i));
    }
  }
  const auto taken = listen(ports);
  if (!taken) {
    return tl::unexpected(taken.error());
  }
  return *taken ? Status(fail("{}: end it, or write another listen_port", port_in_use(**taken)))
                : Status();
}

Result<std::optional<std::uint16_t>> Host::listen(std::set<std::uint16_t> ports) {
  for (const config::Ipsec& tunnel : config_.ipsec) {
    ports.insert(tunnel.udp_port);
    if (config::speaks_ike(tunnel)) {
      ports.insert(abi::kIkePort);
    }
  }
  std::vector<int> devices;
  std::ranges::transform(twins_, std::back_inserter(devices), &Device::index);
  return guards_.hold(ports, devices);
}

std::string port_in_use(std::uint16_t port) {
  return fmt::format(
      "another program of this host has UDP port {} (`ss -aunp 'sport = :{}'` names it)", port,
      port);
}

// Another gateway's blackhole goes with that gateway, so it does not do for us: by metrics that the
// prefixes have free.
Result<std::vector<Blackhole>> Host::choose_blackholes(
    const std::vector<config::Prefix>& prefixes) {
  const auto taken = netlink_.routes_from_metric(kLeastBlackholeMetric);
  if (!taken) {
    return tl::unexpected(taken.error());
  }
  std::vector<Blackhole> chosen;
  for (const config::Prefix& prefix : prefixes) {
    Blackhole blackhole{prefix, kBlackholeMetric};
    while (taken->contains(blackhole) && blackhole.metric > kLeastBlackholeMetric) {
      --blackhole.metric;
    }
    chosen.push_back(blackhole);
  }
  return chosen;
}

Status Host::add_blackholes(std::vector<config::Prefix> wanted) {
  constexpr int kAttempts = 4;  // another gateway may be starting
  std::set<config::Prefix> had;
  for (const Blackhole& blackhole : noted_.blackholes) {
    had.insert(blackhole.prefix);
  }
  std::erase_if(wanted, [&](const config::Prefix& prefix) { return had.contains(prefix); });
  if (wanted.empty()) {
    return {};
  }
  for (int attempt = 0; attempt < kAttempts && !wanted.empty(); ++attempt) {
    const auto chosen = choose_blackholes(wanted);
    if (!chosen) {
      return tl::unexpected(chosen.error());
    }
    noted_.blackholes.insert(noted_.blackholes.end(), chosen->begin(), chosen->end());
    if (auto noted = note(); !noted) {
      return noted;
    }
    wanted.clear();
    std::set<Blackhole> taken;
    for (const Blackhole& blackhole : *chosen) {
      const auto added = netlink_.add_route({blackhole.prefix, 0, blackhole.metric});
      if (!added) {
        return tl::unexpected(added.error());
      }
      if (!*added) {
        taken.insert(blackhole);
        wanted.push_back(blackhole.prefix);
      }
    }
    std::erase_if(noted_.blackholes,
                  [&](const Blackhole& blackhole) { return taken.contains(blackhole); });
  }
  if (!wanted.empty()) {
    return fail("no metric from {} on is free for a blackhole route for {}", kLeastBlackholeMetric,
                config::to_string(wanted.front()));
  }
  return note();
}

}  // namespace gotthard::supervisor
