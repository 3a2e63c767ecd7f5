#include "crypto/aead.h"

#include <algorithm>

namespace gotthard::crypto {

Result<AeadEngine> AeadEngine::create(Backend backend) {
  if (backend != Backend::portable) {
    Result<IpsecMbAead> ipsec_mb = IpsecMbAead::create();
    if (ipsec_mb) {
      return AeadEngine(std::move(*ipsec_mb));
    }
    if (backend == Backend::ipsec_mb) {
      return tl::unexpected<Error>(ipsec_mb.error());
    }
  }
  Result<PortableAead> portable = PortableAead::create();
  if (!portable) {
    return tl::unexpected<Error>(portable.error());
  }
  return AeadEngine(std::move(*portable));
}

Status AeadEngine::expand(Suite suite, std::span<const std::byte> key, AeadKey& out) const {
  if (key.size() != key_size(suite)) {
    return fail("a key of {} bytes does not fit the suite; give {} bytes", key.size(),
                key_size(suite));
  }
  std::visit([&](const auto& implementation) { implementation.expand(suite, key, out); },
             implementation_);
  return {};
}

void AeadEngine::seal(std::span<const AeadJob> jobs) noexcept {
  std::visit([&](auto& implementation) { implementation.seal(jobs); }, implementation_);
}

std::uint64_t AeadEngine::open(std::span<const AeadJob> jobs) noexcept {
  const auto batch = jobs.first(std::min(jobs.size(), kMaxBatch));
  return std::visit([&](auto& implementation) { return implementation.open(batch); },
                    implementation_);
}

std::string_view AeadEngine::backend_name() const noexcept {
  return std::holds_alternative<PortableAead>(implementation_) ? "portable" : "ipsec_mb";
}

}  // namespace gotthard::crypto
