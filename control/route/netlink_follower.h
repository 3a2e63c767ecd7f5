// Follows the kernel's links, addresses, routes with the next-hop objects that they lead by,
// neighbours and policy rules over a netlink socket that somebody else opened. Routes of the main
// table, and of those that rules name for packets with one of our marks; others cost nothing.
// Sans-I/O: datagrams in, dump requests and changes out; NetlinkSocket (in netlink_socket.h) moves
// the bytes. Opens no file and no socket, ever (control runs under seccomp).
//
// What has been told is kept, so that a dump (at the start, after an overrun, or when a
// notification does not say what the kernel did, as when a link goes down and IPv4 routes vanish
// without a word) yields only differences.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/clock.h"
#include "control/route/changes.h"
#include "control/route/kernel_state.h"
#include "control/route/netlink_parser.h"

namespace gotthard::route {

struct FollowerCounters {
  std::uint64_t messages = 0;
  std::uint64_t malformed = 0;  // shorter than its lengths say, or not what its type has
  std::uint64_t foreign = 0;    // not from the kernel
  std::uint64_t overruns = 0;   // the socket's buffer was full; everything was dumped again
  std::uint64_t dumps = 0;      // of one kind of thing, completed
  std::uint64_t repeated = 0;   // inconsistent or refused by the kernel; asked again
};

class NetlinkFollower {
 public:
  static constexpr Nanoseconds kLongestWait = 10 * kSecond;

  using ChangeSink = KernelState::ChangeSink;
  // Sends one request to the kernel; false when that failed (it is repeated from on_time()).
  using RequestSink = std::function<bool(std::span<const std::byte>)>;

  NetlinkFollower(ChangeSink changes, RequestSink requests);

  // Those of tunnels. Before start(), or a table that they are routed by is not known at first.
  void set_marks(const std::set<std::uint32_t>& marks, Nanoseconds now);
  // Asks for everything. Until the first Synchronised change the picture is not whole.
  void start(Nanoseconds now);
  // One datagram, 4-byte aligned; `from_kernel`: its sender's netlink port was 0.
  void on_datagram(std::span<const std::byte> bytes, bool from_kernel, Nanoseconds now);
  // ENOBUFS, or a datagram that did not fit.
  void on_overrun(Nanoseconds now);
  // Dumps that are due, answers that never came. Call it when next_time() is over; on_datagram()
  // does it too.
  void on_time(Nanoseconds now);
  [[nodiscard]] Nanoseconds next_time() const;

  // Calls back once all that the kernel has done by `now` has become changes: notifications may
  // still be waiting in the socket, or a dump may have to say what was lost of them. A kernel that
  // is never at rest is waited for kLongestWait.
  void when_heard(Nanoseconds now, std::function<void()> heard);

  [[nodiscard]] bool synchronised() const { return synchronised_; }
  [[nodiscard]] const FollowerCounters& counters() const { return counters_; }

 private:
  void want(const Dump& dump, Nanoseconds at);
  void want_all(Nanoseconds at);
  void want_routes(Nanoseconds at);
  void dump_next(Nanoseconds now);
  void on_end_of_dump(Nanoseconds now);
  void tell_heard();
  void repeat(Nanoseconds now);
  void on_message(const NetlinkMessage& message, Nanoseconds now);
  void on_route(const RouteMessage& message, Nanoseconds now);
  void on_link(const Link& link, Nanoseconds now);
  void follow_tables(Nanoseconds now);
  void leave_tables();

  ChangeSink changes_;
  RequestSink requests_;
  KernelState state_;
  FollowerCounters counters_;
  std::set<std::uint32_t> marks_;
  FollowedTables tables_;
  std::set<FollowedTables::Table> needed_;  // by the rules; what else is followed is left when idle
  std::set<FollowedTables::Table> known_;   // told to be
  bool rules_changed_ = false;
  std::set<Dump> wanted_;
  Nanoseconds wanted_at_ = 0;  // not before
  std::optional<Dump> dump_;   // asked, its end not seen
  Nanoseconds asked_at_ = 0;
  std::uint32_t sequence_ = 0;
  bool inconsistent_ = false;  // the running dump must be repeated
  std::set<Dump> round_;       // missing until all were dumped: then Synchronised
  bool synchronised_ = false;
  Nanoseconds audit_at_ = 0;
  std::vector<std::function<void()>> waiting_;  // to be called when nothing is left to be heard
  Nanoseconds waiting_since_ = 0;               // the first of them
};

}  // namespace gotthard::route
