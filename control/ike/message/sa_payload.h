// Security Association payloads: proposals, transforms, attributes (RFC 7296, section 3.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "control/ike/message/chain.h"
#include "control/ike/message/numbers.h"

namespace gotthard::ike {

// charon offers some 60 transforms in two proposals; others a proposal for each combination.
inline constexpr std::size_t kMaxProposals = 64;
inline constexpr std::size_t kMaxTransforms = 128;  // of one proposal
inline constexpr std::size_t kMaxSpiSize = 8;

struct Transform {
  TransformType type = TransformType::encryption;  // may hold types that are not known
  std::uint16_t id = 0;
  std::optional<std::uint16_t> key_length;  // bits
  // It has an attribute that is not known: such a transform is not chosen (section 3.3.6).
  bool foreign_attribute = false;
  bool operator==(const Transform&) const = default;
};

struct Proposal {
  std::uint8_t number = 1;
  Protocol protocol = Protocol::ike;
  std::uint64_t spi = 0;      // the number whose big-endian bytes are on the wire
  std::uint8_t spi_size = 0;  // bytes: 0, 4 or 8
  std::vector<Transform> transforms;
  bool operator==(const Proposal&) const = default;
};

struct SecurityAssociation {
  std::vector<Proposal> proposals;
  bool operator==(const SecurityAssociation&) const = default;
};

[[nodiscard]] std::optional<SecurityAssociation> parse_security_association(Bytes body);
void add(ChainWriter& chain, const SecurityAssociation& sa);

}  // namespace gotthard::ike
