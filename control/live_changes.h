// Changes while the gateway runs, by `wg` and by reloads, one after another: first the supervisor
// keeps the host's other programs from the ports, then all of a change is made at once, then the
// host's routes follow, and what the kernel says of these is heard: who was told that a change is
// done finds it in the tables.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "base/result.h"
#include "control/broker/message.h"
#include "control/wireguard/prefix_teller.h"
#include "control/wireguard/tunnels.h"

namespace gotthard::control {

class LiveChanges {
 public:
  using Result = tl::expected<void, ChangeRefused>;

  struct Links {
    Tunnels* tunnels;
    // The request's id; nothing when the supervisor cannot take it now.
    std::function<std::optional<std::uint64_t>(const broker::RequestBody&)> ask;
    // Calls back when what the kernel has done by now is known here.
    std::function<void(std::function<void()>)> when_heard;
  };
  struct Change {
    std::vector<TunnelChange> tunnels;                        // at most one an interface
    std::function<void()> with = [] {};                       // made together with them, before
    std::function<void()> made = [] {};                       // it is in force
    std::function<void(Result)> done = [](const Result&) {};  // and the host follows; or why not
  };

  explicit LiveChanges(Links links);

  // Once the peers are numbered: what runs is told to the supervisor, whatever it knew. `done` as
  // in Change.
  void begin(std::function<void(Result)> done);
  void make(Change change);
  // False: the answer is to somebody else's request.
  bool on_answer(std::uint64_t id, const broker::Answer& answer);
  // Some ten times a second: what could not be asked is asked again.
  void on_tick();

 private:
  void next();
  // Ports of 0 become ports.
  void choose();
  void reserve();
  void apply();
  void refuse(ChangeRefused why);

  Links links_;
  PrefixTeller teller_;
  std::deque<Change> changes_;          // the first is being made
  std::set<std::uint16_t> any_port_;    // interfaces of the first that asked for a port of 0
  int choices_ = 0;                     // made for them
  bool begun_ = false;                  // the first has been looked at
  std::optional<std::uint64_t> asked_;  // for its ports
  std::optional<broker::ListenPorts> reserved_;
};

}  // namespace gotthard::control
