// All that an engine knows, and one turn of it: a call from outside, what time it is, and the
// actions that come of it. Exchanges are functions over a turn and an SA.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/ike/sa/actions.h"
#include "control/ike/sa/cookie.h"
#include "control/ike/sa/half_open.h"
#include "control/ike/sa/ike_sa.h"

namespace gotthard::ike {

// A child of a connection: whether it should be there, and when that is tried next.
struct Wanted {
  bool keep = false;  // start_action = start, until an operator ends it
  bool once = false;  // asked for by an operator or by traffic: one attempt
  Nanoseconds retry_at = 0;
  unsigned failures = 0;
};

struct Connection {
  static constexpr std::size_t kRecords = 16;

  ConnectionPtr settings;
  std::vector<abi::Address> remotes;  // as configured, or as its name was resolved since
  std::map<std::string, Wanted> children;
  std::size_t place = 0;  // among its remotes
  Nanoseconds retry_at = 0;
  unsigned failures = 0;
  bool ike_wanted = false;  // an operator wants the IKE SA, without naming a child
  std::deque<Happened> records;
};

// Its RemoveChild comes later: packets under it may be on their way.
struct DyingChild {
  std::uint32_t local_spi = 0;
  Nanoseconds remove_at = 0;
};

struct Core {
  Core(Services s, Limits l) : services(std::move(s)), limits(l), cookies(services.random) {}

  Services services;
  Limits limits;
  Cookies cookies;
  std::map<std::string, Connection> connections;
  std::map<SaNumber, std::unique_ptr<IkeSa>> sas;
  HalfOpen half_open;
  std::vector<DyingChild> dying;
  std::deque<Happened> strangers;  // what happened before a connection was known

  [[nodiscard]] Connection* connection(const std::string& name);
  [[nodiscard]] IkeSa* sa(SaNumber number);
};

class Turn {
 public:
  Turn(Core& c, Time n) : core(c), now(n) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  Core& core;      // NOLINT: a turn is a view
  const Time now;  // NOLINT

  template <typename T>
  void act(T action) {
    actions_.emplace_back(std::move(action));
  }
  [[nodiscard]] Buffer random(std::size_t size);
  [[nodiscard]] std::uint64_t random_u64();
  // From `least` on, less than `least` + `spread`.
  [[nodiscard]] Nanoseconds around(Nanoseconds least, Nanoseconds spread);

  // A new one, in the table.
  IkeSa& make_sa(SaNumber number, ConnectionPtr connection, const Path& path, bool initiator);
  [[nodiscard]] SaNumber free_number();
  // It has changed: kept before anything of this turn is sent.
  void touch(const IkeSa& sa) { touched_.insert(sa.number); }
  [[nodiscard]] const std::set<SaNumber>& touched() const { return touched_; }
  // Without a word to the peer. Its children are not looked after.
  void forget(IkeSa& sa);

  void happened(Happened what);
  void happened(const IkeSa& sa, Stage stage, Cause cause, std::string text = {},
                const std::string& child = {});

  // Forgets what is gone. Checkpoints come first: nothing is sent before what it means is kept.
  [[nodiscard]] Actions finish();

 private:
  Actions actions_;
  std::set<SaNumber> touched_;
};

}  // namespace gotthard::ike
