// Follows the kernel's links, addresses, main-table routes and neighbours over a netlink socket
// that somebody else opened. Sans-I/O: datagrams in, dump requests and changes out; NetlinkSocket
// (in netlink_socket.h) moves the bytes. Opens no file and no socket, ever (control runs under
// seccomp).
//
// What has been told is kept, so that a dump (at the start, after an overrun, or when a
// notification does not say what the kernel did, as when a link goes down and IPv4 routes vanish
// without a word) yields only differences.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "control/route/changes.h"
#include "control/route/kernel_state.h"
#include "control/route/netlink_parser.h"

namespace gotthard::route {

struct FollowerCounters {
  std::uint64_t messages = 0;
  std::uint64_t malformed = 0;    // shorter than its lengths say, or not what its type has
  std::uint64_t foreign = 0;      // not from the kernel
  std::uint64_t unsupported = 0;  // route types and forms that we cannot follow
  std::uint64_t multipath = 0;    // routes of which only the first hop is used
  std::uint64_t overruns = 0;     // the socket's buffer was full; everything was dumped again
  std::uint64_t dumps = 0;        // full dumps completed
  std::uint64_t interrupted = 0;  // dumps that the kernel said were inconsistent; repeated
};

class NetlinkFollower {
 public:
  using ChangeSink = std::function<void(const Change&)>;
  // Sends one request to the kernel; false when that failed (it is repeated from on_time()).
  using RequestSink = std::function<bool(std::span<const std::byte>)>;

  NetlinkFollower(ChangeSink changes, RequestSink requests);

  // Asks for everything. Until the first Synchronised change the picture is not whole.
  void start(Nanoseconds now);
  // One datagram; `from_kernel`: its sender's netlink port was 0.
  void on_datagram(std::span<const std::byte> bytes, bool from_kernel, Nanoseconds now);
  // ENOBUFS, or a datagram that did not fit.
  void on_overrun(Nanoseconds now);
  // Retries, answers that never came, the audit. Call it about once a second.
  void on_time(Nanoseconds now);

  [[nodiscard]] bool synchronised() const { return synchronised_; }
  [[nodiscard]] const FollowerCounters& counters() const { return counters_; }

 private:
  enum class Dump : std::uint8_t { idle, links, addresses, routes4, routes6, neighbours };

  void want_dump(Dump from, Nanoseconds now);
  void request(Nanoseconds now);
  void finish(Nanoseconds now);
  void on_message(const NetlinkMessage& message, Nanoseconds now);
  void apply(const ParsedMessage& parsed, Nanoseconds now);

  ChangeSink changes_;
  RequestSink requests_;
  KernelState state_;
  FollowerCounters counters_;
  Dump running_ = Dump::idle;
  Dump wanted_ = Dump::idle;  // a dump to begin at this kind once the running one is over
  Nanoseconds wanted_at_ = 0;
  Nanoseconds requested_at_ = 0;
  Nanoseconds synchronised_at_ = 0;
  std::uint32_t sequence_ = 0;
  bool sent_ = false;
  bool inconsistent_ = false;
  bool synchronised_ = false;
};

}  // namespace gotthard::route
