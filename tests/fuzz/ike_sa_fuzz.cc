// Security Association payloads, and choosing among what they offer.
#include "control/ike/message/sa_payload.h"
#include "control/ike/proposal/proposal_text.h"
#include "control/ike/proposal/selection.h"
#include "control/ike/proposal/suite.h"
#include "tests/fuzz/ike.h"

namespace {

using namespace gotthard::ike;

// What is chosen can be used, and the side that made the offer accepts it.
void choose_and_accept(Protocol protocol, const SecurityAssociation& offered) {
  static const auto ike = default_proposals(Protocol::ike);
  static const auto esp = default_proposals(Protocol::esp);
  const auto& ours = protocol == Protocol::ike ? ike : esp;
  const auto chosen = choose(ours, offered, KeyExchangeOf::proposal);
  if (!chosen) {
    return;
  }
  const bool usable =
      protocol == Protocol::ike ? ike_suite(*chosen).has_value() : esp_suite(*chosen).has_value();
  fuzz::require(usable && !to_string(*chosen).empty());
  for (const Proposal& proposal : offered.proposals) {
    if (proposal.number == chosen->number &&
        accept({proposal}, {{*chosen}}, KeyExchangeOf::proposal)) {
      return;
    }
  }
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes body = fuzz::view(data, size);
  fuzz::round_trip(body, parse_security_association,
                   [](ChainWriter& chain, const SecurityAssociation& sa) { add(chain, sa); });
  if (const auto sa = parse_security_association(body)) {
    fuzz::require(!sa->proposals.empty() && sa->proposals.size() <= kMaxProposals);
    for (const Proposal& proposal : sa->proposals) {
      fuzz::require(proposal.transforms.size() <= kMaxTransforms);
    }
    choose_and_accept(Protocol::ike, *sa);
    choose_and_accept(Protocol::esp, *sa);
  }
  return 0;
}
