// A session: one keypair in use between us and a peer: a WireGuard keypair, or a pair of ESP SAs.
// No worker owns it: any may seal, any may open.
#pragma once

#include <atomic>
#include <cstdint>

#include "crypto/aead.h"
#include "crypto/secret.h"
#include "dataplane/table/replay_window.h"

namespace gotthard::dataplane {

enum class SessionKind : std::uint8_t {
  wireguard,
  esp,           // 32-bit sequence numbers
  esp_extended,  // 64-bit ones, of which the low half is sent (RFC 4303, 2.2.1)
};

inline constexpr std::uint64_t kNoLimit = UINT64_MAX;

// Bytes of IV and ICV in ESP that the packet path knows beforehand; see Session::usual_esp.
inline constexpr std::size_t kUsualIv = 8;
inline constexpr std::size_t kUsualTag = 16;

struct Session {
  // First line: written by the manager before publication, then only read; `reject_at_tsc` once
  // more, by the manager, when the time is over by CLOCK_BOOTTIME, which the TSC may lag behind (it
  // can stand still while the machine sleeps).
  std::uint32_t local_id = 0;
  std::uint32_t remote_id = 0;
  std::uint32_t peer = 0;
  std::uint16_t interface = 0;
  bool initiator = false;
  SessionKind kind = SessionKind::wireguard;
  std::uint64_t message_limit = 0;  // at most 2^63: the send counter cannot wrap on the way there
  std::uint64_t byte_limit = kNoLimit;  // ESP: sent, and received
  std::atomic<std::uint64_t> reject_at_tsc{0};
  ReplayWindow window;

  // Second line: the send counter, shared by all workers that seal. A worker loads it, and only
  // when it is below the limit takes its block with one fetch-add.
  // `sent_bytes` of texts is added to beside it, where there is a limit to know for.
  alignas(64) std::atomic<std::uint64_t> next_counter{0};
  std::atomic<std::uint64_t> sent_bytes{0};
  std::atomic<bool> exhausted{false};  // the send limit was reached; never cleared

  // The same of what was opened, where there is a limit; a line of its own, as other workers open.
  alignas(64) std::atomic<std::uint64_t> opened_packets{0};
  std::atomic<std::uint64_t> opened_bytes{0};

  // Then: set by workers, read by workers and the manager.
  alignas(64) std::atomic<bool> confirmed{false};  // a packet was opened; never cleared
  bool transport_mode = false;                     // ESP; these are as the first line
  // ESP in tunnel mode with what most suites have: kUsualIv, kUsualTag, texts in units of 4 bytes.
  bool usual_esp = false;
  bool counts = false;  // ESP: there is a limit to what is opened
  std::uint64_t open_packet_limit = kNoLimit;
  // ESP: the nonce's first bytes.
  crypto::Secret<4> seal_salt;
  crypto::Secret<4> open_salt;

  // Expanded once by the manager before publication, wiped at destruction.
  crypto::AeadKey seal_key;
  crypto::AeadKey open_key;

  [[nodiscard]] bool too_old(std::uint64_t now_tsc) const {
    return now_tsc >= reject_at_tsc.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool is_esp() const { return kind != SessionKind::wireguard; }
  [[nodiscard]] bool opened_enough() const {
    return counts && (opened_packets.load(std::memory_order_relaxed) >= open_packet_limit ||
                      opened_bytes.load(std::memory_order_relaxed) >= byte_limit);
  }
  [[nodiscard]] bool seals(std::uint64_t now_tsc) const {
    return !too_old(now_tsc) && !exhausted.load(std::memory_order_relaxed);
  }
};

}  // namespace gotthard::dataplane
