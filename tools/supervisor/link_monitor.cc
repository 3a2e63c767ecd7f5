#include "tools/supervisor/link_monitor.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace gotthard::supervisor {

Result<LinkMonitor> LinkMonitor::open() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return fail("cannot follow the kernel's network devices: {}", std::strerror(errno));
  }
  return LinkMonitor(std::move(fd));
}

void LinkMonitor::read(const std::function<void(int index)>& set_up) {
  alignas(nlmsghdr) std::array<std::byte, 32768> buffer;
  for (;;) {
    ssize_t size = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && (errno == EINTR || errno == ENOBUFS)) {
      continue;
    }
    if (size <= 0) {
      return;
    }
    auto left = static_cast<unsigned>(size);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type != RTM_NEWLINK ||
          header->nlmsg_len < NLMSG_LENGTH(sizeof(ifinfomsg))) {
        continue;
      }
      const auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(header));
      const bool now = (link->ifi_flags & IFF_UP) != 0;
      const auto [entry, unknown] = up_.try_emplace(link->ifi_index, now);
      if (!unknown && !entry->second && now) {
        set_up(link->ifi_index);
      }
      entry->second = now;
    }
  }
}

}  // namespace gotthard::supervisor
