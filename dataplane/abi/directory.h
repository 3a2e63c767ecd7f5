// What the manager publishes for control: live sessions, counters and times, in a memfd that
// control maps read-only. The manager refreshes it some ten times a second; each field is atomic by
// itself, and an entry whose id changed between two reads is read again.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/abi/drop.h"
#include "dataplane/abi/limits.h"
#include "dataplane/abi/records.h"
#include "dataplane/abi/stage_id.h"

namespace gotthard::abi {

using Counter = std::atomic<std::uint64_t>;

// Times are CLOCK_BOOTTIME nanoseconds, 0 for never; they lag the packet by one refresh at most.
struct PeerEntry {
  std::atomic<std::uint32_t> used;  // 1 while the peer exists
  std::atomic<std::uint32_t> interface;
  std::array<std::atomic<std::uint8_t>, 32> public_key;
  Counter rx_packets, rx_bytes;  // data packets; bytes are those of inner packets
  Counter tx_packets, tx_bytes;
  Counter rx_keepalives, tx_keepalives;
  Counter last_rx_ns;       // any authenticated packet
  Counter last_rx_data_ns;  // with an inner packet
  Counter last_tx_ns, last_tx_data_ns;
  Counter unanswered_since_ns;  // first data sent after the last authenticated packet received
  Counter drops;
  std::atomic<std::uint32_t> current_session, previous_session, next_session;  // local ids, 0 none
  std::uint32_t unused2;
};

// What a port's device spreads over its queues by itself.
inline constexpr std::uint32_t kSpreadsFlows = 1;
inline constexpr std::uint32_t kSpreadsSpis = 2;  // ESP's

enum class SessionState : std::uint32_t { empty = 0, live = 1, retiring = 2 };

struct SessionEntry {  // index: slot
  std::atomic<std::uint32_t> local_id, remote_id, peer;
  std::atomic<std::uint32_t> state;      // SessionState
  std::atomic<std::uint32_t> initiator;  // 1: installed with KeyUse::now
  std::atomic<std::uint32_t> confirmed;
  Counter installed_ns;
  Counter sent;      // next counter
  Counter received;  // greatest accepted counter + 1
};

struct StageEntry {
  Counter bursts, packets, cycles;
};

struct WorkerEntry {
  std::atomic<std::uint32_t> core;
  std::uint32_t unused;
  Counter loops, idle_loops, sleeps;
  Counter rx_packets, tx_packets;
  Counter busy_cycles, total_cycles;
  Counter spread_late, spread_overflows;
  std::array<Counter, kDropCount> drops;
  std::array<StageEntry, kStageCount> stages;
};

struct PortEntry {
  Counter rx_packets, rx_bytes, tx_packets, tx_bytes;
  Counter rx_missed, rx_errors, tx_errors, rx_no_mbuf;
  Counter host_rx_packets, host_tx_packets;                 // to and from the kernel twin
  std::atomic<std::uint32_t> link_up, queues, rss, socket;  // rss: kSpreadsFlows, kSpreadsSpis
  std::atomic<std::uint32_t> mtu, unused;
  std::array<std::atomic<std::uint8_t>, 6> mac;
  std::array<char, 32> driver;
};

// Written once per attachment, before control gets the descriptor.
struct DirectoryHeader {
  std::uint32_t version;
  std::uint32_t workers;
  std::uint32_t ports;
  std::uint32_t interfaces;
  std::uint64_t epoch;     // counts attachments of this data plane
  std::uint64_t instance;  // random per data plane process
  std::uint64_t tsc_hz;
  std::uint64_t started_ns;
  std::array<char, 32> aead_backend;
  std::array<char, 32> dpdk_version;
  std::array<char, 16> memory;  // "hugepages" or "pages"
  std::array<char, 16> idle;    // "adaptive" or "poll"
  Counter heartbeat_ns;         // of the last refresh
  Counter commands_refused;
  Counter events_lost;                            // the event ring was full
  Counter punts_lost;                             // the punt ring was full
  std::array<Counter, kDropCount> manager_drops;  // reasons counted outside workers
};

struct Directory {
  DirectoryHeader header;
  std::array<WorkerEntry, kMaxWorkers> worker;
  std::array<PortEntry, kMaxPorts> port;
  std::array<PeerEntry, kMaxPeers> peer;
  std::array<SessionEntry, kMaxSessions> session;
};

}  // namespace gotthard::abi
