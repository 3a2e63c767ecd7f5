#include "dataplane/worker.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>

#include <array>
#include <ctime>
#include <utility>

#include "dataplane/stage/stages.h"

namespace gotthard::dataplane {
namespace {

constexpr int kMaxNesting = 4;  // tunnels around a packet

}  // namespace

// ---------------------------------------------------------------- the life of a packet

void Worker::run() {
  online();
  while (!stopping_.load(std::memory_order_relaxed)) {
    if (turn()) {
      idle_rounds_ = 0;
    } else {
      rest();
    }
  }
  offline();
}

bool Worker::turn() {
  const std::uint64_t start = rte_rdtsc();
  const bool busy = poll();
  rcu_->quiescent(options_.index);
  const std::uint64_t cycles = rte_rdtsc() - start;
  counters_->loops.add(1);
  counters_->total_cycles.add(cycles);
  if (busy) {
    counters_->busy_cycles.add(cycles);
  } else {
    counters_->idle_loops.add(1);
  }
  return busy;
}

bool Worker::poll() {
  context_.topology = context_.shared->topology.load(std::memory_order_acquire);
  bool busy = spread_ != nullptr && poll_others();
  busy |= poll_manager();
  busy |= context_.handed != nullptr && poll_handed();
  bool backlog = false;
  for (std::uint16_t port = 0; port < context_.topology->port_count; ++port) {
    if (options_.index >= context_.topology->ports[port].queues) {
      continue;
    }
    const std::uint16_t received = poll_port(port);
    busy |= received > 0;
    backlog |= received == kBurst;
  }
  if (spread_ != nullptr) {
    spread_->tell_backlog(backlog);
  }
  return busy;
}

void Worker::carry(Burst* burst) {
  context_.now_tsc = rte_rdtsc();
  stage<StageId::classify, classify>(burst, burst->to_classify);
  stage<StageId::punt, punt>(burst, burst->to_punt);
  if (spread_ == nullptr) {
    decap(burst);
  } else if (burst->to_decap.size + burst->to_esp_decap.size > 0) {
    open(burst);
  }
  go_on(burst);
}

void Worker::decap(Burst* burst) {
  stage<StageId::wg_decap, wg_decap>(burst, burst->to_decap);
  stage<StageId::esp_decap, esp_decap>(burst, burst->to_esp_decap);
}

void Worker::go_on(Burst* burst) {
  stage<StageId::route, route>(burst, burst->to_route);
  open_again(burst);
  stage<StageId::mtu, mtu>(burst, burst->to_mtu);
  seal(burst);
  if (burst->to_icmp.size > 0) {
    answer(burst);
  }
  stage<StageId::neighbour, neighbour>(burst, burst->to_neighbour);
  stage<StageId::host, host>(burst, burst->to_host);
  stage<StageId::tx, tx>(burst, burst->to_tx);
}

// What was refused goes back to its sender, by the same stages.
void Worker::answer(Burst* burst) {
  stage<StageId::icmp, icmp>(burst, burst->to_icmp);
  stage<StageId::route, route>(burst, burst->to_route);
  stage<StageId::mtu, mtu>(burst, burst->to_mtu);
  seal(burst);
}

// Tunnels within tunnels: mostly there are none.
void Worker::open_again(Burst* burst) {
  for (int depth = 1;
       burst->again_decap.size + burst->again_esp_decap.size + burst->again_punt.size > 0;
       ++depth) {
    burst->to_decap = std::exchange(burst->again_decap, {});
    burst->to_esp_decap = std::exchange(burst->again_esp_decap, {});
    burst->to_punt = std::exchange(burst->again_punt, {});
    burst->to_route = {};
    if (depth == kMaxNesting) {
      drop_all(burst, burst->to_decap, Drop::tunnel_loop);
      drop_all(burst, burst->to_esp_decap, Drop::tunnel_loop);
      drop_all(burst, burst->to_punt, Drop::tunnel_loop);
      return;
    }
    stage<StageId::punt, punt>(burst, burst->to_punt);
    decap(burst);
    stage<StageId::route, route>(burst, burst->to_route);
  }
}

void Worker::seal(Burst* burst) {
  stage<StageId::wg_encap, wg_encap>(burst, burst->to_encap);
  stage<StageId::esp_encap, esp_encap>(burst, burst->to_esp_encap);
  for (int depth = 1; burst->again_encap.size + burst->again_esp_encap.size > 0; ++depth) {
    burst->to_encap = std::exchange(burst->again_encap, {});
    burst->to_esp_encap = std::exchange(burst->again_esp_encap, {});
    if (depth == kMaxNesting) {
      drop_all(burst, burst->to_encap, Drop::tunnel_loop);
      drop_all(burst, burst->to_esp_encap, Drop::tunnel_loop);
      return;
    }
    stage<StageId::wg_encap, wg_encap>(burst, burst->to_encap);
    stage<StageId::esp_encap, esp_encap>(burst, burst->to_esp_encap);
  }
}

void Worker::drop_all(Burst* burst, const LaneList& lanes, Drop reason) {
  for (const std::uint32_t i : lanes) {
    drop_packet(&burst->lanes[i], reason, counters_.get());
  }
}

std::uint16_t Worker::poll_port(std::uint16_t port) {
  std::array<rte_mbuf*, kBurst> mbufs;
  const std::uint64_t start = options_.count_cycles ? rte_rdtsc() : 0;
  const std::uint16_t count =
      rte_eth_rx_burst(context_.topology->ports[port].ethdev,
                       static_cast<std::uint16_t>(options_.index), mbufs.data(), kBurst);
  if (count == 0) {
    return 0;
  }
  Burst burst;
  burst.backlog = count == kBurst;
  for (std::uint16_t i = 0; i < count; ++i) {
    rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void*));
    burst.add(mbufs[i])->port = port;
    burst.to_classify.push(i);
  }
  counters_->rx_packets.add(count);
  this->count(StageId::rx, count, start);
  carry(&burst);
  return count;
}

