#include "control/ike/message/notify_payload.h"

namespace gotthard::ike {
namespace {

constexpr std::size_t kEspSpi = 4;

}  // namespace

std::optional<Notify> parse_notify(Bytes body) {
  Reader reader(body);
  Notify notify;
  notify.protocol = static_cast<Protocol>(reader.u8());
  const std::size_t spi_size = reader.u8();
  notify.type = static_cast<NotifyType>(reader.u16());
  if (spi_size == kEspSpi) {
    notify.spi = reader.u32();
  } else {
    reader.skip(spi_size);
  }
  notify.data = reader.rest();
  return reader.ok() ? std::optional(notify) : std::nullopt;
}

// RFC 7296, section 3.10.
void add(ChainWriter& chain, const Notify& notify) {
  chain.add(PayloadType::notify, [&](Writer& writer) {
    writer.u8(static_cast<std::uint8_t>(notify.protocol));
    writer.u8(notify.spi ? kEspSpi : 0);
    writer.u16(static_cast<std::uint16_t>(notify.type));
    if (notify.spi) {
      writer.u32(*notify.spi);
    }
    writer.bytes(notify.data);
  });
}

std::optional<Delete> parse_delete(Bytes body) {
  Reader reader(body);
  Delete payload;
  payload.protocol = static_cast<Protocol>(reader.u8());
  const std::size_t size = reader.u8();
  const std::size_t count = reader.u16();
  if (!reader.ok() || size * count != reader.remaining() || count > Delete::kMaxSpis) {
    return std::nullopt;
  }
  const bool esp = payload.protocol == Protocol::esp || payload.protocol == Protocol::ah;
  if ((esp && size != kEspSpi) || (payload.protocol == Protocol::ike && size != 0)) {
    return std::nullopt;
  }
  for (std::size_t i = 0; esp && i < count; ++i) {
    payload.spis.push_back(reader.u32());
  }
  return payload;
}

// RFC 7296, section 3.11.
void add(ChainWriter& chain, const Delete& payload) {
  chain.add(PayloadType::delete_sa, [&](Writer& writer) {
    const bool ike = payload.protocol == Protocol::ike;
    if (payload.spis.size() > Delete::kMaxSpis) {
      writer.fail();
      return;
    }
    writer.u8(static_cast<std::uint8_t>(payload.protocol));
    writer.u8(ike ? 0 : kEspSpi);
    writer.u16(static_cast<std::uint16_t>(payload.spis.size()));
    for (const std::uint32_t spi : payload.spis) {
      writer.u32(spi);
    }
  });
}

// RFC 7296, section 3.12.
void add_vendor_id(ChainWriter& chain, Bytes id) {
  chain.add(PayloadType::vendor_id, [&](Writer& writer) { writer.bytes(id); });
}

}  // namespace gotthard::ike
