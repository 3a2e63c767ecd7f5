#include "control/ike/message/key_payloads.h"

namespace gotthard::ike {

std::optional<KeyExchange> parse_key_exchange(Bytes body) {
  Reader reader(body);
  KeyExchange ke;
  ke.group = static_cast<GroupId>(reader.u16());
  reader.skip(2);
  ke.data = reader.rest();
  return reader.ok() && !ke.data.empty() ? std::optional(ke) : std::nullopt;
}

// RFC 7296, section 3.4.
void add(ChainWriter& chain, const KeyExchange& ke) {
  chain.add(PayloadType::key_exchange, [&](Writer& writer) {
    writer.u16(static_cast<std::uint16_t>(ke.group));
    writer.u16(0);
    writer.bytes(ke.data);
  });
}

std::optional<Bytes> parse_nonce(Bytes body) {
  return body.size() >= kMinNonce && body.size() <= kMaxNonce ? std::optional(body) : std::nullopt;
}

// RFC 7296, section 3.9.
void add_nonce(ChainWriter& chain, Bytes nonce) {
  chain.add(PayloadType::nonce, [&](Writer& writer) { writer.bytes(nonce); });
}

}  // namespace gotthard::ike
