#include "control/wireguard/prefix_teller.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace gotthard::control {

PrefixTeller::PrefixTeller(std::size_t interfaces, Links links)
    : links_(std::move(links)), interfaces_(interfaces) {}

void PrefixTeller::tell(Told told) {
  next_.push_back(std::move(told));
  if (parts_.empty()) {
    begin();
  }
}

// Additions of all interfaces first: a prefix that moves to another interface is always somebody's,
// and keeps its route and its blackhole.
void PrefixTeller::begin() {
  waiting_ = std::exchange(next_, {});
  result_ = {};
  for (std::uint16_t i = 0; i < interfaces_.size(); ++i) {
    state_additions(i);
  }
  for (std::uint16_t i = 0; i < interfaces_.size(); ++i) {
    state_removals(i);
  }
  if (parts_.empty()) {
    finish();
  } else {
    ask_next();
  }
}

void PrefixTeller::state_additions(std::uint16_t interface) {
  Known& known = interfaces_[interface];
  const std::vector<config::Prefix> list = links_.claimed(interface);
  std::set<config::Prefix> now(list.begin(), list.end());
  std::vector<config::Prefix> added;
  std::ranges::set_difference(now, known.prefixes, std::back_inserter(added));
  std::ranges::set_difference(known.prefixes, now, std::back_inserter(known.gone));
  const bool whole = !std::exchange(known.known, true);
  if (!added.empty() || whole) {
    state(interface, added, true, whole);
  }
  known.prefixes = std::move(now);
}

void PrefixTeller::state_removals(std::uint16_t interface) {
  const std::vector<config::Prefix> gone = std::exchange(interfaces_[interface].gone, {});
  if (!gone.empty()) {
    state(interface, gone, false, false);
  }
}

void PrefixTeller::state(std::uint16_t interface, const std::vector<config::Prefix>& changed,
                         bool claimed, bool whole) {
  std::size_t done = 0;
  do {
    broker::TunnelPrefixes& part = parts_.emplace_back();
    part.interface = interface;
    part.whole = whole ? 1 : 0;
    for (; part.count < part.prefixes.size() && done < changed.size(); ++done) {
      part.prefixes[part.count++] = {.address = changed[done].address,
                                     .length = changed[done].length,
                                     .claimed = claimed ? std::uint8_t{1} : std::uint8_t{0}};
    }
    part.last = done == changed.size() ? 1 : 0;
  } while (done < changed.size());
}

void PrefixTeller::ask_next() {
  if (!under_way_ && !parts_.empty()) {
    under_way_ = links_.ask(parts_.front());
  }
}

bool PrefixTeller::on_answer(std::uint64_t id, const broker::Answer& answer) {
  if (!under_way_ || *under_way_ != id) {
    return false;
  }
  under_way_.reset();
  parts_.pop_front();
  if (answer.outcome != broker::Outcome::done && result_) {
    result_ = fail("{}", broker::view(answer.reason));
  }
  if (parts_.empty()) {
    finish();
  } else {
    ask_next();
  }
  return true;
}

void PrefixTeller::finish() {
  const Status result = result_;
  for (const Told& told : std::exchange(waiting_, {})) {
    told(result);
  }
  if (!next_.empty() && parts_.empty()) {
    begin();
  }
}

}  // namespace gotthard::control
