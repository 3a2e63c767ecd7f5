// A session: one keypair in use between us and a peer (a WireGuard keypair now; a pair of ESP SAs
// has the same shape). No worker owns it: any may seal, any may open.
#pragma once

#include <atomic>
#include <cstdint>

#include "crypto/aead.h"
#include "dataplane/table/replay_window.h"

namespace gotthard::dataplane {

struct Session {
  // First line: written by the manager before publication, then only read; `reject_at_tsc` once
  // more, by the manager, when the time is over by CLOCK_BOOTTIME, which the TSC may lag behind (it
  // can stand still while the machine sleeps).
  std::uint32_t local_id = 0;
  std::uint32_t remote_id = 0;
  std::uint32_t peer = 0;
  std::uint16_t interface = 0;
  bool initiator = false;
  std::uint64_t message_limit = 0;  // at most 2^63: the send counter cannot wrap on the way there
  std::atomic<std::uint64_t> reject_at_tsc{0};
  ReplayWindow window;

  // Second line: the send counter, shared by all workers that seal. A worker loads it, and only
  // when it is below the limit takes its block with one fetch-add.
  alignas(64) std::atomic<std::uint64_t> next_counter{0};

  // Third line: set by workers, read by workers and the manager.
  alignas(64) std::atomic<bool> confirmed{false};  // a packet was opened; never cleared
  std::atomic<bool> exhausted{false};              // the send limit was reached; never cleared

  // Expanded once by the manager before publication, wiped at destruction.
  crypto::AeadKey seal_key;
  crypto::AeadKey open_key;

  [[nodiscard]] bool too_old(std::uint64_t now_tsc) const {
    return now_tsc >= reject_at_tsc.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool seals(std::uint64_t now_tsc) const {
    return !too_old(now_tsc) && !exhausted.load(std::memory_order_relaxed);
  }
};

}  // namespace gotthard::dataplane
