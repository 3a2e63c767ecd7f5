#include "control/live_changes.h"

#include <cerrno>
#include <string>
#include <utility>

namespace gotthard::control {
namespace {

// Of so many random ports one is free, unless hardly any is.
constexpr int kMostChoices = 20;

}  // namespace

LiveChanges::LiveChanges(Links links)
    : links_(std::move(links)),
      teller_(
          links_.tunnels->tunnels().size(),
          {.claimed = [tunnels = links_.tunnels](
                          std::uint16_t interface) { return tunnels->claimed(interface); },
           .ask = [ask = links_.ask](const broker::TunnelPrefixes& part) { return ask(part); }}) {}

void LiveChanges::begin(std::function<void(Result)> done) {
  make({.tunnels = {}, .done = [this, done = std::move(done)](const Result& result) {
          // A port that another program has taken meanwhile does not keep the routes from
          // following.
          if (!result) {
            teller_.tell([](const Status&) {});
          }
          done(result);
        }});
}

void LiveChanges::make(Change change) {
  changes_.push_back(std::move(change));
  if (changes_.size() == 1) {
    next();
  }
}

void LiveChanges::next() {
  while (!changes_.empty() && !begun_) {
    begun_ = true;
    choices_ = 0;
    any_port_.clear();
    for (const TunnelChange& one : changes_.front().tunnels) {
      if (one.change.listen_port == 0) {
        any_port_.insert(one.interface);
      }
    }
    if (auto why = links_.tunnels->refusal(changes_.front().tunnels)) {
      refuse(std::move(*why));
      continue;
    }
    choose();
    reserve();
  }
}

void LiveChanges::choose() {
  for (TunnelChange& one : changes_.front().tunnels) {
    if (any_port_.contains(one.interface)) {
      one.change.listen_port = 0;
    }
  }
  links_.tunnels->choose_ports(changes_.front().tunnels);
  ++choices_;
}

void LiveChanges::reserve() {
  const broker::ListenPorts wanted = links_.tunnels->listen_ports(changes_.front().tunnels);
  if (reserved_ && reserved_->ranges == wanted.ranges) {
    apply();
  } else if (asked_ = links_.ask(wanted); asked_) {
    reserved_ = wanted;
  }
}

bool LiveChanges::on_answer(std::uint64_t id, const broker::Answer& answer) {
  if (!asked_ || *asked_ != id) {
    return teller_.on_answer(id, answer);
  }
  asked_.reset();
  if (answer.outcome == broker::Outcome::done) {
    apply();
  } else {
    reserved_.reset();
    if (answer.outcome == broker::Outcome::in_use && !any_port_.empty() &&
        choices_ < kMostChoices) {
      choose();
      reserve();
    } else {
      refuse({answer.outcome == broker::Outcome::in_use ? EADDRINUSE : EIO,
              std::string(broker::view(answer.reason))});
    }
  }
  next();
  return true;
}

void LiveChanges::apply() {
  Change change = std::move(changes_.front());
  changes_.pop_front();
  begun_ = false;
  if (auto why = links_.tunnels->refusal(change.tunnels)) {
    reserved_.reset();  // for ports that nobody listens at
    change.done(tl::unexpected(std::move(*why)));
    return;
  }
  change.with();
  (void)links_.tunnels->apply(std::move(change.tunnels));
  change.made();
  teller_.tell([this, done = std::move(change.done)](const Status& told) {
    if (told) {
      links_.when_heard([done] { done({}); });
    } else {
      done(tl::unexpected(ChangeRefused{
          EIO, "it is in force, but the host's routes do not follow: " + told.error().message}));
    }
  });
}

void LiveChanges::refuse(ChangeRefused why) {
  const auto done = std::move(changes_.front().done);
  changes_.pop_front();
  begun_ = false;
  done(tl::unexpected(std::move(why)));
}

void LiveChanges::on_tick() {
  if (begun_ && !asked_) {
    reserve();
    next();
  }
  teller_.on_tick();
}

}  // namespace gotthard::control
