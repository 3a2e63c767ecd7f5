// Children as their responder has them (RFC 7296, sections 1.2, 1.3.1 and 2.9).
#include "control/ike/proposal/proposal_text.h"
#include "control/ike/proposal/selection.h"
#include "control/ike/sa/child_install.h"
#include "control/ike/sa/children.h"
#include "control/ike/sa/key_share.h"
#include "control/ike/sa/selectors.h"

namespace gotthard::ike {
namespace {

struct Fit {
  const ChildSettings* settings = nullptr;
  TrafficSelectors local_ts;
  TrafficSelectors remote_ts;
  bool whole = false;  // nothing of the offer is lost
};

Fit fit_of(const ChildSettings& settings, const IkeSa& sa, const Payloads& offer) {
  Fit fit{.settings = &settings};
  fit.local_ts = narrowed(selectors_of(settings.local_ts, sa.path.local), *offer.ts_responder);
  fit.remote_ts = narrowed(selectors_of(settings.remote_ts, sa.path.remote), *offer.ts_initiator);
  fit.whole =
      within(*offer.ts_responder, fit.local_ts) && within(*offer.ts_initiator, fit.remote_ts);
  return fit;
}

// The child whose selectors the offer fits without loss, else the first that it fits at all.
Fit best_fit(const IkeSa& sa, const Payloads& offer, const ChildSa* replaced) {
  Fit best;
  for (const ChildSettings& settings : sa.connection->children) {
    if (replaced != nullptr && replaced->name != settings.name) {
      continue;
    }
    Fit fit = fit_of(settings, sa, offer);
    const bool fits = !fit.local_ts.selectors.empty() && !fit.remote_ts.selectors.empty();
    if (fits && (best.settings == nullptr || (fit.whole && !best.whole))) {
      best = std::move(fit);
    }
  }
  return best;
}

std::string offered_proposals(const ChildSettings& settings, const Payloads& offer) {
  return "ours " + to_string(settings.proposals) + "; theirs " + to_string(offer.sa->proposals);
}

}  // namespace

tl::expected<Chosen, Declined> choose_child(const IkeSa& sa, const Payloads& offer, bool in_auth,
                                            const ChildSa* replaced) {
  if (!offer.sa || !offer.ts_initiator || !offer.ts_responder) {
    return tl::unexpected(Declined{.type = NotifyType::invalid_syntax,
                                   .cause = Cause::invalid_message,
                                   .text = "the request for a child is not whole"});
  }
  const Fit fit = best_fit(sa, offer, replaced);
  if (fit.settings == nullptr) {
    return tl::unexpected(Declined{.type = NotifyType::ts_unacceptable,
                                   .cause = Cause::ts_unacceptable,
                                   .text = "no child has selectors in common with the offer"});
  }
  const auto proposal = choose(fit.settings->proposals, *offer.sa,
                               in_auth ? KeyExchangeOf::ike_sa : KeyExchangeOf::proposal);
  const auto suite = proposal ? esp_suite(*proposal) : std::nullopt;
  if (!suite || proposal->spi_size != 4 || proposal->spi == 0) {
    return tl::unexpected(Declined{.type = NotifyType::no_proposal_chosen,
                                   .cause = Cause::no_common_child_proposal,
                                   .text = offered_proposals(*fit.settings, offer)});
  }
  if (suite->group != GroupId::none && (!offer.ke || offer.ke->group != suite->group)) {
    return tl::unexpected(Declined{.type = NotifyType::invalid_ke_payload,
                                   .data = group_data(suite->group),
                                   .cause = Cause::done});
  }
  // A peer behind a NAT does not know which addresses its packets have here: not as host to host.
  const bool transport = fit.settings->mode == ChildMode::transport && !sa.nat_here &&
                         !sa.nat_there && offer.has(NotifyType::use_transport_mode);
  return Chosen{fit.settings, *proposal, *suite, fit.local_ts, fit.remote_ts, transport};
}

std::optional<std::uint32_t> add_chosen(Turn& turn, IkeSa& sa, const Chosen& chosen,
                                        std::uint32_t replaces, const ChildSecrets& secrets) {
  const auto spi = turn.core.services.allocate_spi();
  if (!spi) {
    return std::nullopt;
  }
  ChildSa child{.name = chosen.settings->name,
                .local_spi = *spi,
                .remote_spi = static_cast<std::uint32_t>(chosen.proposal.spi),
                .replaces = replaces,
                .suite = chosen.suite,
                .transport = chosen.transport,
                .initiator = false,
                .local_ts = chosen.local_ts,
                .remote_ts = chosen.remote_ts};
  install(turn, sa, std::move(child), *chosen.settings, secrets);
  return spi;
}

void add_answer(ChainWriter& chain, Chosen chosen, std::uint32_t local_spi, Bytes nonce,
                const KeyShare* share) {
  if (chosen.transport) {
    add(chain, Notify{.type = NotifyType::use_transport_mode});
  }
  add(chain, Notify{.type = NotifyType::esp_tfc_padding_not_supported});
  chosen.proposal.spi = local_spi;
  add(chain, SecurityAssociation{{std::move(chosen.proposal)}});
  if (!nonce.empty()) {
    add_nonce(chain, nonce);
  }
  if (share != nullptr) {
    add_key_exchange(chain, *share);
  }
  add(chain, PayloadType::ts_initiator, chosen.remote_ts);
  add(chain, PayloadType::ts_responder, chosen.local_ts);
}

}  // namespace gotthard::ike
