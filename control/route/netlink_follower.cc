#include "control/route/netlink_follower.h"

#include <linux/fib_rules.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace gotthard::route {
namespace {

// Ambiguous notifications come in bursts (a link with many routes): one dump for all of them.
constexpr Nanoseconds kSettle = 100 * kMillisecond;
constexpr Nanoseconds kRetry = kSecond;
constexpr Nanoseconds kAnswerTimeout = 10 * kSecond;
// Dumps that the kernel takes without its lock may miss a removal: look again now and then.
constexpr Nanoseconds kAudit = 300 * kSecond;

constexpr unsigned bit(DumpKind kind) { return 1U << static_cast<unsigned>(kind); }
constexpr unsigned kAllKinds = (1U << kDumpKinds) - 1;

struct DumpRequest {
  nlmsghdr header;
  // As long as the longest body; with NETLINK_GET_STRICT_CHK the length must be the type's own.
  std::array<std::byte, 16> body;
};

template <typename Body>
std::size_t put_body(DumpRequest* request, const Body& body) {
  static_assert(sizeof(Body) <= sizeof(request->body));
  std::memcpy(request->body.data(), &body, sizeof(body));
  return sizeof(body);
}

DumpRequest make_request(DumpKind kind, std::uint32_t sequence) {
  DumpRequest request{};
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.header.nlmsg_seq = sequence;
  std::size_t length = 0;
  switch (kind) {
    case DumpKind::links:
      request.header.nlmsg_type = RTM_GETLINK;
      length = put_body(&request, ifinfomsg{});
      break;
    case DumpKind::addresses:
      request.header.nlmsg_type = RTM_GETADDR;
      length = put_body(&request, ifaddrmsg{});
      break;
    case DumpKind::next_hops:
      request.header.nlmsg_type = RTM_GETNEXTHOP;
      length = put_body(&request, nhmsg{});
      break;
    case DumpKind::routes4:
    case DumpKind::routes6: {
      request.header.nlmsg_type = RTM_GETROUTE;
      rtmsg body{};
      body.rtm_family = kind == DumpKind::routes4 ? AF_INET : AF_INET6;
      body.rtm_table = RT_TABLE_MAIN;  // taken notice of by strict sockets
      length = put_body(&request, body);
      break;
    }
    case DumpKind::neighbours:
      request.header.nlmsg_type = RTM_GETNEIGH;
      length = put_body(&request, ndmsg{});
      break;
    case DumpKind::rules:
    case DumpKind::count:
      request.header.nlmsg_type = RTM_GETRULE;  // of all families
      length = put_body(&request, fib_rule_hdr{});
      break;
  }
  request.header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(length));
  return request;
}

int error_of(const NetlinkMessage& message) {
  int error = 0;
  if (message.bytes.size() >= NLMSG_HDRLEN + sizeof(error)) {
    std::memcpy(&error, message.bytes.data() + NLMSG_HDRLEN, sizeof(error));
  }
  return error;
}

}  // namespace

NetlinkFollower::NetlinkFollower(ChangeSink changes, RequestSink requests)
    : changes_(std::move(changes)), requests_(std::move(requests)), state_(changes_) {}

void NetlinkFollower::start(Nanoseconds now) {
  // Not a number that an earlier reader of the same socket is likely to have used.
  sequence_ = static_cast<std::uint32_t>(now / 1000);
  want_all(now);
  dump_next(now);
}

void NetlinkFollower::want(DumpKind kind, Nanoseconds at) {
  wanted_at_ = wanted_ == 0 ? at : std::min(wanted_at_, at);
  wanted_ |= bit(kind);
  if (dump_ == kind) {
    inconsistent_ = true;  // what the running one has read may be older than the reason for this
  }
}

void NetlinkFollower::want_all(Nanoseconds at) {
  for (std::size_t kind = 0; kind < kDumpKinds; ++kind) {
    want(static_cast<DumpKind>(kind), at);
  }
  round_ = kAllKinds;
}

void NetlinkFollower::want_routes(Nanoseconds at) {
  want(DumpKind::next_hops, at);
  want(DumpKind::routes4, at);
  want(DumpKind::routes6, at);
}

void NetlinkFollower::dump_next(Nanoseconds now) {
  if (dump_ || wanted_ == 0 || now < wanted_at_) {
    return;
  }
  for (std::size_t i = 0; i < kDumpKinds; ++i) {
    const auto kind = static_cast<DumpKind>(i);
    if ((wanted_ & bit(kind)) == 0) {
      continue;
    }
    const DumpRequest request = make_request(kind, ++sequence_);
    if (!requests_(std::as_bytes(std::span<const DumpRequest>(&request, 1))
                       .first(request.header.nlmsg_len))) {
      wanted_at_ = now + kRetry;
      return;
    }
    wanted_ &= ~bit(kind);
    dump_ = kind;
    inconsistent_ = false;
    asked_at_ = now;
    state_.begin_dump(kind);
    return;
  }
}

void NetlinkFollower::repeat(Nanoseconds now) {
  ++counters_.repeated;
  const DumpKind kind = *dump_;
  dump_.reset();
  want(kind, now + kSettle);
  wanted_at_ = now + kSettle;  // also when others wait: no dump after dump while routes flap
}

