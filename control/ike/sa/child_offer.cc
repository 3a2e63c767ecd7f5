// Children as their initiator has them (RFC 7296, sections 1.2, 1.3.1 and 2.9).
#include "control/ike/proposal/proposal_text.h"
#include "control/ike/proposal/selection.h"
#include "control/ike/sa/child_install.h"
#include "control/ike/sa/children.h"
#include "control/ike/sa/key_share.h"
#include "control/ike/sa/selectors.h"

namespace gotthard::ike {
namespace {

constexpr std::uint8_t kEspSpiSize = 4;

tl::unexpected<Refusal> refused(Cause cause, std::string text) {
  return tl::unexpected(Refusal{cause, std::move(text)});
}

}  // namespace

std::optional<ChildOffer> make_offer(Turn& turn, const IkeSa& sa, const ChildSettings& settings,
                                     std::uint32_t replaces) {
  const auto spi = turn.core.services.allocate_spi();
  if (!spi) {
    return std::nullopt;
  }
  ChildOffer offer{.name = settings.name,
                   .local_spi = *spi,
                   .replaces = replaces,
                   .proposals = settings.proposals,
                   .local_ts = selectors_of(settings.local_ts, sa.path.local),
                   .remote_ts = selectors_of(settings.remote_ts, sa.path.remote)};
  for (Proposal& proposal : offer.proposals) {
    proposal.spi = *spi;
    proposal.spi_size = kEspSpiSize;
  }
  return offer;
}

void add_offer(ChainWriter& chain, const ChildOffer& offer, ChildMode mode, bool in_auth) {
  if (mode == ChildMode::transport) {
    add(chain, Notify{.type = NotifyType::use_transport_mode});
  }
  add(chain, Notify{.type = NotifyType::esp_tfc_padding_not_supported});
  add(chain, SecurityAssociation{in_auth ? without_groups(offer.proposals) : offer.proposals});
  if (!in_auth) {
    add_nonce(chain, offer.nonce);
    add_key_exchange(chain, offer.share);
  }
  add(chain, PayloadType::ts_initiator, offer.local_ts);
  add(chain, PayloadType::ts_responder, offer.remote_ts);
}

void drop_offer(Turn& turn, const ChildOffer& offer) {
  turn.core.services.release_spi(offer.local_spi);
}

tl::expected<std::uint32_t, Refusal> accept_answer(Turn& turn, IkeSa& sa, const ChildOffer& offer,
                                                   const Payloads& answer,
                                                   const ChildSecrets& secrets) {
  const ChildSettings* settings = sa.connection->child(offer.name);
  if (settings == nullptr || !answer.sa || !answer.ts_initiator || !answer.ts_responder) {
    return refused(Cause::invalid_message, "the answer for the child is not whole");
  }
  const auto key_exchange = secrets.shared.empty() && offer.nonce.empty() ? KeyExchangeOf::ike_sa
                                                                          : KeyExchangeOf::proposal;
  const auto proposal = accept(offer.proposals, *answer.sa, key_exchange);
  const auto suite = proposal ? esp_suite(*proposal) : std::nullopt;
  if (!suite || proposal->spi_size != kEspSpiSize || proposal->spi == 0) {
    return refused(Cause::no_common_child_proposal,
                   "the answer " + to_string(answer.sa->proposals) + " is none of ours");
  }
  if ((suite->group != GroupId::none) == secrets.shared.empty()) {
    return refused(Cause::invalid_message, "the answer's key exchange is not that of its proposal");
  }
  if (!within(*answer.ts_initiator, offer.local_ts) ||
      !within(*answer.ts_responder, offer.remote_ts) || answer.ts_initiator->selectors.empty() ||
      answer.ts_responder->selectors.empty()) {
    return refused(Cause::ts_unacceptable, "the answer's selectors are not within ours");
  }
  ChildSa child{.name = offer.name,
                .local_spi = offer.local_spi,
                .remote_spi = static_cast<std::uint32_t>(proposal->spi),
                .replaces = offer.replaces,
                .suite = *suite,
                .transport = settings->mode == ChildMode::transport &&
                             answer.has(NotifyType::use_transport_mode),
                .initiator = true,
                .local_ts = *answer.ts_initiator,
                .remote_ts = *answer.ts_responder};
  install(turn, sa, std::move(child), *settings, secrets);
  return offer.local_spi;
}

}  // namespace gotthard::ike
