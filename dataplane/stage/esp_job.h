// What the AEAD is told of an ESP packet, to seal it or to open it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "crypto/aead.h"
#include "crypto/secret.h"
#include "dataplane/table/session.h"
#include "dataplane/wire/endian.h"
#include "dataplane/wire/esp.h"

namespace gotthard::dataplane {

// SPI and sequence number as they are authenticated (RFC 4106, 5).
using AssociatedData = std::array<wire::Big32, 3>;

// A direction's key with the nonce's first bytes.
struct EspKey {
  const crypto::AeadKey& key;
  const crypto::Secret<4>& salt;
  bool extended;  // sequence numbers of 64 bits
};

// `header` is whole, with the eight bytes that the cipher carries behind it; `number` is the whole
// sequence number, of which the header has the low half. The tag stands behind the text.
inline void fill_esp_job(const EspKey& key, const wire::EspHeader& header, std::uint64_t number,
                         std::byte* text, std::size_t length, crypto::AeadJob* job,
                         AssociatedData* aad) {
  job->key = &key.key;
  job->text = text;
  job->length = static_cast<std::uint32_t>(length);
  std::memcpy(job->nonce.data(), key.salt.bytes().data(), 4);
  std::memcpy(job->nonce.data() + 4, &header + 1, 8);
  job->aad = reinterpret_cast<const std::byte*>(aad->data());
  job->tag = text + length;
  (*aad)[0] = header.spi;
  if (key.extended) {
    (*aad)[1].set(static_cast<std::uint32_t>(number >> 32));
    (*aad)[2] = header.sequence;
    job->aad_length = 12;
  } else {
    (*aad)[1] = header.sequence;
    job->aad_length = 8;
  }
}

}  // namespace gotthard::dataplane
