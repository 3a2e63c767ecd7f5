#include "control/ike/proposal/selection.h"

#include <algorithm>
#include <array>

#include "control/ike/proposal/suite.h"

namespace gotthard::ike {
namespace {

constexpr std::array kTypes = {TransformType::encryption, TransformType::integrity,
                               TransformType::prf, TransformType::key_exchange,
                               TransformType::extended_sequence_numbers};

using Transforms = std::vector<Transform>;

Transforms of_type(const Proposal& proposal, TransformType type) {
  Transforms result;
  std::ranges::copy_if(proposal.transforms, std::back_inserter(result), [type](const auto& one) {
    return one.type == type && !one.foreign_attribute;
  });
  return result;
}

// A type that is absent stands for its number 0: NONE, and 32-bit sequence numbers. There is no
// such encryption or PRF.
Transforms with_absent(Transforms transforms, TransformType type) {
  const bool has_zero = type == TransformType::integrity || type == TransformType::key_exchange ||
                        type == TransformType::extended_sequence_numbers;
  if (transforms.empty() && has_zero) {
    transforms.push_back({.type = type, .id = 0});
  }
  return transforms;
}

bool knows_all_types(const Proposal& proposal) {
  return std::ranges::all_of(proposal.transforms, [](const Transform& transform) {
    return std::ranges::find(kTypes, transform.type) != kTypes.end();
  });
}

// Of a type that was offered at all, the answer names the choice, NONE too (section 3.3.6).
bool names(const Proposal& offered, TransformType type) {
  return std::ranges::find(offered.transforms, type, &Transform::type) != offered.transforms.end();
}

std::optional<Proposal> choose(const Proposal& ours, const Proposal& offered,
                               KeyExchangeOf key_exchange) {
  if (ours.protocol != offered.protocol || !knows_all_types(offered)) {
    return std::nullopt;
  }
  Proposal chosen{.number = offered.number,
                  .protocol = offered.protocol,
                  .spi = offered.spi,
                  .spi_size = offered.spi_size};
  for (const TransformType type : kTypes) {
    if (type == TransformType::key_exchange && key_exchange == KeyExchangeOf::ike_sa) {
      continue;
    }
    const Transforms wanted = with_absent(of_type(ours, type), type);
    const Transforms there = with_absent(of_type(offered, type), type);
    const auto found = std::ranges::find_if(wanted, [&](const Transform& transform) {
      return std::ranges::find(there, transform) != there.end();
    });
    if (found != wanted.end()) {
      if (names(offered, type)) {
        chosen.transforms.push_back(*found);
      }
    } else if (!wanted.empty() || !there.empty()) {
      return std::nullopt;
    }
  }
  return chosen;
}

}  // namespace

std::optional<Proposal> choose(const std::vector<Proposal>& ours,
                               const SecurityAssociation& offered, KeyExchangeOf key_exchange) {
  for (const Proposal& own : ours) {
    for (const Proposal& other : offered.proposals) {
      if (auto chosen = choose(own, other, key_exchange)) {
        return chosen;
      }
    }
  }
  return std::nullopt;
}

std::optional<Proposal> accept(const std::vector<Proposal>& ours, const SecurityAssociation& answer,
                               KeyExchangeOf key_exchange) {
  if (answer.proposals.size() != 1) {
    return std::nullopt;
  }
  const Proposal& one = answer.proposals.front();
  const auto offered = std::ranges::find(ours, one.number, &Proposal::number);
  if (offered == ours.end()) {
    return std::nullopt;
  }
  for (const TransformType type : kTypes) {
    if (std::ranges::count(one.transforms, type, &Transform::type) > 1) {
      return std::nullopt;
    }
  }
  return choose(*offered, one, key_exchange);
}

std::vector<GroupId> groups_of(const std::vector<Proposal>& proposals) {
  std::vector<GroupId> groups;
  for (const Proposal& proposal : proposals) {
    for (const Transform& transform :
         with_absent(of_type(proposal, TransformType::key_exchange), TransformType::key_exchange)) {
      const auto group = static_cast<GroupId>(transform.id);
      if (std::ranges::find(groups, group) == groups.end()) {
        groups.push_back(group);
      }
    }
  }
  return groups;
}

std::vector<Proposal> without_groups(std::vector<Proposal> proposals) {
  for (Proposal& proposal : proposals) {
    std::erase_if(proposal.transforms, [](const Transform& transform) {
      return transform.type == TransformType::key_exchange;
    });
  }
  return proposals;
}

}  // namespace gotthard::ike
