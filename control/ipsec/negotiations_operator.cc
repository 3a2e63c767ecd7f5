// What operators want of connections and children, by name.
#include <algorithm>

#include "control/ipsec/ike_settings.h"
#include "control/ipsec/negotiations.h"

namespace gotthard::control {
namespace {

// `name` may leave out the interface, which is before the first '/' of `full`.
bool means(const std::string& name, const std::string& full) {
  return name == full || name == full.substr(full.find('/') + 1);
}

}  // namespace

Result<std::optional<std::string>> Negotiations::full_name(const std::string& name) const {
  std::vector<std::string> found;
  for (const config::Ipsec& ipsec : config_->ipsec) {
    for (const config::Connection& connection : ipsec.connections) {
      const std::string own = connection_name(ipsec, connection);
      if (means(name, own)) {
        found.push_back(own);
      }
      for (const config::Child& child : connection.children) {
        if (means(name, own + "/" + child.name)) {
          found.push_back(own + "/" + child.name);
        }
      }
    }
  }
  if (found.size() > 1) {
    return fail("'{}' may be {} or {}: write which", name, found[0], found[1]);
  }
  return found.empty() ? std::nullopt : std::optional(found[0]);
}

Negotiations::Place Negotiations::place_of(const std::string& full_name) const {
  const auto last = full_name.rfind('/');
  return std::ranges::count(full_name, '/') < 2
             ? Place{.connection = full_name, .child = ""}
             : Place{.connection = full_name.substr(0, last), .child = full_name.substr(last + 1)};
}

Status Negotiations::carry_out(Result<ike::Actions> actions) {
  if (!actions) {
    return tl::unexpected(actions.error());
  }
  carry_out(std::move(*actions));
  return {};
}

Status Negotiations::initiate(const std::string& name) {
  const Place place = place_of(name);
  return carry_out(engine_.initiate(place.connection, place.child, time_now()));
}

Status Negotiations::rekey(const std::string& name) {
  const Place place = place_of(name);
  return carry_out(place.child.empty()
                       ? engine_.rekey_ike(place.connection, time_now())
                       : engine_.rekey_child(place.connection, place.child, time_now()));
}

Status Negotiations::terminate(const std::string& name) {
  const Place place = place_of(name);
  return carry_out(engine_.terminate(place.connection, place.child, time_now()));
}

}  // namespace gotthard::control