void NetlinkFollower::on_end_of_dump(Nanoseconds now) {
  if (inconsistent_) {
    repeat(now);
    return;
  }
  const DumpKind kind = *dump_;
  dump_.reset();
  ++counters_.dumps;
  state_.end_dump(kind);
  const bool whole_round = round_ == bit(kind);
  round_ &= ~bit(kind);
  if (whole_round) {
    synchronised_ = true;
    audit_at_ = now + kAudit;
    changes_(Synchronised{});
  }
  if (wanted_ == 0) {
    tell_heard();
  }
}

// The kernel answers a request behind what it has notified before, so the end of any dump that is
// asked for now will do: that of the rules is short.
void NetlinkFollower::when_heard(Nanoseconds now, std::function<void()> heard) {
  if (waiting_.empty()) {
    waiting_since_ = now;
  }
  waiting_.push_back(std::move(heard));
  want(DumpKind::rules, now);
  dump_next(now);
}

void NetlinkFollower::tell_heard() {
  for (const auto& heard : std::exchange(waiting_, {})) {
    heard();
  }
}

void NetlinkFollower::on_overrun(Nanoseconds now) {
  ++counters_.overruns;
  inconsistent_ = true;
  // At once: the buffer has just been found empty or is being emptied.
  want_all(now);
  dump_next(now);
}

void NetlinkFollower::on_datagram(std::span<const std::byte> bytes, bool from_kernel,
                                  Nanoseconds now) {
  if (!from_kernel) {
    ++counters_.foreign;
    return;
  }
  if (!for_each_message(bytes, [&](const NetlinkMessage& message) { on_message(message, now); })) {
    ++counters_.malformed;
    want_all(now + kSettle);  // whatever it was, it is lost
  }
  dump_next(now);
}

void NetlinkFollower::on_message(const NetlinkMessage& message, Nanoseconds now) {
  ++counters_.messages;
  const bool answers = dump_ && message.sequence == sequence_;
  if (answers && (message.flags & NLM_F_DUMP_INTR) != 0) {
    inconsistent_ = true;
  }
  switch (message.type) {
    case NLMSG_DONE:
      if (answers) {
        on_end_of_dump(now);
      }
      return;
    case NLMSG_ERROR:
      if (answers && (*dump_ == DumpKind::rules || *dump_ == DumpKind::next_hops) &&
          error_of(message) != -EBUSY) {
        on_end_of_dump(now);  // a kernel that does not know what is asked for has none
      } else if (answers) {   // EBUSY: an earlier reader's dump is still running
        repeat(now);
        wanted_at_ = now + kRetry;
      }
      return;
    case NLMSG_OVERRUN:
      on_overrun(now);
      return;
    case NLMSG_NOOP:
      return;
    default:
      break;
  }
  const ParsedMessage parsed = parse_message(message);
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, Ignored>) {
          counters_.malformed += value == Ignored::malformed ? 1 : 0;
        } else if constexpr (std::is_same_v<T, RouteMessage>) {
          on_route(value, now);
        } else if constexpr (std::is_same_v<T, Link>) {
          on_link(value, now);
        } else if constexpr (std::is_same_v<T, LocalAddress> || std::is_same_v<T, Neighbour> ||
                             std::is_same_v<T, NextHopObject> || std::is_same_v<T, PolicyRule>) {
          state_.set(value);
        } else {
          state_.remove(value);
          if constexpr (std::is_same_v<T, LinkGone> || std::is_same_v<T, LocalAddressGone>) {
            want_routes(now + kSettle);  // they go with a link or an address, unsaid
          }
        }
      },
      parsed);
}

void NetlinkFollower::on_link(const Link& link, Nanoseconds now) {
  const Link* known = state_.link(link.index);
  const bool went_down = known != nullptr && known->up && !link.up;
  state_.set(link);
  if (went_down) {
    want_routes(now + kSettle);
  }
}

void NetlinkFollower::on_route(const RouteMessage& message, Nanoseconds now) {
  const KernelRoute& route = message.route;
  const bool certain = message.removed    ? state_.remove(route)
                       : message.replaces ? state_.replace(route)
                                          : state_.add(route);
  if (!message.removed && route.next_hop != 0 && !state_.knows_object(route.next_hop)) {
    want(DumpKind::next_hops, now + kSettle);
  }
  if (!certain) {
    want(route.destination.address.family == abi::Family::ipv4 ? DumpKind::routes4
                                                               : DumpKind::routes6,
         now + kSettle);
  }
}

void NetlinkFollower::on_time(Nanoseconds now) {
  if (dump_ && now >= asked_at_ + kAnswerTimeout) {
    repeat(now);
  }
  if (synchronised_ && round_ == 0 && now >= audit_at_) {
    want_all(now);
  }
  if (!waiting_.empty() && now >= waiting_since_ + kLongestWait) {
    tell_heard();
  }
  dump_next(now);
}

Nanoseconds NetlinkFollower::next_time() const {
  if (dump_) {
    return asked_at_ + kAnswerTimeout;
  }
  if (wanted_ != 0) {
    return wanted_at_;
  }
  return audit_at_;
}

}  // namespace gotthard::route
