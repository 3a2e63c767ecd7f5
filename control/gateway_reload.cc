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

// An operator's request that it answers waits under its id; by SIGHUP or a roll-back nobody does.
void Gateway::on_configuration(const broker::Notice& notice, std::vector<UniqueFd> fds) {
  const auto received = configurations_.take(notice, std::move(fds));
  if (received && !*received) {
    return;
  }
  const std::uint64_t id = configurations_.id();
  mgmt::Answer result = received ? reload_to(**received, configurations_.mode())
                                 : mgmt::Answer(refuse("failed", received.error().message));
  if (!result) {
    log::event(log::Level::error, kLog, "reload_refused", {{"reason", result.error().error}});
  }
  mgmt::Reply reply;
  if (auto waiting = waiting_.extract(id)) {
    reply = std::move(waiting.mapped().reply);
    if (result) {
      result->update(waiting.mapped().result);
    }
  }
  const broker::Reloaded reloaded{.configuration = id, .done = result ? 1U : 0U};
  if (result && configurations_.mode() == ReloadMode::apply) {
    ask_for(reloaded, {.reply = std::move(reply), .result = std::move(*result)});
    return;
  }
  ask(reloaded);
  if (reply) {
    reply(std::move(result));
  }
}

mgmt::Answer Gateway::reload_to(const broker::ReceivedConfiguration& received, ReloadMode mode) {
  auto next = read_settings(received);
  if (!next) {
    return refuse("refused", next.error().message);
  }
  const bool apply = mode == ReloadMode::apply;
  const std::vector<Difference> found =
      mode == ReloadMode::difference ? differences(running_settings(file_.config, *tunnels_), *next)
                                     : differences(file_, *next);
  const std::string obstacle = needs_a_start(found);
  if (apply && !obstacle.empty()) {
    return refuse("refused", obstacle);
  }
  if (mode != ReloadMode::difference && obstacle.empty()) {
    if (const auto made = make_changes(*next, !apply); !made) {
      return tl::unexpected(made.error());
    }
  }
  if (apply) {
    const log::Level level = next->config.log.level;
    const bool other_level = level != file_.config.log.level;
    take_over(std::move(*next), received.text);
    for (int i = 0; other_level && i < static_cast<int>(log::Subsystem::count); ++i) {
      set_log_level(static_cast<log::Subsystem>(i), level);
    }
    log_changes(found);
  }
  return json{{"applied", apply}, {"differences", to_json(found)}};
}

// All interfaces' changes or none.
tl::expected<void, Failure> Gateway::make_changes(const Settings& next, bool dry_run) {
  std::vector<InterfaceChange> changes;
  for (std::uint16_t i = 0; i < file_.config.wireguard.size(); ++i) {
    changes.push_back(
        change_between(file_.config.wireguard[i], file_.keys, next.config.wireguard[i], next.keys));
    if (const auto refused = tunnels_->refusal(i, changes.back())) {
      return refuse("refused", next.config.wireguard[i].name + ": " + refused->message);
    }
  }
  if (dry_run) {
    return {};
  }
  fib_.configure(next.config, boottime_now());
  for (std::uint16_t i = 0; i < changes.size(); ++i) {
    if (const auto applied = tunnels_->apply(i, std::move(changes[i])); !applied) {
      log::event(log::Level::error, kLog, "change_refused", {{"reason", applied.error().message}});
    }
  }
  return {};
}

void Gateway::take_over(Settings next, std::string text) {
  config_ = next.config;
  file_ = std::move(next);
  text_ = std::move(text);
  keep_running();
}

}  // namespace gotthard::control
