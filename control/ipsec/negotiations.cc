#include "control/ipsec/negotiations.h"

#include <arpa/inet.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/log.h"
#include "control/ipsec/ike_settings.h"
#include "control/wireguard/directory_reader.h"
#include "crypto/random.h"

namespace gotthard::control {
namespace {

bool marked(const abi::PacketRecord& packet) { return packet.local_port != htons(abi::kIkePort); }

}  // namespace

ike::Time Negotiations::time_now() { return {.boot = boottime_now(), .wall = realtime_now()}; }

Negotiations::Negotiations(const config::Config& config, Links links)
    : config_(&config),
      links_(links),
      engine_(ike::Services{
                  .random = [](std::span<std::byte> bytes) { crypto::random_bytes(bytes); },
                  .allocate_spi = [this] { return links_.sessions->allocate(); },
                  .release_spi = [this](std::uint32_t spi) { links_.sessions->release(spi); },
                  .source = [this](const abi::Address& remote) -> std::optional<abi::Address> {
                    const auto way =
                        links_.fib->resolve_endpoint(interface_, remote, boottime_now());
                    return way ? std::optional(way->local) : std::nullopt;
                  }},
              {}) {
  for (std::size_t i = 0; i < config.ipsec.size() && !speaks_; ++i) {
    speaks_ = config::speaks_ike(config.ipsec[i]);
    interface_ = links_.children->number(i);
  }
}

Result<std::unique_ptr<Negotiations>> Negotiations::create(const config::Config& config,
                                                           const IkeFiles& files, Links links) {
  auto settings = settings_of(config, files);
  if (!settings) {
    return tl::unexpected(settings.error());
  }
  std::unique_ptr<Negotiations> made(new Negotiations(config, links));
  made->configure(std::move(*settings));
  return made;
}

Result<Negotiations::Settings> Negotiations::settings_of(const config::Config& config,
                                                         const IkeFiles& files) {
  Settings all;
  for (const config::Ipsec& ipsec : config.ipsec) {
    for (const config::Connection& connection : ipsec.connections) {
      if (!connection.ike) {
        continue;
      }
      auto settings = ike_settings(ipsec, connection, files, config.dataplane.replay_window);
      if (!settings) {
        return fail("'{}': {}", connection_name(ipsec, connection), settings.error().message);
      }
      all.push_back(std::move(*settings));
    }
  }
  return all;
}

// What is to be started is started by the next tick.
void Negotiations::configure(Settings settings) {
  names_.clear();  // others may be asked for
  for (ike::ConnectionSettings& one : settings) {
    Certificates& known = certificates_[one.name];
    known.chain = one.local_auth.chain;
    known.authorities = one.remote_auth.trust ? one.remote_auth.trust->anchors()
                                              : std::vector<crypto::Certificate>();
    carry_out(engine_.configure(std::move(one), time_now()));
  }
}

// What an earlier control kept. Where peers are and what was negotiated must be known before the
// data plane hears of the children; what is to be done comes after that.
void Negotiations::restore() {
  if (std::exchange(restored_, true)) {
    return;
  }
  live_ = live_children();
  installed_ = live_;
  std::vector<std::uint32_t> spis;
  for (const auto& [spi, child] : live_) {
    spis.push_back(spi);
  }
  std::vector<std::pair<std::uint64_t, crypto::SecretBytes>> states;
  links_.states->for_each([&](std::uint64_t number, std::span<const std::byte> state) {
    states.emplace_back(number, crypto::SecretBytes::copy_of(state));
  });
  for (const auto& [number, state] : states) {
    auto actions = engine_.restore(state.bytes(), spis, time_now());
    if (!actions) {
      log::event(log::Level::warning, log::Subsystem::handshake, "ike_sa_not_restored",
                 {{"reason", actions.error().message}});
      links_.states->remove(number);
      continue;
    }
    std::ranges::move(*actions, std::back_inserter(pending_));
  }
  for (const ike::SaStatus& sa : engine_.sas()) {
    for (const ike::ChildStatus& child : sa.children) {
      if (const auto number = links_.children->find(sa.connection, child.name)) {
        links_.children->adopt(*number, child, sa.path);
      }
    }
  }
  if (!states.empty()) {
    log::event(log::Level::info, log::Subsystem::handshake, "ike_sas_restored",
               {{"kept", states.size()}, {"live", engine_.sas().size()}});
  }
}

std::map<std::uint32_t, std::uint32_t> Negotiations::live_children() const {
  std::map<std::uint32_t, std::uint32_t> live;
  const abi::Directory* directory = links_.dataplane->directory();
  const auto& children = links_.children->all();
  for (std::size_t slot = 0; slot < abi::kMaxSessions; ++slot) {
    const auto seen = read_session(directory->session[slot], slot);
    const auto child = seen ? children.find(seen->peer) : children.end();
    if (child != children.end() && child->second.by_ike && seen->state == abi::SessionState::live) {
      live.emplace(seen->local_id, seen->peer);
    }
  }
  return live;
}

void Negotiations::resync(bool fresh) {
  if (fresh) {
    installed_.clear();
    orphans_.clear();
    carry_out(engine_.on_dataplane_lost(time_now()));
  }
  carry_out(std::exchange(pending_, {}));
  std::set<std::string> known;
  for (const ike::SaStatus& sa : engine_.sas()) {
    if (sa.established_at != 0) {
      known.insert(sa.connection);
    }
  }
  for (const auto& [spi, child] : std::exchange(live_, {})) {
    if (engine_.has_child(spi)) {
      continue;
    }
    installed_.erase(spi);
    if (known.contains(place_of(links_.children->all().at(child)).connection)) {
      links_.dataplane->send(abi::SessionRemove{.local_id = spi});
    } else {
      orphans_[child].push_back(spi);
    }
  }
}

// ---------------------------------------------------------------- from the data plane

bool Negotiations::on_punt(const abi::PacketRecord& packet) {
  if (packet.interface < config_->wireguard.size()) {
    return false;
  }
  const std::size_t skipped = marked(packet) ? kNonEspMarker : 0;
  if (packet.length < skipped) {
    return true;
  }
  const ike::Path path{.local = packet.local,
                       .local_port = ntohs(packet.local_port),
                       .remote = packet.remote,
                       .remote_port = ntohs(packet.remote_port)};
  carry_out(engine_.on_datagram(std::span(packet.payload).subspan(skipped, packet.length - skipped),
                                path, marked(packet), time_now()));
  return true;
}

bool Negotiations::on_event(const abi::EventBody& event) {
  if (const auto* installed = std::get_if<abi::SessionInstalled>(&event)) {
    if (!ours(installed->local_id)) {
      return false;
    }
    carry_out(engine_.on_installed(installed->local_id, time_now()));
    return true;
  }
  if (const auto* confirmed = std::get_if<abi::SessionConfirmed>(&event)) {
    if (!ours(confirmed->local_id)) {
      return false;
    }
    carry_out(engine_.on_confirmed(confirmed->local_id, time_now()));
    return true;
  }
  if (const auto* refused = std::get_if<abi::CommandRefused>(&event)) {
    if (ours(refused->local_id)) {
      installed_.erase(refused->local_id);
      carry_out(engine_.on_refused(refused->local_id, time_now()));
    }
    return false;  // who gives SPIs back looks at it, too
  }
  if (const auto* erased = std::get_if<abi::SessionErased>(&event)) {
    installed_.erase(erased->local_id);
    return false;
  }
  if (const auto* aging = std::get_if<abi::SaAging>(&event)) {
    if (!ours(aging->local_id)) {
      return false;
    }
    carry_out(engine_.on_aging(aging->local_id, aging->hard != 0, time_now()));
    return true;
  }
  if (const auto* need = std::get_if<abi::NeedHandshake>(&event)) {
    const auto child = links_.children->all().find(need->peer);
    if (child == links_.children->all().end() || !child->second.by_ike) {
      return false;
    }
    const Place place = place_of(child->second);
    carry_out(engine_.acquire(place.connection, place.child, time_now()));
    return true;
  }
  return false;
}

void Negotiations::on_tick() {
  if (speaks_ && links_.dataplane->attached()) {
    ask_for_names(boottime_now());
    carry_out(engine_.on_tick(time_now()));
  }
}

Negotiations::Place Negotiations::place_of(const IpsecChild& child) const {
  return {.connection = connection_name(links_.children->ipsec_of(child),
                                        links_.children->connection_of(child)),
          .child = links_.children->settings_of(child).name};
}

}  // namespace gotthard::control
