// Another configuration while it runs: what differs from the last one is changed, nothing else is
// touched.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "control/gateway.h"
#include "control/mgmt/shortened.h"
#include "control/reload/change_between.h"
#include "control/reload/difference.h"
#include "control/reload/running_settings.h"

namespace gotthard::control {
namespace {

constexpr auto kLog = log::Subsystem::control;

using broker::ReloadMode;
using mgmt::Failure;
using mgmt::json;

tl::unexpected<Failure> refuse(std::string code, std::string error) {
  return tl::unexpected(Failure{std::move(code), std::move(error)});
}

json to_json(const std::vector<Difference>& found) {
  json list = json::array();
  for (const Difference& one : found) {
    list.push_back({{"where", one.where},
                    {"key", one.key},
                    {"before", one.before},
                    {"after", one.after},
                    {"live", one.live}});
  }
  return list;
}

// A sentence, or nothing when all of it can be changed while the gateway runs.
std::string needs_a_start(const std::vector<Difference>& found) {
  std::string list;
  for (const Difference& one : found) {
    if (!one.live) {
      list += fmt::format("{}{}: {}", list.empty() ? "" : ", ", one.where, one.key);
    }
  }
  return list.empty() ? ""
                      : "this cannot be changed while the gateway runs, and nothing was: " + list +
                            ". Put it back, or end the gateway (`gotthard down`) and start it "
                            "again";
}

void log_changes(const std::vector<Difference>& found) {
  for (const Difference& one : found) {
    log::event(log::Level::info, kLog, "changed",
               {{"where", one.where},
                {"key", one.key},
                {"before", mgmt::shortened(one.before)},
                {"after", mgmt::shortened(one.after)}});
  }
  log::event(log::Level::info, kLog, "reloaded", {{"changes", found.size()}});
}

}  // namespace

void Gateway::reload(const broker::Reload& wanted, mgmt::Reply reply) {
  mgmt::json more = mgmt::json::object();
  if (wanted.confirm_seconds > 0) {
    more["confirm_seconds"] = wanted.confirm_seconds;
  }
  ask_for(wanted, {.reply = std::move(reply), .result = std::move(more)});
}

void Gateway::confirm_reload(mgmt::Reply reply) {
  ask_for(broker::Confirm{}, {.reply = std::move(reply), .result = {{"confirmed", true}}});
}

void Gateway::on_configuration(const broker::Notice& notice, std::vector<UniqueFd> fds) {
  auto received = configurations_.take(notice, std::move(fds));
  if (received && !*received) {
    return;
  }
  const std::uint64_t id = configurations_.id();
  const ReloadMode mode = configurations_.mode();
  if (!received) {
    conclude(id, /*in_force=*/false, refuse("failed", received.error().message));
    return;
  }
  auto settings = read_settings(**received);
  if (!settings) {
    conclude(id, /*in_force=*/false, refuse("refused", settings.error().message));
    return;
  }
  auto arrived = std::make_shared<Arrived>(
      Arrived{id, mode, std::move((*received)->text), std::move(*settings)});
  if (mode == ReloadMode::apply) {
    reload_to(std::move(arrived));
  } else {
    conclude(id, /*in_force=*/false, compare_to(*arrived));
  }
}

// An operator's request that it answers waits under its id; by SIGHUP or a roll-back nobody does.
void Gateway::conclude(std::uint64_t id, bool in_force, mgmt::Answer result) {
  if (!result) {
    log::event(log::Level::error, kLog, in_force ? "host_does_not_follow" : "reload_refused",
               {{"reason", result.error().error}});
  }
  mgmt::Reply reply;
  if (auto waiting = waiting_.extract(id)) {
    reply = std::move(waiting.mapped().reply);
    if (result) {
      result->update(waiting.mapped().result);
    }
  }
  const broker::Reloaded reloaded{.configuration = id, .done = in_force || result ? 1U : 0U};
  if (result && in_force) {
    ask_for(reloaded, {.reply = std::move(reply), .result = std::move(*result)});
    return;
  }
  ask(reloaded);
  if (reply) {
    reply(std::move(result));
  }
}

namespace {

std::vector<TunnelChange> changes_between(const Settings& from, const Settings& to) {
  std::vector<TunnelChange> changes;
  for (std::uint16_t i = 0; i < from.config.wireguard.size(); ++i) {
    changes.push_back({.interface = i,
                       .change = change_between(from.config.wireguard[i], from.keys,
                                                to.config.wireguard[i], to.keys)});
  }
  return changes;
}

json answer(bool applied, const std::vector<Difference>& found) {
  return {{"applied", applied}, {"differences", to_json(found)}};
}

}  // namespace

mgmt::Answer Gateway::compare_to(const Arrived& arrived) const {
  if (arrived.mode == ReloadMode::difference) {
    return answer(false, differences(running_settings(file_.config, *tunnels_), arrived.settings));
  }
  const std::vector<Difference> found = differences(file_, arrived.settings);
  if (needs_a_start(found).empty()) {
    const auto ike = Negotiations::settings_of(arrived.settings.config, arrived.settings.ike_files);
    if (!ike) {
      return refuse("refused", ike.error().message);
    }
    if (const auto why = tunnels_->refusal(changes_between(file_, arrived.settings))) {
      return refuse("refused", why->message);
    }
  }
  return answer(false, found);
}

// All interfaces' changes or none.
void Gateway::reload_to(std::shared_ptr<Arrived> arrived) {
  const auto found =
      std::make_shared<const std::vector<Difference>>(differences(file_, arrived->settings));
  if (const std::string obstacle = needs_a_start(*found); !obstacle.empty()) {
    conclude(arrived->id, /*in_force=*/false, refuse("refused", obstacle));
    return;
  }
  auto ike = Negotiations::settings_of(arrived->settings.config, arrived->settings.ike_files);
  if (!ike) {
    conclude(arrived->id, /*in_force=*/false, refuse("refused", ike.error().message));
    return;
  }
  const auto negotiated = std::make_shared<Negotiations::Settings>(std::move(*ike));
  const auto in_force = std::make_shared<bool>(false);
  changes_->make(
      {.tunnels = changes_between(file_, arrived->settings),
       .with = [this, arrived] { fib_.configure(arrived->settings.config, boottime_now()); },
       .made =
           [this, arrived, found, in_force, negotiated] {
             take_over(std::move(*arrived));
             negotiations_->configure(std::move(*negotiated));
             log_changes(*found);
             *in_force = true;
           },
       .done =
           [this, id = arrived->id, found, in_force](const LiveChanges::Result& done) {
             conclude(id, *in_force,
                      done ? mgmt::Answer(answer(true, *found))
                           : refuse(*in_force ? "failed" : "refused", done.error().message));
           }});
}

void Gateway::take_over(Arrived arrived) {
  const log::Level level = arrived.settings.config.log.level;
  const bool other_level = level != file_.config.log.level;
  config_ = arrived.settings.config;
  file_ = std::move(arrived.settings);
  text_ = std::move(arrived.text);
  children_->take_keys(std::exchange(file_.lab_keys, {}));
  keep_running();
  for (int i = 0; other_level && i < static_cast<int>(log::Subsystem::count); ++i) {
    set_log_level(static_cast<log::Subsystem>(i), level);
  }
}

}  // namespace gotthard::control
