#include "tools/supervisor/claim_parts.h"

#include <span>
#include <utility>

namespace gotthard::supervisor {

Result<std::optional<ClaimParts::Claim>> ClaimParts::take(const broker::TunnelPrefixes& part,
                                                          const Claims& in_force) {
  if (part.interface >= in_force.size()) {
    begun_.reset();
    return fail("there is no such tunnel");
  }
  if (!begun_ || begun_->interface != part.interface) {
    begun_ =
        Claim{.interface = part.interface,
              .prefixes = part.whole != 0 ? std::set<config::Prefix>() : in_force[part.interface]};
  }
  for (const auto& [address, length, claimed] : std::span(part.prefixes).first(part.count)) {
    const config::Prefix prefix{.address = address, .length = length};
    if (claimed != 0) {
      begun_->prefixes.insert(prefix);
    } else {
      begun_->prefixes.erase(prefix);
    }
  }
  if (begun_->prefixes.size() > kMost) {
    begun_.reset();
    return fail("a tunnel claims at most {} prefixes", kMost);
  }
  return part.last != 0 ? std::exchange(begun_, std::nullopt) : std::nullopt;
}

}  // namespace gotthard::supervisor
