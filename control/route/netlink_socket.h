// The bytes of a NetlinkFollower. The descriptor comes from the supervisor, which must open it so:
//   socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), in the network
//     namespace of the twins;
//   setsockopt(SOL_SOCKET, SO_RCVBUFFORCE, 4 MiB), so that a burst of routes is no overrun;
//   setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1), so that dumps hold one table alone;
//   bind() with nl_pid 0 and nl_groups RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR |
//     RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE and the bits
//     of RTNLGRP_IPV6_RULE and RTNLGRP_NEXTHOP;
//   no NETLINK_NO_ENOBUFS.
// After that only recvmsg() and send() are used.
#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/route/netlink_follower.h"

namespace gotthard::route {

class NetlinkSocket {
 public:
  // Does not own `fd`. Several control processes one after another may use the same one.
  NetlinkSocket(int fd, NetlinkFollower::ChangeSink changes);

  // As NetlinkFollower::set_marks().
  void set_marks(const std::set<std::uint32_t>& marks, Nanoseconds now) {
    follower_.set_marks(marks, now);
  }
  // Asks for everything.
  void start(Nanoseconds now) { follower_.start(now); }
  // `fd` is readable: takes at most kBatch datagrams, so that the reactor gets its turn.
  Status on_readable(Nanoseconds now);
  void on_time(Nanoseconds now) { follower_.on_time(now); }
  [[nodiscard]] Nanoseconds next_time() const { return follower_.next_time(); }
  void when_heard(Nanoseconds now, std::function<void()> heard) {
    follower_.when_heard(now, std::move(heard));
  }

  [[nodiscard]] bool synchronised() const { return follower_.synchronised(); }
  [[nodiscard]] const FollowerCounters& counters() const { return follower_.counters(); }

 private:
  static constexpr int kBatch = 64;
  int fd_;
  std::vector<std::byte> buffer_;
  NetlinkFollower follower_;
};

}  // namespace gotthard::route
