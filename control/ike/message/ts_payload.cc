#include "control/ike/message/ts_payload.h"

#include <algorithm>
#include <span>

namespace gotthard::ike {
namespace {

constexpr std::size_t kSelectorHeader = 8;

std::size_t address_size(abi::Family family) { return family == abi::Family::ipv4 ? 4 : 16; }

abi::Address parse_address(Reader& reader, abi::Family family) {
  abi::Address address{.family = family};
  const Bytes bytes = reader.bytes(address_size(family));
  std::ranges::copy(bytes, std::as_writable_bytes(std::span(address.bytes)).begin());
  return address;
}

void write(Writer& writer, const abi::Address& address) {
  writer.bytes(std::as_bytes(std::span(address.bytes)).first(address_size(address.family)));
}

// RFC 7296, section 3.13.1.
void write(Writer& writer, const TrafficSelector& selector) {
  const std::size_t start = writer.size();
  const bool ipv4 = selector.first.family == abi::Family::ipv4;
  writer.u8(static_cast<std::uint8_t>(ipv4 ? TsType::ipv4_range : TsType::ipv6_range));
  writer.u8(selector.protocol);
  writer.u16(0);
  writer.u16(selector.first_port);
  writer.u16(selector.last_port);
  write(writer, selector.first);
  write(writer, selector.last);
  writer.patch_length(start + 2, start);
}

std::optional<abi::Family> family_of(TsType type) {
  switch (type) {
    case TsType::ipv4_range:
      return abi::Family::ipv4;
    case TsType::ipv6_range:
      return abi::Family::ipv6;
  }
  return std::nullopt;
}

// `reader` holds this selector alone, after its length.
TrafficSelector parse_selector(Reader& reader, std::uint8_t protocol, abi::Family family) {
  TrafficSelector selector{.protocol = protocol};
  selector.first_port = reader.u16();
  selector.last_port = reader.u16();
  selector.first = parse_address(reader, family);
  selector.last = parse_address(reader, family);
  const bool opaque = selector.first_port == 0xffff && selector.last_port == 0;
  if (!reader.at_end() || selector.last < selector.first ||
      (selector.last_port < selector.first_port && !opaque)) {
    reader.fail();
  }
  return selector;
}

}  // namespace

std::optional<TrafficSelectors> parse_traffic_selectors(Bytes body) {
  Reader reader(body);
  TrafficSelectors result;
  const std::size_t count = reader.u8();
  reader.skip(3);
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    const auto type = static_cast<TsType>(reader.u8());
    const std::uint8_t protocol = reader.u8();
    const std::size_t length = reader.u16();
    if (length < kSelectorHeader) {
      return std::nullopt;
    }
    Reader selector(reader.bytes(length - 4));
    if (const auto family = family_of(type); family && reader.ok()) {
      result.selectors.push_back(parse_selector(selector, protocol, *family));
      if (!selector.ok()) {
        return std::nullopt;
      }
    }
  }
  if (count == 0 || !reader.ok() || !reader.at_end()) {
    return std::nullopt;
  }
  return result;
}

// RFC 7296, section 3.13.
void add(ChainWriter& chain, PayloadType payload, const TrafficSelectors& selectors) {
  chain.add(payload, [&](Writer& writer) {
    if (selectors.selectors.size() > TrafficSelectors::kMax) {
      writer.fail();
      return;
    }
    writer.u8(static_cast<std::uint8_t>(selectors.selectors.size()));
    writer.u8(0);
    writer.u16(0);
    for (const TrafficSelector& selector : selectors.selectors) {
      write(writer, selector);
    }
  });
}

}  // namespace gotthard::ike
