#include "control/ike/keys/derive.h"

#include <algorithm>
#include <array>

#include "crypto/prf.h"

namespace gotthard::ike {
namespace {

using crypto::SecretBytes;

crypto::Digest function(PrfId prf) { return prf_of(prf).value_or(crypto::Digest::sha256); }

// Takes keys off the front of derived material, in the order in which the RFC has them.
class Material {
 public:
  explicit Material(const SecretBytes& bytes) : rest_(bytes.bytes()) {}
  [[nodiscard]] SecretBytes take(std::size_t size) {
    const Bytes taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return SecretBytes::copy_of(taken);
  }

 private:
  Bytes rest_;
};

SecretBytes joined(std::span<const SecretBytes> secrets) {
  std::size_t size = 0;
  for (const SecretBytes& secret : secrets) {
    size += secret.size();
  }
  SecretBytes result(size);
  auto place = result.bytes();
  for (const SecretBytes& secret : secrets) {
    std::ranges::copy(secret.bytes(), place.begin());
    place = place.subspan(secret.size());
  }
  return result;
}

// SK(0), and the others: those of RFC 9370 come after the nonces.
struct Shared {
  explicit Shared(std::span<const SecretBytes> secrets)
      : first(joined(secrets.first(secrets.empty() ? 0 : 1))),
        further(joined(secrets.subspan(secrets.empty() ? 0 : 1))) {}
  SecretBytes first;
  SecretBytes further;
};

std::array<std::byte, 16> on_wire(const Spis& spis) {
  Writer writer;
  writer.u64(spis.initiator);
  writer.u64(spis.responder);
  std::array<std::byte, 16> result{};
  std::ranges::copy(writer.buffer(), result.begin());
  return result;
}

}  // namespace

SecretBytes skeyseed(PrfId prf, const Nonces& nonces, const SecretBytes& shared) {
  Buffer key(nonces.initiator.begin(), nonces.initiator.end());
  key.insert(key.end(), nonces.responder.begin(), nonces.responder.end());
  return crypto::prf(function(prf), key, {shared.bytes()});
}

SecretBytes skeyseed_of_rekey(PrfId old_prf, const SecretBytes& old_d, const Nonces& nonces,
                              std::span<const SecretBytes> shared) {
  const Shared secrets(shared);
  return crypto::prf(
      function(old_prf), old_d.bytes(),
      {secrets.first.bytes(), nonces.initiator, nonces.responder, secrets.further.bytes()});
}

IkeKeys derive_ike_keys(const IkeSuite& suite, const SecretBytes& skeyseed, const Nonces& nonces,
                        const Spis& spis) {
  const crypto::MessageSuite cipher = message_suite(suite);
  const std::size_t prf_size = crypto::digest_size(function(suite.prf));
  const std::size_t size =
      3 * prf_size + 2 * (cipher.integrity_key_size() + cipher.encryption_key_size());
  const auto wire_spis = on_wire(spis);
  const SecretBytes derived = crypto::prf_plus(
      function(suite.prf), skeyseed.bytes(), {nonces.initiator, nonces.responder, wire_spis}, size);
  Material material(derived);
  IkeKeys keys;
  keys.d = material.take(prf_size);
  keys.initiator.integrity = material.take(cipher.integrity_key_size());
  keys.responder.integrity = material.take(cipher.integrity_key_size());
  keys.initiator.encryption = material.take(cipher.encryption_key_size());
  keys.responder.encryption = material.take(cipher.encryption_key_size());
  keys.p_initiator = material.take(prf_size);
  keys.p_responder = material.take(prf_size);
  return keys;
}

ChildKeys derive_child_keys(PrfId prf, const SecretBytes& d, const EspSuite& suite,
                            const Nonces& nonces, std::span<const SecretBytes> shared) {
  const Shared secrets(shared);
  const std::size_t size = 2 * (suite.encryption_key_size() + suite.integrity_key_size());
  const SecretBytes derived = crypto::prf_plus(
      function(prf), d.bytes(),
      {secrets.first.bytes(), nonces.initiator, nonces.responder, secrets.further.bytes()}, size);
  Material material(derived);
  ChildKeys keys;
  for (EspKeys* direction : {&keys.initiator, &keys.responder}) {
    direction->encryption = material.take(suite.encryption_key_size());
    direction->integrity = material.take(suite.integrity_key_size());
  }
  return keys;
}

}  // namespace gotthard::ike
