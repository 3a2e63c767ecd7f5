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

#include "control/route/policy_rules.h"

namespace gotthard::route {
namespace {

// Ambiguous notifications come in bursts (a link with many routes): one dump for all of them.
constexpr Nanoseconds kSettle = 100 * kMillisecond;
constexpr Nanoseconds kRetry = kSecond;
constexpr Nanoseconds kAnswerTimeout = 10 * kSecond;
// Dumps that the kernel takes without its lock may miss a removal: look again now and then.
constexpr Nanoseconds kAudit = 300 * kSecond;

constexpr Dump kRules{.kind = DumpKind::rules};

Dump routes(abi::Family family, std::uint32_t table) {
  return {.kind = family == abi::Family::ipv4 ? DumpKind::routes4 : DumpKind::routes6,
          .table = table};
}

struct DumpRequest {
  nlmsghdr header;
  // As long as the longest body; with NETLINK_GET_STRICT_CHK the length must be the type's own.
  std::array<std::byte, 24> body;
};

struct RouteRequest {
  rtmsg body;
  rtattr header;
  std::uint32_t table;
};

template <typename Body>
std::size_t put_body(DumpRequest* request, const Body& body) {
  static_assert(sizeof(Body) <= sizeof(request->body));
  std::memcpy(request->body.data(), &body, sizeof(body));
  return sizeof(body);
}

DumpRequest make_request(const Dump& dump, std::uint32_t sequence) {
  DumpRequest request{};
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.header.nlmsg_seq = sequence;
  std::size_t length = 0;
  switch (dump.kind) {
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
      RouteRequest body{};
      body.body.rtm_family = dump.kind == DumpKind::routes4 ? AF_INET : AF_INET6;
      // Taken notice of by strict sockets.
      body.header = {.rta_len = RTA_LENGTH(sizeof(body.table)), .rta_type = RTA_TABLE};
      body.table = dump.table;
      length = put_body(&request, body);
      break;
    }
    case DumpKind::neighbours:
      request.header.nlmsg_type = RTM_GETNEIGH;
      length = put_body(&request, ndmsg{});
      break;
    case DumpKind::rules:
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

void NetlinkFollower::want(const Dump& dump, Nanoseconds at) {
  wanted_at_ = wanted_.empty() ? at : std::min(wanted_at_, at);
  wanted_.insert(dump);
  if (dump_ == dump) {
    inconsistent_ = true;  // what the running one has read may be older than the reason for this
  }
}

void NetlinkFollower::want_all(Nanoseconds at) {
  for (const DumpKind kind :
       {DumpKind::links, DumpKind::addresses, DumpKind::rules, DumpKind::neighbours}) {
    want({.kind = kind}, at);
  }
  want_routes(at);
  round_ = wanted_;
}

void NetlinkFollower::want_routes(Nanoseconds at) {
  want({.kind = DumpKind::next_hops}, at);
  for (const abi::Family family : {abi::Family::ipv4, abi::Family::ipv6}) {
    want(routes(family, kMainTable), at);
  }
  for (const auto& [family, table] : tables_.others()) {
    want(routes(family, table), at);
  }
}

void NetlinkFollower::dump_next(Nanoseconds now) {
  if (dump_ || wanted_.empty() || now < wanted_at_) {
    return;
  }
  const Dump next = *wanted_.begin();
  const DumpRequest request = make_request(next, ++sequence_);
  if (!requests_(std::as_bytes(std::span<const DumpRequest>(&request, 1))
                     .first(request.header.nlmsg_len))) {
    wanted_at_ = now + kRetry;
    return;
  }
  wanted_.erase(next);
  dump_ = next;
  inconsistent_ = false;
  asked_at_ = now;
  state_.begin_dump();
}

void NetlinkFollower::repeat(Nanoseconds now) {
  ++counters_.repeated;
  const Dump dump = *dump_;
  dump_.reset();
  want(dump, now + kSettle);
  wanted_at_ = now + kSettle;  // also when others wait: no dump after dump while routes flap
}

void NetlinkFollower::on_end_of_dump(Nanoseconds now) {
  if (inconsistent_) {
    repeat(now);
    return;
  }
  const Dump dump = *dump_;
  dump_.reset();
  ++counters_.dumps;
  state_.end_dump(dump);
  if (dump == kRules) {
    follow_tables(now);
  } else if (dump.table != 0 && dump.table != kMainTable) {
    const FollowedTables::Table table{
        dump.kind == DumpKind::routes4 ? abi::Family::ipv4 : abi::Family::ipv6, dump.table};
    if (known_.insert(table).second) {
      changes_(TableKnown{table.first, table.second});
    }
  }
  if (round_.erase(dump) > 0 && round_.empty()) {
    synchronised_ = true;
    audit_at_ = now + kAudit;
    changes_(Synchronised{});
  }
  if (wanted_.empty()) {
    leave_tables();
    tell_heard();
  }
}

// ---------------------------------------------------------------- tables beside main

void NetlinkFollower::set_marks(const std::set<std::uint32_t>& marks, Nanoseconds now) {
  if (marks_ == marks) {
    return;
  }
  marks_ = marks;
  follow_tables(now);
  dump_next(now);
}

// What comes from now on of a table is taken; what it has already a dump tells.
void NetlinkFollower::follow_tables(Nanoseconds now) {
  rules_changed_ = false;
  needed_ = tables_of(state_.rules(), marks_);
  for (const FollowedTables::Table& table : needed_) {
    if (tables_.others().insert(table).second) {
      const Dump dump = routes(table.first, table.second);
      want(dump, now);
      if (!round_.empty()) {
        round_.insert(dump);
      }
    }
  }
  leave_tables();
}

// Not before those that take their place are known: packets go by the old ones until then.
void NetlinkFollower::leave_tables() {
  if (dump_ || !wanted_.empty()) {
    return;
  }
  std::erase_if(tables_.others(), [this](const FollowedTables::Table& table) {
    if (needed_.contains(table)) {
      return false;
    }
    state_.forget(table.first, table.second);
    known_.erase(table);
    changes_(TableGone{table.first, table.second});
    return true;
  });
}

// ---------------------------------------------------------------- what is heard

// The kernel answers a request behind what it has notified before, so the end of any dump that is
// asked for now will do: that of the rules is short.
void NetlinkFollower::when_heard(Nanoseconds now, std::function<void()> heard) {
  if (waiting_.empty()) {
    waiting_since_ = now;
  }
  waiting_.push_back(std::move(heard));
  want(kRules, now);
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
  // Of a dump that is not at its end some are missing.
  if (rules_changed_ && dump_ != kRules) {
    follow_tables(now);
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
      // A kernel that does not know what is asked for has none; nor has it routes of a table that
      // is not there.
      if (answers && error_of(message) != -EBUSY &&
          (*dump_ == kRules || dump_->kind == DumpKind::next_hops ||
           (dump_->table != 0 && dump_->table != kMainTable && error_of(message) == -ENOENT))) {
        on_end_of_dump(now);
      } else if (answers) {  // EBUSY: an earlier reader's dump is still running
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
  const ParsedMessage parsed = parse_message(message, tables_);
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
          rules_changed_ |= std::is_same_v<T, PolicyRule>;
        } else {
          state_.remove(value);
          rules_changed_ |= std::is_same_v<T, PolicyRuleGone>;
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
    want({.kind = DumpKind::next_hops}, now + kSettle);
  }
  if (!certain) {
    want(routes(route.destination.address.family, route.table), now + kSettle);
  }
}

void NetlinkFollower::on_time(Nanoseconds now) {
  if (dump_ && now >= asked_at_ + kAnswerTimeout) {
    repeat(now);
  }
  if (synchronised_ && round_.empty() && now >= audit_at_) {
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
  if (!wanted_.empty()) {
    return wanted_at_;
  }
  return audit_at_;
}

}  // namespace gotthard::route
