#include "dataplane/manager/control_side.h"

#include <rte_cycles.h>

#include <utility>

#include "base/log.h"
#include "crypto/secret.h"

namespace gotthard::dataplane {
namespace {

// So that a flood of commands leaves time for packets.
constexpr int kCommandsPerRound = 256;
constexpr std::size_t kMaxUntold = 65536;

template <typename Install>
void wipe_keys_of(Install* install) {
  if (install != nullptr) {
    crypto::wipe(std::as_writable_bytes(std::span(install->send_key)));
    crypto::wipe(std::as_writable_bytes(std::span(install->receive_key)));
  }
}

// These alone have secrets; their copy ends here.
void wipe_keys(abi::CommandBody* body) {
  wipe_keys_of(std::get_if<abi::SessionInstall>(body));
  wipe_keys_of(std::get_if<abi::SaInstall>(body));
}

// 0: it installs nothing.
std::uint32_t installed_by(const abi::CommandBody& body) {
  if (const auto* session = std::get_if<abi::SessionInstall>(&body)) {
    return session->local_id;
  }
  const auto* sa = std::get_if<abi::SaInstall>(&body);
  return sa != nullptr ? sa->local_id : 0;
}

}  // namespace

ControlSide::ControlSide(const ManagedState& state)
    : state_(state),
      parking_([links = state.links](rte_mbuf* mbuf, Drop reason) { links->drop(mbuf, reason); }),
      police_(rte_get_tsc_hz()),
      ipv4_ids_(static_cast<std::uint32_t>(state.links->workers()),
                static_cast<std::uint32_t>(state.links->workers()) + 1) {}

void ControlSide::attach(std::unique_ptr<Attachment> attachment) {
  attachment_ = std::move(attachment);
  // What was untold belonged to the one that is gone: the new one reads the directory.
  untold_.clear();
  held_.reset();
}

void ControlSide::detach() { attachment_.reset(); }

bool ControlSide::serve(Nanoseconds now, std::uint64_t now_tsc) {
  now_ = now;
  now_tsc_ = now_tsc;
  if (attachment_ == nullptr) {
    return false;
  }
  flush_events();
  const bool more = serve_commands();
  serve_packets();
  attachment_->flush();
  return more;
}

bool ControlSide::serve_commands() {
  bool refused = false;
  int count = 0;
  // A commit that is under way holds back what was sent after it: order is kept.
  while (!committing_ && count < kCommandsPerRound) {
    auto body = attachment_->next_command(&serial_, &refused);
    if (!body && !refused) {
      return false;
    }
    ++count;
    if (refused) {
      refuse(serial_, 0, abi::Refusal::invalid);
      continue;
    }
    const Outcome outcome = std::visit([&](const auto& c) { return carry_out(c); }, *body);
    if (outcome) {
      refuse(serial_, installed_by(*body), *outcome);
    }
    wipe_keys(&*body);
  }
  return count == kCommandsPerRound;
}

// A packet may rely on commands that were sent before it (its neighbour's), over another ring:
// those come first.
void ControlSide::serve_packets() {
  bool refused = false;
  for (int i = 0; i < kCommandsPerRound; ++i) {
    if (!held_) {
      held_ = attachment_->next_injected(&refused);
    }
    if (refused) {
      ++commands_refused_;
      continue;
    }
    if (!held_ || serve_commands() || committing_) {
      return;
    }
    inject(*held_);
    held_.reset();
  }
}

void ControlSide::tick(Nanoseconds now) {
  now_ = now;
  state_.policies->tick(now);
  finish_commit();
  for (const WaitKey& key : parking_.expire(now)) {
    if (const auto found = neighbour_addresses_.find(key.number);
        found != neighbour_addresses_.end()) {
      tell(abi::NeedNeighbour{.port = found->second.first, .address = found->second.second});
    }
  }
  flush_events();
  if (attachment_ != nullptr) {
    attachment_->flush();
  }
}

void ControlSide::tell(const abi::EventBody& event) {
  // A confirmed session is one to seal with: what waited for it goes on.
  if (const auto* confirmed = std::get_if<abi::SessionConfirmed>(&event)) {
    const auto slot = state_.sessions->slots().find(confirmed->local_id & abi::kSlotMask);
    if (slot != state_.sessions->slots().end()) {
      release_session(slot->second.peer);
    }
  }
  if (attachment_ == nullptr) {
    return;
  }
  if (untold_.empty() && attachment_->send(event)) {
    return;
  }
  if (untold_.size() == kMaxUntold) {
    ++events_lost_;
    return;
  }
  untold_.push_back(event);
}

void ControlSide::flush_events() {
  while (attachment_ != nullptr && !untold_.empty() && attachment_->send(untold_.front())) {
    untold_.pop_front();
  }
}

void ControlSide::refuse(std::uint64_t serial, std::uint32_t local_id, abi::Refusal reason) {
  ++commands_refused_;
  log::event(log::Level::warning, log::Subsystem::dataplane, "command_refused",
             {{"serial", serial}, {"reason", static_cast<int>(reason)}});
  tell(abi::CommandRefused{.serial = serial, .local_id = local_id, .reason = reason});
}

}  // namespace gotthard::dataplane
