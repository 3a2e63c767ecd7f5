#include "crypto/aead.h"

#include <algorithm>

namespace gotthard::crypto {

Result<AeadEngine> AeadEngine::create(Backend backend) {
  const auto engine_of = [](auto implementation) -> Result<AeadEngine> {
    if (!implementation) {
      return tl::unexpected<Error>(implementation.error());
    }
    return AeadEngine(std::move(*implementation));
  };
  switch (backend) {
    case Backend::automatic:
      break;
    case Backend::portable:
      return engine_of(PortableAead::create());
    case Backend::ipsec_mb:
      return engine_of(IpsecMbAead::create());
    case Backend::avx2:
      return engine_of(WideAead::create(WideAead::Width::avx2));
    case Backend::avx512:
      return engine_of(WideAead::create(WideAead::Width::avx512));
  }
  for (const Backend candidate : {Backend::avx512, Backend::avx2, Backend::ipsec_mb}) {
    if (auto engine = create(candidate)) {
      return engine;
    }
  }
  return create(Backend::portable);
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
  if (const auto* wide = std::get_if<WideAead>(&implementation_)) {
    return name_of(wide->width() == WideAead::Width::avx512 ? Backend::avx512 : Backend::avx2);
  }
  return name_of(std::holds_alternative<PortableAead>(implementation_) ? Backend::portable
                                                                       : Backend::ipsec_mb);
}

}  // namespace gotthard::crypto