template <StageId kStage, auto kFunction>
void Worker::stage(Burst* burst, const LaneList& input) {
  if (input.size == 0) {
    return;
  }
  const std::uint32_t packets = input.size;
  const std::uint64_t start = options_.count_cycles ? rte_rdtsc() : 0;
  kFunction(burst, &context_);
  count(kStage, packets, start);
}

void Worker::count(StageId stage, std::uint32_t packets, std::uint64_t start) {
  StageCount& count = counters_->stages[static_cast<std::size_t>(stage)];
  count.bursts.add(1);
  count.packets.add(packets);
  if (options_.count_cycles) {
    count.cycles.add(rte_rdtsc() - start);
  }
}

// ---------------------------------------------------------------- opening with others

// What one peer sends arrives at one queue: the others help its worker to open it, and it sends all
// on in the order in which it came.
void Worker::open(Burst* burst) {
  const std::uint32_t packets = burst->to_decap.size + burst->to_esp_decap.size;
  const std::uint64_t start = options_.count_cycles ? rte_rdtsc() : 0;
  if (spread_->hand_over(burst, context_.now_tsc)) {
    count(StageId::spread, packets, start);
    return;
  }
  const bool waits = spread_->waiting();
  if (waits) {
    Spread::mark(burst);
  }
  const std::uint32_t first = burst->to_route.size;
  decap(burst);
  if (!waits || spread_->queue(burst, first, context_.now_tsc)) {
    return;
  }
  // No room: it does not wait any longer for the oldest, nor for anything once all that is opened
  // has gone on.
  counters_->spread_overflows.add(1);
  spread_->give_up_oldest();
  while (send_opened_on()) {
  }
  if (spread_->waiting()) {
    (void)spread_->queue(burst, first, context_.now_tsc);
  }
}

bool Worker::poll_others() {
  bool busy = false;
  while (spread_->waiting() && send_opened_on()) {
    busy = true;
  }
  SpreadBatch* batch = spread_->next_handed();
  if (batch == nullptr) {
    return busy;
  }
  Burst burst;
  Spread::unpack(*batch, &burst);
  context_.now_tsc = rte_rdtsc();
  decap(&burst);
  const std::uint32_t opened = burst.to_route.size;
  if (!Spread::give_back(batch, &burst)) {
    counters_->spread_late.add(opened);
    go_on(&burst);
  }
  return true;
}

