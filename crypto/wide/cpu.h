// Which of the wide kernels this CPU and this system can run.
#pragma once

#include <cpuid.h>

namespace gotthard::crypto::wide {

// VAES and VPCLMULQDQ, for AES-GCM: Zen 3, Ice Lake, Alder Lake and later. They are bits of leaf 7,
// for which clang 14 has no names. With AVX the system saves their registers.
[[nodiscard]] inline bool has_vector_aes() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  constexpr unsigned kVaes = 1U << 9;
  constexpr unsigned kVpclmulqdq = 1U << 10;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ecx & kVaes) != 0 &&
         (ecx & kVpclmulqdq) != 0 && __builtin_cpu_supports("aes") &&
         __builtin_cpu_supports("pclmul");
}

// AVX-512 F, BW, DQ, VL, IFMA and VBMI2 with VAES and VPCLMULQDQ: Ice Lake, Zen 4 and later.
[[nodiscard]] inline bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vbmi2") &&
         __builtin_cpu_supports("bmi2") && has_vector_aes();
}

// AVX2 and BMI2: Haswell, Zen and later.
[[nodiscard]] inline bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}

}  // namespace gotthard::crypto::wide
