// Random numbers from the kernel's generator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace gotthard::crypto {

void random_bytes(std::span<std::byte> out) noexcept;
[[nodiscard]] std::uint32_t random_u32() noexcept;
[[nodiscard]] std::uint64_t random_u64() noexcept;

}  // namespace gotthard::crypto
