#include "control/ike/sa/cookie.h"

#include <utility>

#include "crypto/prf.h"

namespace gotthard::ike {

Cookies::Cookies(std::function<void(std::span<std::byte>)> random) : random_(std::move(random)) {
  random_(present_.secret.bytes());
  random_(before_.secret.bytes());
}

void Cookies::renew(Nanoseconds now) {
  if (present_.version != 0 && now - made_at_ < kSecretLifetime) {
    return;
  }
  before_ = std::move(present_);
  before_made_at_ = made_at_;
  present_.version = before_.version + 1;
  random_(present_.secret.bytes());
  made_at_ = now;
}

Buffer Cookies::made_with(const Key& key, Bytes nonce, const abi::Address& source, IkeSpi spi) {
  Writer spi_bytes;
  spi_bytes.u64(spi);
  const crypto::SecretBytes mac =
      crypto::prf(crypto::Digest::sha256, key.secret.bytes(),
                  {nonce, std::as_bytes(std::span(source.bytes)), spi_bytes.buffer()});
  Writer cookie;
  cookie.u32(key.version);
  cookie.bytes(mac.bytes());
  return cookie.take();
}

Buffer Cookies::make(Bytes nonce, const abi::Address& source, IkeSpi spi, Nanoseconds now) {
  renew(now);
  return made_with(present_, nonce, source, spi);
}

bool Cookies::valid(Bytes cookie, Bytes nonce, const abi::Address& source, IkeSpi spi,
                    Nanoseconds now) {
  renew(now);
  Reader reader(cookie);
  const std::uint32_t version = reader.u32();
  if (!reader.ok() || version == 0) {
    return false;
  }
  const bool old = version == before_.version && now - before_made_at_ < 2 * kSecretLifetime;
  if (version != present_.version && !old) {
    return false;
  }
  const Key& key = version == present_.version ? present_ : before_;
  return crypto::equal(made_with(key, nonce, source, spi), cookie);
}

}  // namespace gotthard::ike
