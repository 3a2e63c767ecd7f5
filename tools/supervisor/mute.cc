#include "tools/supervisor/mute.h"

#include <fcntl.h>
#include <net/if.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/fd.h"
#include "tools/supervisor/ethtool.h"
#include "tools/supervisor/nftables.h"

namespace gotthard::supervisor {
namespace {

std::string ipv6_setting(const std::string& device, const char* file) {
  return fmt::format("/proc/sys/net/ipv6/conf/{}/{}", device, file);
}

bool ipv6_is_on(const std::string& device) {
  std::ifstream stream(ipv6_setting(device, "disable_ipv6"));
  int disabled = 1;
  return stream >> disabled && disabled == 0;
}

// What mute_device() changes and the data plane's sockets may leave behind.
constexpr unsigned kOurFlags = IFF_UP | IFF_ALLMULTI | IFF_PROMISC;

// Routes need the routes that their gateways are reached by, so those that fail are tried again for
// as long as others succeed.
Status restore_routes(Netlink& netlink, std::vector<RawMessage> routes) {
  Status last;
  while (!routes.empty()) {
    std::vector<RawMessage> refused;
    for (const RawMessage& route : routes) {
      if (auto restored = netlink.restore_raw_route(route); !restored) {
        last = restored;
        refused.push_back(route);
      }
    }
    if (refused.size() == routes.size()) {
      return last;
    }
    routes = std::move(refused);
  }
  return {};
}

// Everything but the rule that drops.
Status silence(Netlink& netlink, const MutedDevice& device, unsigned mtu) {
  if (auto off = write_ipv6_setting(device.name, "disable_ipv6", 1); !off) {
    return off;
  }
  for (const RawMessage& address : device.addresses) {
    if (auto removed = netlink.remove_raw_address(address); !removed) {
      return removed;
    }
  }
  if (auto split = set_coalescing(device.name, Coalescing{}); !split) {
    return split;
  }
  // The twin's groups are not joined on this device, so it must take every multicast frame.
  return netlink.change_link(device.index, {.set_flags = IFF_UP | IFF_ALLMULTI, .mtu = mtu});
}

}  // namespace

Status write_ipv6_setting(const std::string& device, const char* file, int value) {
  const std::string path = ipv6_setting(device, file);
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) {
    return {};
  }
  const std::string text = fmt::to_string(value);
  if (!fd || write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return fail("cannot write {} to {}: {}", value, path, std::strerror(errno));
  }
  return {};
}

Result<MutedDevice> observe_device(Netlink& netlink, const std::string& name) {
  const auto link = netlink.link(name);
  if (!link) {
    return tl::unexpected(link.error());
  }
  if (!*link) {
    return fail("there is no network device '{}' (`ip link` lists those that exist)", name);
  }
  const auto offloads = coalescing(name);
  auto addresses = netlink.addresses_of((*link)->index);
  auto routes = netlink.routes_by((*link)->index);
  if (!offloads || !addresses || !routes) {
    return tl::unexpected(!offloads    ? offloads.error()
                          : !addresses ? addresses.error()
                                       : routes.error());
  }
  return MutedDevice{.name = name,
                     .index = (*link)->index,
                     .flags = (*link)->flags,
                     .mtu = (*link)->mtu,
                     .ipv6 = ipv6_is_on(name),
                     .gro = offloads->gro,
                     .lro = offloads->lro,
                     .xdp = (*link)->xdp,
                     .table = ingress_table_name((*link)->index),
                     .addresses = std::move(*addresses),
                     .routes = std::move(*routes)};
}

Status mute_device(Netlink& netlink, const MutedDevice& device, unsigned mtu, bool again) {
  if (auto dropped = drop_ingress(device.table, device.name, again); !dropped) {
    return fail(
        "cannot keep the kernel from receiving on {} ({}): is another gateway using the device, or "
        "does the kernel lack nftables with the netdev family (CONFIG_NETFILTER_INGRESS)?",
        device.name, dropped.error().message);
  }
  // The one of a data plane that was killed; the next one brings its own.
  if (again && !device.xdp) {
    if (auto detached = netlink.detach_xdp(device.index); !detached) {
      return fail("{}: {}", device.name, detached.error().message);
    }
  }
  if (auto muted = silence(netlink, device, mtu); !muted) {
    if (!again) {
      (void)restore_device(netlink, device);
    }
    return fail("{}: {}", device.name, muted.error().message);
  }
  return {};
}

Status restore_device(Netlink& netlink, const MutedDevice& device) {
  Status first;
  const auto note = [&first, &device](const Status& status) {
    if (!status && first) {
      first = fail("{}: {}", device.name, status.error().message);
    }
  };
  const auto link = netlink.link(device.name);
  if (!link) {
    return tl::unexpected(link.error());
  }
  if (!*link || (*link)->index != device.index) {
    // A table outlives its device, and newer kernels (6.16) put it on the next one of that name.
    return remove_table(device.table);
  }
  if (!device.xdp && (*link)->xdp) {
    note(netlink.detach_xdp(device.index));
  }
  note(set_coalescing(device.name, {device.gro, device.lro}));
  note(write_ipv6_setting(device.name, "disable_ipv6", device.ipv6 ? 0 : 1));
  note(netlink.change_link(device.index, {.set_flags = device.flags & kOurFlags,
                                          .clear_flags = ~device.flags & kOurFlags,
                                          .mtu = device.mtu}));
  for (const RawMessage& address : device.addresses) {
    note(netlink.restore_raw_address(address));
  }
  note(restore_routes(netlink, device.routes));
  // Last, so that the kernel receives again only when it is itself again.
  note(remove_table(device.table));
  return first;
}

}  // namespace gotthard::supervisor
