#include "tools/supervisor/reload.h"

#include <systemd/sd-daemon.h>

#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "tools/supervisor/lab_keys.h"

namespace gotthard::supervisor {
namespace {

constexpr auto kSubsystem = log::Subsystem::supervisor;

using broker::Outcome;
using broker::ReloadMode;

broker::Answer to_answer(const Status& status, Outcome otherwise = Outcome::invalid) {
  return status ? broker::Answer{}
                : broker::Answer{otherwise, 0,
                                 broker::to_text<broker::kMaxReasonText>(status.error().message)};
}

}  // namespace

Reload::Reload(Plan plan, Links links)
    : links_(std::move(links)), plan_(std::make_unique<Plan>(std::move(plan))) {}

bool Reload::handle(const broker::Request& request) {
  if (const auto* wanted = std::get_if<broker::Reload>(&request.body)) {
    // What was read is the answer.
    if (const Status begun = begin(request.id, *wanted); !begun) {
      links_.answer({request.id, to_answer(begun)});
    }
    return true;
  }
  if (std::holds_alternative<broker::Confirm>(request.body)) {
    links_.answer({request.id, to_answer(confirm())});
    return true;
  }
  if (const auto* reloaded = std::get_if<broker::Reloaded>(&request.body)) {
    links_.answer({request.id, to_answer(finish(*reloaded), Outcome::failed)});
    return true;
  }
  return false;
}

void Reload::on_hangup() {
  if (const Status begun = begin(0, {}); !begun) {
    log::event(log::Level::error, kSubsystem, "reload_refused",
               {{"reason", begun.error().message}});
  }
}

Status Reload::begin(std::uint64_t id, const broker::Reload& wanted) {
  if (!links_.control_ready()) {
    return fail("the gateway is still starting: try again");
  }
  if (in_flight_) {
    return fail("another reload is not done yet: try again");
  }
  if (last_ && wanted.mode == ReloadMode::apply) {
    return fail(
        "the last reload waits to be confirmed and is taken back in {} s: keep it with `gotthard "
        "confirm`, or wait, then reload",
        (rolls_back_at_ - boottime_now()) / kSecond + 1);
  }
  auto read = links_.read();
  if (!read) {
    return tl::unexpected(read.error());
  }
  if (wanted.confirm_seconds > 0 && has_new_lab_keys(read->config, plan_->config)) {
    return fail(
        "lab_keys are used once, so that those of now could not come back: reload without "
        "--confirm");
  }
  if (auto given = links_.give(*read, id, wanted.mode); !given) {
    return given;
  }
  in_flight_ = InFlight{id, wanted, std::make_unique<Plan>(std::move(*read))};
  if (wanted.mode == ReloadMode::apply) {
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
               static_cast<long long>(clock_now(CLOCK_MONOTONIC) / 1000));
  }
  return {};
}

// An error is the host's: the configuration is in force all the same.
Status Reload::finish(const broker::Reloaded& reloaded) {
  if (!in_flight_ || in_flight_->id != reloaded.configuration) {
    return fail("there is no such reload");
  }
  InFlight done = std::move(*in_flight_);
  in_flight_.reset();
  if (done.wanted.mode != ReloadMode::apply) {
    return {};
  }
  sd_notify(0, "READY=1");
  if (!done.plan) {
    if (reloaded.done == 0) {  // it starts with what is in force
      links_.restart_control();
    }
    return {};
  }
  if (reloaded.done == 0) {
    return {};
  }
  std::swap(plan_, done.plan);
  if (done.wanted.confirm_seconds > 0) {
    start_to_wait(done.wanted.confirm_seconds, std::move(done.plan));
  }
  if (auto followed = links_.follow(*plan_); !followed) {
    return fail("the configuration is in force, but the host does not follow it: {}",
                followed.error().message);
  }
  return {};
}

void Reload::start_to_wait(std::uint32_t seconds, std::unique_ptr<Plan> last) {
  last_ = std::move(last);
  rolls_back_at_ = boottime_now() + seconds * kSecond;
  deadline_ = links_.loop->after(seconds * kSecond, [this] { roll_back(); });
}

Status Reload::confirm() {
  if (!last_) {
    return fail("there is nothing to confirm: no reload waits for it");
  }
  links_.loop->cancel(deadline_);
  last_.reset();
  log::event(log::Level::info, kSubsystem, "reload_confirmed");
  return {};
}

// In force at once, whatever becomes of control: it is told, or starts with it.
void Reload::roll_back() {
  log::event(log::Level::warning, kSubsystem, "reload_rolled_back",
             {{"reason", "it was not confirmed in time"}});
  plan_ = std::move(last_);
  if (auto followed = links_.follow(*plan_); !followed) {
    log::event(log::Level::error, kSubsystem, "host_does_not_follow",
               {{"error", followed.error().message}});
  }
  if (!links_.control_ready()) {
    // One that is being started may have been given the other already.
    links_.restart_control();
    return;
  }
  // Of a comparison that is under way nobody will hear more: control sees that it is not the last.
  in_flight_.reset();
  if (auto given = links_.give(*plan_, 0, ReloadMode::apply); !given) {
    links_.restart_control();
    return;
  }
  in_flight_ = InFlight{.id = 0, .wanted = {}, .plan = nullptr};
}

void Reload::on_control_gone() {
  if (in_flight_ && in_flight_->plan && in_flight_->wanted.mode == ReloadMode::apply) {
    log::event(log::Level::error, kSubsystem, "reload_failed",
               {{"reason", "control ended meanwhile: it starts with the last configuration"}});
  }
  in_flight_.reset();
}

}  // namespace gotthard::supervisor
