#include "crypto/ipsec_mb/ipsec_mb_aead.h"

#include <algorithm>
#include <array>

#include "crypto/ipsec_mb/cbc_hmac.h"
#include "crypto/ipsec_mb/chacha20_poly1305.h"
#include "crypto/ipsec_mb/gcm.h"
#include "crypto/portable/portable_aead.h"

namespace gotthard::crypto {

using ipsec_mb::Check;

struct IpsecMbAead::Manager {
  explicit Manager(IMB_MGR* allocated)
      : library(allocated), chacha20_poly1305(library), gcm(library), cbc_hmac(library) {}

  void expand(Suite suite, std::span<const std::byte> key, AeadKey& out) const noexcept;
  template <Check check>
  void seal(std::span<const AeadJob> batch) noexcept;
  template <Check check>
  [[nodiscard]] BitSet open(std::span<const AeadJob> batch) noexcept;

  IMB_MGR* library;
  ipsec_mb::ChaCha20Poly1305 chacha20_poly1305;
  ipsec_mb::Gcm gcm;
  ipsec_mb::CbcHmac cbc_hmac;
};

void IpsecMbAead::Free::operator()(Manager* manager) const noexcept {
  free_mb_mgr(manager->library);
  delete manager;
}

namespace {

// Which part does which job.
struct Parts {
  BitSet chacha20_poly1305 = 0;
  BitSet gcm = 0;  // and GMAC
  BitSet cbc_hmac = 0;
};

Parts parts_of(std::span<const AeadJob> batch) {
  std::array<BitSet, 4> families{};
  for (std::size_t i = 0; i < batch.size(); ++i) {
    families[static_cast<std::size_t>(family_of(batch[i].key->suite()))] |= bit(i);
  }
  return {families[static_cast<std::size_t>(Family::chacha20_poly1305)],
          families[static_cast<std::size_t>(Family::aes_gcm)] |
              families[static_cast<std::size_t>(Family::aes_gmac)],
          families[static_cast<std::size_t>(Family::aes_cbc_hmac)]};
}

// One packet of each suite sealed and opened with the library's own checks, against the oracle:
// templates that this version of the library does not want are found here and not in a worker.
template <typename Manager>
bool works(Manager& manager, PortableAead& oracle, Suite suite) {
  struct Packet {
    std::array<std::byte, 8> header{};
    std::array<std::byte, kMaxIvSize> iv{};
    std::array<std::byte, 80> text{};
    std::array<std::byte, kMaxTagSize> tag{};
    bool operator==(const Packet&) const = default;
  };
  const std::array<std::byte, kMaxKeySize> raw_key{};
  const std::array<std::byte, 12> aad{};
  const auto material = std::span(raw_key).first(key_size(suite));
  AeadKey ours;
  AeadKey theirs;
  manager.expand(suite, material, ours);
  PortableAead::expand(suite, material, theirs);
  const auto job = [&](const AeadKey& key, Packet& packet) {
    return AeadJob{.key = &key,
                   .text = packet.text.data(),
                   .length = sizeof(packet.text),
                   .aad_length = sizeof(aad),
                   .aad = aad.data(),
                   .tag = packet.tag.data()};
  };
  Packet packet;
  Packet expected;
  const AeadJob checked = job(ours, packet);
  const AeadJob reference = job(theirs, expected);
  manager.template seal<Check::yes>({&checked, 1});
  oracle.seal({&reference, 1});
  return packet == expected && manager.template open<Check::yes>({&checked, 1}) == 1 &&
         packet.text == Packet{}.text && packet.tag == expected.tag;
}

}  // namespace

Result<IpsecMbAead> IpsecMbAead::create(Widest widest) {
  IMB_MGR* library = alloc_mb_mgr(0);
  if (library == nullptr) {
    return fail("no memory for the ipsec_mb AEAD; use --aead portable or free some memory");
  }
  IMB_ARCH arch = IMB_ARCH_AVX2;
  if (widest == Widest::avx2) {
    init_mb_mgr_avx2(library);
  } else {
    init_mb_mgr_auto(library, &arch);
  }
  std::unique_ptr<Manager, Free> manager(new Manager(library));
  if (const int error = imb_get_errno(library); error != 0 || arch == IMB_ARCH_NONE) {
    return fail("the ipsec_mb AEAD does not run on this machine ({}); use --aead portable",
                error != 0 ? imb_get_strerror(error) : "no implementation for this CPU");
  }
  Result<PortableAead> oracle = PortableAead::create();
  if (!oracle) {
    return tl::unexpected(oracle.error());
  }
  for (std::size_t i = 0; i < kSuites; ++i) {
    if (!works(*manager, *oracle, static_cast<Suite>(i))) {
      return fail(
          "the ipsec_mb AEAD of this machine's library {} computes wrong results; use --aead "
          "portable",
          imb_get_version_str());
    }
  }
  return IpsecMbAead(std::move(manager));
}

void IpsecMbAead::Manager::expand(Suite suite, std::span<const std::byte> key,
                                  AeadKey& out) const noexcept {
  switch (family_of(suite)) {
    case Family::chacha20_poly1305:
      return ipsec_mb::ChaCha20Poly1305::expand(suite, key, out);
    case Family::aes_gcm:
    case Family::aes_gmac:
      return gcm.expand(suite, key, out);
    case Family::aes_cbc_hmac:
      return cbc_hmac.expand(suite, key, out);
  }
}

template <Check check>
void IpsecMbAead::Manager::seal(std::span<const AeadJob> batch) noexcept {
  const Parts parts = parts_of(batch);
  if (parts.chacha20_poly1305 != 0) {
    chacha20_poly1305.seal<check>({batch, parts.chacha20_poly1305});
  }
  if (parts.gcm != 0) {
    gcm.seal<check>({batch, parts.gcm});
  }
  if (parts.cbc_hmac != 0) {
    cbc_hmac.seal<check>({batch, parts.cbc_hmac});
  }
}

template <Check check>
BitSet IpsecMbAead::Manager::open(std::span<const AeadJob> batch) noexcept {
  const Parts parts = parts_of(batch);
  BitSet authentic = 0;
  if (parts.gcm != 0) {
    authentic |= gcm.open<check>({batch, parts.gcm});
  }
  if (parts.chacha20_poly1305 != 0) {
    authentic |= chacha20_poly1305.open<check>({batch, parts.chacha20_poly1305});
  }
  if (parts.cbc_hmac != 0) {
    authentic |= cbc_hmac.open<check>({batch, parts.cbc_hmac});
  }
  return authentic;
}

void IpsecMbAead::expand(Suite suite, std::span<const std::byte> key, AeadKey& out) const noexcept {
  manager_->expand(suite, key, out);
}

void IpsecMbAead::seal(std::span<const AeadJob> jobs) noexcept {
  for (; !jobs.empty(); jobs = jobs.subspan(std::min(jobs.size(), kMaxBatch))) {
    manager_->seal<Check::no>(jobs.first(std::min(jobs.size(), kMaxBatch)));
  }
}

std::uint64_t IpsecMbAead::open(std::span<const AeadJob> jobs) noexcept {
  return manager_->open<Check::no>(jobs);
}

}  // namespace gotthard::crypto
