// The packets of one worker in one direction: written anew into the same buffers before each
// measurement, with other addresses and payload each time, and for decap sealed under a fresh
// counter each.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "perf/pipeline/format.h"
#include "perf/pipeline/key_ring.h"

namespace gotthard::perf::pipeline {

class Traffic {
 public:
  // encap: plain packets for the inside port; decap: sealed ones for the underlay port.
  static Result<std::unique_ptr<Traffic>> create(Gateway* gateway, Direction direction,
                                                 std::uint32_t worker);
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;
  ~Traffic();

  void prepare();
  [[nodiscard]] std::span<rte_mbuf* const> packets() const { return mbufs_; }
  [[nodiscard]] Direction direction() const { return direction_; }

  // Of what was prepared: what the AEAD has to do in the path, by packet. Sealing or opening them
  // spends the packets.
  [[nodiscard]] std::span<const crypto::AeadJob> jobs() const { return jobs_; }
  // All jobs in calls of `burst`; how many were not authentic.
  std::size_t run_aead(std::size_t first, std::size_t count, std::size_t burst);

  // Are these the packets that were prepared, as the receiver of each expects them? `sent` is of
  // any worker's traffic; those that are not of this one are passed over. The number of those that
  // are, and are right.
  std::size_t check(std::span<rte_mbuf* const> sent, KeyRing* receiver);

 private:
  struct Slot {
    std::uint64_t seed = 0;     // of all that may vary
    std::uint64_t counter = 0;  // decap
    std::uint32_t session = 0;
    std::uint32_t length = 0;  // of the inner packet
  };

  Traffic(Gateway* gateway, Direction direction, std::uint32_t worker);
  void choose(std::size_t index);
  std::uint64_t next_counter(std::uint32_t session, std::size_t index);
  void write_inner(const Slot& slot, std::byte* at) const;
  void write_plain(std::size_t index);
  void write_sealed(std::size_t index);
  [[nodiscard]] bool is_sealed_right(const Slot& slot, rte_mbuf* mbuf, KeyRing* receiver);
  [[nodiscard]] bool is_plain_right(const Slot& slot, rte_mbuf* mbuf) const;
  [[nodiscard]] bool is_forwarded(const Slot& slot, std::span<const std::byte> inner) const;

  Gateway* gateway_;
  Scenario scenario_;
  Direction direction_;
  Format format_;
  std::uint32_t worker_;
  std::unique_ptr<KeyRing> keys_;  // of the same backend as the workers'
  std::vector<std::byte> payload_;
  std::vector<rte_mbuf*> mbufs_;
  std::vector<Slot> slots_;
  std::vector<crypto::AeadJob> jobs_;
  std::vector<Format::Aad> aads_;
  std::vector<std::uint64_t> counters_;  // by session: the next one
  std::uint64_t random_;
  std::uint64_t packets_ = 0;  // made so far
};

}  // namespace gotthard::perf::pipeline