bool Worker::send_opened_on() {
  const std::uint64_t start = rte_rdtsc();
  context_.now_tsc = start;
  Burst burst;
  const std::uint32_t packets = spread_->release(&burst, start);
  if (packets == 0) {
    return false;
  }
  count(StageId::resequence, packets, start);
  go_on(&burst);
  return true;
}

// ---------------------------------------------------------------- from the manager

namespace {

// A parked or handed-over packet goes on at the stage that its note names.
void resume(Burst* burst, std::uint32_t i, const WorkerContext& worker) {
  Lane* lane = &burst->lanes[i];
  const PacketNote& note = *packet_note(lane->mbuf);
  if (note.kind == NoteKind::classify) {
    lane->port = note.port;
    burst->to_classify.push(i);
    return;
  }
  lane->ip = rte_pktmbuf_mtod(lane->mbuf, std::byte*);
  lane->length = rte_pktmbuf_data_len(lane->mbuf);
  lane->family = lane->length == 0 || (static_cast<std::uint8_t>(*lane->ip) >> 4) == 4
                     ? Family::ipv4
                     : Family::ipv6;
  lane->origin = note.origin;
  lane->port = note.port;
  lane->interface = note.interface;
  lane->opened_at = note.interface;
  lane->peer = note.peer;
  lane->mtu = note.mtu;
  lane->answer = note.answer;
  lane->allow_plain = note.allow_plain;
  lane->neighbour = note.neighbour;
  switch (note.kind) {
    case NoteKind::send_frame:
      burst->to_tx.push(i);
      break;
    case NoteKind::send_ip:
      burst->to_neighbour.push(i);
      break;
    case NoteKind::seal:
      if (!worker.topology->interfaces[note.interface].used) {  // the TUN is there before it
        drop_packet(lane, Drop::interface_down, worker.counters);
        break;
      }
      to_seal(burst, *lane, worker)->push(i);
      break;
    default:
      burst->to_route.push(i);
      break;
  }
}

}  // namespace

bool Worker::poll_manager() {
  std::array<void*, kBurst> mbufs;
  const std::uint32_t count =
      rte_ring_sc_dequeue_burst(from_manager_, mbufs.data(), kBurst, nullptr);
  resume_all({reinterpret_cast<rte_mbuf**>(mbufs.data()), count});
  return count > 0;
}

// What other workers leave to this one.
bool Worker::poll_handed() {
  std::array<rte_mbuf*, kBurst> mbufs;
  std::uint32_t count = 0;
  while (count < kBurst && (mbufs[count] = context_.handed->take(options_.index)) != nullptr) {
    ++count;
  }
  resume_all({mbufs.data(), count});
  return count > 0;
}

void Worker::resume_all(std::span<rte_mbuf*> mbufs) {
  if (mbufs.empty()) {
    return;
  }
  Burst burst;
  for (std::uint32_t i = 0; i < mbufs.size(); ++i) {
    burst.add(mbufs[i]);
    resume(&burst, i, context_);
  }
  carry(&burst);
}

// ---------------------------------------------------------------- idle

// Nothing to do: poll on for a while, since under load the next burst is near; then sleep, ever
// longer up to a bound that a first packet's latency can bear. Asleep, the worker holds up nobody's
// grace period.
void Worker::rest() {
  constexpr std::uint32_t kSpinRounds = 2000;
  constexpr std::uint32_t kLongestSleepUs = 250;
  if (!options_.sleep_when_idle || ++idle_rounds_ < kSpinRounds) {
    rte_pause();
    return;
  }
  if (spread_ != nullptr && spread_->waiting()) {
    rte_pause();
    return;
  }
  const std::uint32_t over = idle_rounds_ - kSpinRounds;
  const std::uint32_t sleep_us = over < 50 ? 20 : kLongestSleepUs;
  counters_->sleeps.add(1);
  offline();
  if (spread_ != nullptr) {
    spread_->fall_asleep();
  }
  const timespec pause{.tv_sec = 0, .tv_nsec = sleep_us * 1000L};
  nanosleep(&pause, nullptr);
  if (spread_ != nullptr && spread_->wake()) {
    idle_rounds_ = 0;
  }
  online();
}

void Worker::online() { rcu_->online(options_.index); }

void Worker::offline() { rcu_->offline(options_.index); }

}  // namespace gotthard::dataplane
