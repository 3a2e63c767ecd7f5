// The life of child SAs within an IKE SA: offered, accepted, installed, removed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/ike/message/payloads.h"
#include "control/ike/sa/core.h"

namespace gotthard::ike {

// With an SPI of its own. Nothing: there is none left. Neither nonce nor share are made.
[[nodiscard]] std::optional<ChildOffer> make_offer(Turn& turn, const IkeSa& sa,
                                                   const ChildSettings& settings,
                                                   std::uint32_t replaces);
// [N(USE_TRANSPORT_MODE)], N(ESP_TFC_PADDING_NOT_SUPPORTED), SA, [Ni, [KEi]], TSi, TSr.
void add_offer(ChainWriter& chain, const ChildOffer& offer, ChildMode mode, bool in_auth);
// It comes to nothing; its SPI is free again.
void drop_offer(Turn& turn, const ChildOffer& offer);

// What both exchanges give for keys.
struct ChildSecrets {
  Nonces nonces;
  std::span<const crypto::SecretBytes> shared;  // of an exchange of its own; else empty
};

// The responder's answer to our offer. Its SPI passes to the child, which is installed.
// `in_use`: another one is sealed with, until this one is there.
struct Refusal {
  Cause cause = Cause::refused;
  std::string text;
};
[[nodiscard]] tl::expected<std::uint32_t, Refusal> accept_answer(Turn& turn, IkeSa& sa,
                                                                 const ChildOffer& offer,
                                                                 const Payloads& answer,
                                                                 const ChildSecrets& secrets);

// As responder. What is chosen for an offer, before it is keyed.
struct Chosen {
  const ChildSettings* settings = nullptr;
  Proposal proposal;
  EspSuite suite;
  TrafficSelectors local_ts;
  TrafficSelectors remote_ts;
  bool transport = false;
};
struct Declined {
  NotifyType type = NotifyType::no_proposal_chosen;
  Buffer data;  // of the notify
  Cause cause = Cause::refused;
  std::string text;
};
// `replaced`: what it rekeys; null: a new one.
[[nodiscard]] tl::expected<Chosen, Declined> choose_child(const IkeSa& sa, const Payloads& offer,
                                                          bool in_auth, const ChildSa* replaced);
// Installs it. Nothing: there is no SPI left.
[[nodiscard]] std::optional<std::uint32_t> add_chosen(Turn& turn, IkeSa& sa, const Chosen& chosen,
                                                      std::uint32_t replaces,
                                                      const ChildSecrets& secrets);
// SA, [Nr, [KEr]], TSi, TSr and notifies of what was chosen, under our SPI.
void add_answer(ChainWriter& chain, Chosen chosen, std::uint32_t local_spi, Bytes nonce,
                const KeyShare* share);

// Gone at both ends: told to the data plane now, or soon when another one carries its traffic.
void remove_child(Turn& turn, IkeSa& sa, std::uint32_t local_spi, Cause cause);
// Another pair of the same child with the same peer that is there, whatever its IKE SA.
[[nodiscard]] ChildSa* sibling(Core& core, const IkeSa& sa, const std::string& child,
                               std::uint32_t but);

// The data plane has none but those of `live`: the others are deleted, and made again if they were
// not about to end.
void lose_children(Turn& turn, IkeSa& sa, const std::vector<std::uint32_t>& live);

// What the connection wants of this child from now on, after it has ended so.
void child_ended(Turn& turn, const IkeSa& sa, const std::string& child, Restart what);

}  // namespace gotthard::ike
