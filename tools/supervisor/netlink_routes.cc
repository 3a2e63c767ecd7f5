// The kernel's routes: ours among them.
#include <algorithm>
#include <cstring>

#include "tools/supervisor/netlink.h"
#include "tools/supervisor/netlink_message.h"
#include "tools/supervisor/tunnel_routes.h"

namespace gotthard::supervisor {
namespace {

nl_msg* route_message(int type, int flags, const RouteChange& route) {
  rtmsg header{};
  header.rtm_family = static_cast<std::uint8_t>(family_of(route.prefix.address));
  header.rtm_dst_len = route.prefix.length;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = kRouteProtocol;
  header.rtm_type = route.index == 0 ? RTN_BLACKHOLE : RTN_UNICAST;
  header.rtm_scope =
      route.index != 0 && header.rtm_family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  nl_msg* msg = message(type, flags, header);
  if (msg != nullptr) {
    if (route.prefix.length > 0) {
      put_address(msg, RTA_DST, route.prefix.address);
    }
    if (route.index != 0) {
      nla_put_u32(msg, RTA_OIF, static_cast<std::uint32_t>(route.index));
    }
    if (route.metric != 0) {
      nla_put_u32(msg, RTA_PRIORITY, route.metric);
    }
  }
  return msg;
}

}  // namespace

Result<bool> Netlink::add_route(const RouteChange& route) {
  const int code = talk(route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route));
  if (code == -NLE_EXIST) {
    return false;
  }
  if (code < 0) {
    return kernel_error("add a route for " + config::to_string(route.prefix), code);
  }
  return true;
}

Result<bool> Netlink::take_route(const RouteChange& route) {
  const int code = talk(route_message(RTM_DELROUTE, 0, route));
  if (code < 0 && code != -NLE_OBJ_NOTFOUND && code != -NLE_NODEV) {
    return kernel_error("remove the route for " + config::to_string(route.prefix), code);
  }
  return code >= 0;
}

Status Netlink::remove_route(const RouteChange& route) {
  const auto taken = take_route(route);
  return taken ? Status() : Status(tl::unexpected(taken.error()));
}

// Not by NLM_F_REPLACE: that takes the first of the prefix and metric, whosever it is.
Result<bool> Netlink::move_route(const RouteChange& from, const RouteChange& to) {
  const int code = talk(route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, to));
  if (code < 0 && code != -NLE_EXIST) {
    return kernel_error("move the route for " + config::to_string(to.prefix), code);
  }
  auto moved = take_route(from);
  if (moved && !*moved && code >= 0) {
    if (const Status back = remove_route(to); !back) {
      return tl::unexpected(back.error());
    }
  }
  return moved;
}

Result<std::set<Blackhole>> Netlink::routes_from_metric(std::uint32_t least) {
  auto all = dump(RTM_GETROUTE, sizeof(rtmsg));
  if (!all) {
    return tl::unexpected(all.error());
  }
  std::set<Blackhole> found;
  for (const RawMessage& body : *all) {
    const auto& header = header_of<rtmsg>(body);
    const auto metric = attribute<std::uint32_t>(body, sizeof(rtmsg), RTA_PRIORITY).value_or(0);
    if (header.rtm_table != RT_TABLE_MAIN || metric < least) {
      continue;
    }
    Blackhole route{.prefix = {.length = header.rtm_dst_len}, .metric = metric};
    abi::Address& address = route.prefix.address;
    if (header.rtm_family == AF_INET) {
      address.family = abi::Family::ipv4;
      const auto bytes = attribute<std::array<std::uint8_t, 4>>(body, sizeof(rtmsg), RTA_DST);
      std::ranges::copy(bytes.value_or(std::array<std::uint8_t, 4>{}), address.bytes.begin());
    } else {
      address.family = abi::Family::ipv6;
      address.bytes = attribute<std::array<std::uint8_t, 16>>(body, sizeof(rtmsg), RTA_DST)
                          .value_or(std::array<std::uint8_t, 16>{});
    }
    found.insert(route);
  }
  return found;
}

Result<std::vector<RawMessage>> Netlink::routes_by(int index) {
  auto all = dump(RTM_GETROUTE, sizeof(rtmsg));
  if (all) {
    std::erase_if(*all, [&](const RawMessage& body) {
      const auto& header = header_of<rtmsg>(body);
      const auto device = attribute<std::int32_t>(body, sizeof(rtmsg), RTA_OIF).value_or(0);
      // The kernel makes its own again from addresses and router advertisements.
      const bool of_kernel = header.rtm_protocol == RTPROT_KERNEL ||
                             header.rtm_protocol == RTPROT_RA ||
                             header.rtm_protocol == RTPROT_REDIRECT;
      return device != index || of_kernel || header.rtm_type != RTN_UNICAST ||
             (header.rtm_flags & RTM_F_CLONED) != 0;
    });
  }
  return all;
}

Status Netlink::restore_raw_route(const RawMessage& body) {
  const int code = send_raw(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, body);
  return code < 0 && code != -NLE_EXIST ? Status(kernel_error("put a route back", code)) : Status();
}

}  // namespace gotthard::supervisor
