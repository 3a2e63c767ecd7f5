// Tells the supervisor which prefixes the tunnels claim, so that the kernel's routes and blackholes
// follow what is changed while the gateway runs. One part of a statement is under way at a time:
// the answer to it asks for the next.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "base/result.h"
#include "control/broker/message.h"
#include "control/config/config.h"

namespace gotthard::control {

class PrefixTeller {
 public:
  struct Links {
    // Of all its peers, as it is now.
    std::function<std::vector<config::Prefix>(std::uint16_t interface)> claimed;
    // The request's id; nothing when the supervisor cannot take it now.
    std::function<std::optional<std::uint64_t>(const broker::TunnelPrefixes&)> ask;
  };
  // An error: the host does not follow; what is claimed is claimed all the same.
  using Told = std::function<void(const Status&)>;

  // What the supervisor knows is not known: the first statements say all.
  PrefixTeller(std::size_t interfaces, Links links);

  // What has changed since the last time. `told` is called once, at once when nothing has.
  void tell(Told told);
  // False: the answer is to somebody else's request.
  bool on_answer(std::uint64_t id, const broker::Answer& answer);
  // Some ten times a second: what could not be asked is asked again.
  void on_tick() { ask_next(); }

 private:
  void begin();
  void state_additions(std::uint16_t interface);
  void state_removals(std::uint16_t interface);
  // `changed` claimed or not any more, in parts.
  void state(std::uint16_t interface, const std::vector<config::Prefix>& changed, bool claimed,
             bool whole);
  void ask_next();
  void finish();

  Links links_;
  struct Known {
    bool known = false;
    std::set<config::Prefix> prefixes;  // once the parts are through
    std::vector<config::Prefix> gone;   // to be said, once all additions are
  };
  std::vector<Known> interfaces_;
  std::deque<broker::TunnelPrefixes> parts_;  // the first is under way, or to be asked
  std::optional<std::uint64_t> under_way_;
  Status result_;
  std::vector<Told> waiting_;  // for the parts
  std::vector<Told> next_;     // came after they were made
};

}  // namespace gotthard::control
