// AlgorithmIdentifiers of signatures as RFC 7427, appendix A has them.
#pragma once

#include <optional>
#include <span>

#include "crypto/distinguished_name.h"
#include "crypto/signature.h"

namespace gotthard::crypto {

[[nodiscard]] Der algorithm_identifier(const SignatureScheme& scheme);
// Nothing when it names none of our schemes: SHA-1, a mask made by another digest, or not known.
[[nodiscard]] std::optional<SignatureScheme> scheme_of(std::span<const std::byte> identifier);

}  // namespace gotthard::crypto
