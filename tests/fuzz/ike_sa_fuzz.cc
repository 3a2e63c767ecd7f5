// Security Association payloads.
#include "control/ike/message/sa_payload.h"
#include "tests/fuzz/ike.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gotthard::ike;
  const Bytes body = fuzz::view(data, size);
  fuzz::round_trip(body, parse_security_association,
                   [](ChainWriter& chain, const SecurityAssociation& sa) { add(chain, sa); });
  if (const auto sa = parse_security_association(body)) {
    fuzz::require(!sa->proposals.empty() && sa->proposals.size() <= kMaxProposals);
    for (const Proposal& proposal : sa->proposals) {
      fuzz::require(proposal.transforms.size() <= kMaxTransforms);
    }
  }
  return 0;
}
