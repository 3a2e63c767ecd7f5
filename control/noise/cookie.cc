#include "control/noise/cookie.h"

#include <algorithm>
#include <string_view>

#include "crypto/bytes.h"
#include "crypto/handshake_aead.h"

namespace gotthard::noise {
namespace {

crypto::Hash label_key(std::string_view label, const crypto::PublicKey& receiver) {
  return crypto::blake2s(std::as_bytes(std::span(label)), crypto::bytes_of(receiver));
}

bool equal(const MessageMac& a, const MessageMac& b) {
  return crypto::equal(crypto::bytes_of(a), crypto::bytes_of(b));
}

}  // namespace

crypto::Hash mac1_key(const crypto::PublicKey& receiver) { return label_key("mac1----", receiver); }
crypto::Hash cookie_key(const crypto::PublicKey& receiver) {
  return label_key("cookie--", receiver);
}

CookieChecker::CookieChecker(const crypto::PublicKey& receiver, Randomness randomness)
    : mac1_key_(noise::mac1_key(receiver)),
      cookie_key_(noise::cookie_key(receiver)),
      randomness_(std::move(randomness)) {}

bool CookieChecker::mac1_valid(std::span<const std::byte> message, const MessageMac& mac1,
                               crypto::Blake2sMac& mac) const {
  return equal(mac.mac(crypto::bytes_of(mac1_key_), message), mac1);
}

bool CookieChecker::mac2_valid(std::span<const std::byte> message, const MessageMac& mac2,
                               const Endpoint& from, Nanoseconds now, crypto::Blake2sMac& mac) {
  const crypto::Mac cookie = cookie_for(from, now, mac);
  return equal(mac.mac(crypto::bytes_of(cookie), message), mac2);
}

crypto::Mac CookieChecker::cookie_for(const Endpoint& from, Nanoseconds now,
                                      crypto::Blake2sMac& mac) {
  if (!secret_made_ || now - *secret_made_ >= kCookieLifetime) {
    randomness_(secret_.bytes());
    secret_made_ = now;
  }
  // The address, 4 or 16 bytes, and the port, both as on the wire.
  std::array<std::byte, 18> source{};
  const std::size_t length = from.address.family == abi::Family::ipv4 ? 4 : 16;
  const auto address = crypto::bytes_of(from.address.bytes).first(length);
  const auto port = std::as_bytes(std::span(&from.port, 1));
  std::ranges::copy(address, source.begin());
  std::ranges::copy(port, source.begin() + static_cast<std::ptrdiff_t>(length));
  return mac.mac(secret_.bytes(), std::span(source).first(length + 2));
}

CookieReply CookieChecker::reply(const WireIndex& sender, const MessageMac& mac1,
                                 const Endpoint& from, Nanoseconds now, crypto::Blake2sMac& mac) {
  CookieReply reply;
  reply.receiver = sender;
  randomness_(crypto::writable_bytes_of(reply.nonce));
  const crypto::Mac cookie = cookie_for(from, now, mac);
  crypto::xseal(crypto::bytes_of(cookie_key_), reply.nonce, crypto::bytes_of(cookie),
                crypto::bytes_of(mac1), crypto::writable_bytes_of(reply.encrypted_cookie));
  return reply;
}

CookieJar::CookieJar(const crypto::PublicKey& receiver)
    : mac1_key_(noise::mac1_key(receiver)), cookie_key_(noise::cookie_key(receiver)) {}

MessageMac CookieJar::mac1_of(std::span<const std::byte> message, crypto::Blake2sMac& mac) {
  last_mac1_ = mac.mac(crypto::bytes_of(mac1_key_), message);
  return *last_mac1_;
}

MessageMac CookieJar::mac2_of(std::span<const std::byte> message, Nanoseconds now,
                              crypto::Blake2sMac& mac) const {
  if (!cookie_received_ || now - *cookie_received_ >= kCookieLifetime - kCookieLatency) {
    return {};
  }
  return mac.mac(cookie_.bytes(), message);
}

bool CookieJar::accept(const CookieReply& reply, Nanoseconds now) {
  if (!last_mac1_) {
    return false;
  }
  crypto::Secret<16> cookie;
  if (!crypto::xopen(crypto::bytes_of(cookie_key_), reply.nonce,
                     crypto::bytes_of(reply.encrypted_cookie), crypto::bytes_of(*last_mac1_),
                     cookie.bytes())) {
    return false;
  }
  cookie_ = std::move(cookie);
  cookie_received_ = now;
  last_mac1_.reset();
  return true;
}

}  // namespace gotthard::noise
