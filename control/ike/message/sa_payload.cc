#include "control/ike/message/sa_payload.h"

namespace gotthard::ike {
namespace {

constexpr std::uint8_t kLast = 0;
constexpr std::uint8_t kMoreProposals = 2;
constexpr std::uint8_t kMoreTransforms = 3;
constexpr std::size_t kProposalHeader = 8;
constexpr std::size_t kTransformHeader = 8;
constexpr std::uint16_t kShortAttribute = 0x8000;  // type and value only
constexpr std::uint16_t kKeyLength = 14;

void parse_attributes(Reader& reader, Transform& transform) {
  while (!reader.at_end()) {
    const std::uint16_t type = reader.u16();
    if ((type & kShortAttribute) == 0) {
      reader.skip(reader.u16());
      transform.foreign_attribute = true;
    } else if (type == (kShortAttribute | kKeyLength) && !transform.key_length) {
      transform.key_length = reader.u16();
    } else {
      reader.skip(2);
      transform.foreign_attribute = true;
    }
  }
}

Transform parse_transform(Reader& reader, bool last) {
  Transform transform;
  const std::uint8_t more = reader.u8();
  reader.skip(1);
  const std::size_t length = reader.u16();
  transform.type = static_cast<TransformType>(reader.u8());
  reader.skip(1);
  transform.id = reader.u16();
  if (more != (last ? kLast : kMoreTransforms) || length < kTransformHeader) {
    reader.fail();
  }
  Reader attributes(reader.bytes(length - kTransformHeader));
  parse_attributes(attributes, transform);
  if (!attributes.ok()) {
    reader.fail();
  }
  return transform;
}

// `reader` holds this proposal alone, after its length.
Proposal parse_proposal(Reader& reader) {
  Proposal proposal;
  proposal.number = reader.u8();
  proposal.protocol = static_cast<Protocol>(reader.u8());
  proposal.spi_size = reader.u8();
  const std::size_t count = reader.u8();
  if (count > kMaxTransforms || proposal.spi_size > kMaxSpiSize) {
    reader.fail();
  }
  for (const std::byte byte : reader.bytes(proposal.spi_size)) {
    proposal.spi = proposal.spi << 8 | static_cast<std::uint64_t>(byte);
  }
  for (std::size_t i = 1; i <= count && reader.ok(); ++i) {
    proposal.transforms.push_back(parse_transform(reader, i == count));
  }
  if (!reader.at_end()) {
    reader.fail();
  }
  return proposal;
}

// RFC 7296, sections 3.3.2 and 3.3.5.
void write(Writer& writer, const Transform& transform, bool last) {
  const std::size_t start = writer.size();
  writer.u8(last ? kLast : kMoreTransforms);
  writer.u8(0);
  writer.u16(0);
  writer.u8(static_cast<std::uint8_t>(transform.type));
  writer.u8(0);
  writer.u16(transform.id);
  if (transform.key_length) {
    writer.u16(kShortAttribute | kKeyLength);
    writer.u16(*transform.key_length);
  }
  writer.patch_length(start + 2, start);
}

// RFC 7296, section 3.3.1.
void write(Writer& writer, const Proposal& proposal, bool last) {
  const std::size_t start = writer.size();
  if (proposal.transforms.size() > kMaxTransforms || proposal.spi_size > kMaxSpiSize) {
    writer.fail();
    return;
  }
  writer.u8(last ? kLast : kMoreProposals);
  writer.u8(0);
  writer.u16(0);
  writer.u8(proposal.number);
  writer.u8(static_cast<std::uint8_t>(proposal.protocol));
  writer.u8(proposal.spi_size);
  writer.u8(static_cast<std::uint8_t>(proposal.transforms.size()));
  for (std::size_t shift = 8U * proposal.spi_size; shift > 0; shift -= 8) {
    writer.u8(static_cast<std::uint8_t>(proposal.spi >> (shift - 8)));
  }
  for (const Transform& transform : proposal.transforms) {
    write(writer, transform, &transform == &proposal.transforms.back());
  }
  writer.patch_length(start + 2, start);
}

}  // namespace

std::optional<SecurityAssociation> parse_security_association(Bytes body) {
  SecurityAssociation sa;
  Reader reader(body);
  bool more = true;
  while (more && reader.ok()) {
    const std::uint8_t follows = reader.u8();
    reader.skip(1);
    const std::size_t length = reader.u16();
    if ((follows != kLast && follows != kMoreProposals) || length < kProposalHeader ||
        sa.proposals.size() == kMaxProposals) {
      return std::nullopt;
    }
    Reader proposal(reader.bytes(length - 4));
    sa.proposals.push_back(parse_proposal(proposal));
    if (!proposal.ok()) {
      return std::nullopt;
    }
    more = follows == kMoreProposals;
  }
  if (!reader.ok() || !reader.at_end()) {
    return std::nullopt;
  }
  return sa;
}

void add(ChainWriter& chain, const SecurityAssociation& sa) {
  chain.add(PayloadType::security_association, [&](Writer& writer) {
    for (const Proposal& proposal : sa.proposals) {
      write(writer, proposal, &proposal == &sa.proposals.back());
    }
  });
}

}  // namespace gotthard::ike
