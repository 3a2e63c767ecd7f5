#include "dataplane/spread.h"

#include <cstddef>
#include <cstring>

#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"

namespace gotthard::dataplane {
namespace {

constexpr std::uint32_t kGolden = 0x9e3779b1U;  // multiplied, low bits become high ones

// By the outer source, address and port: what a peer seals with its old keys and with its new ones
// stays in order across a rekey.
std::uint8_t bucket_of(const Lane& lane) {
  std::uint32_t source = 0;
  if (lane.family == Family::ipv4) {
    source = reinterpret_cast<const wire::Ipv4Header*>(lane.ip)->source.raw();
  } else {
    for (std::size_t word = 0; word < 4; ++word) {
      std::uint32_t part = 0;
      std::memcpy(&part, lane.ip + offsetof(wire::Ipv6Header, source) + word * sizeof(part),
                  sizeof(part));
      source = source * kGolden + part;
    }
  }
  if (lane.udp_offset != lane.esp_offset) {  // not ESP over IP
    source += reinterpret_cast<const wire::UdpHeader*>(lane.ip + lane.udp_offset)->source.raw();
  }
  return static_cast<std::uint8_t>((source * kGolden) >> 26);
}

SpreadPacket packet_of(const Lane& lane) {
  return {
      .mbuf = lane.mbuf,
      .peer = lane.peer,
      .length = lane.length,
      .ip_offset = static_cast<std::uint16_t>(lane.ip - rte_pktmbuf_mtod(lane.mbuf, std::byte*)),
      .udp_offset = lane.udp_offset,
      .esp_offset = lane.esp_offset,
      .port = lane.port,
      .interface = lane.interface,
      .family = lane.family,
      .bucket = lane.bucket};
}

Lane* add_lane(Burst* burst, const SpreadPacket& packet) {
  Lane* lane = burst->add(packet.mbuf);
  lane->ip = rte_pktmbuf_mtod_offset(packet.mbuf, std::byte*, packet.ip_offset);
  lane->peer = packet.peer;
  lane->length = packet.length;
  lane->udp_offset = packet.udp_offset;
  lane->esp_offset = packet.esp_offset;
  lane->port = packet.port;
  lane->interface = packet.interface;
  lane->family = packet.family;
  return lane;
}

void pack(const Burst& burst, const LaneList& lanes, std::uint32_t first, SpreadBatch* batch) {
  for (std::uint32_t n = first; n < lanes.size; ++n) {
    batch->packets[batch->size++] = packet_of(burst.lanes[lanes.lanes[n]]);
  }
}

}  // namespace

void Spread::mark(Burst* burst) {
  for (const LaneList* lanes : {&burst->to_decap, &burst->to_esp_decap}) {
    for (const std::uint32_t i : *lanes) {
      burst->lanes[i].bucket = bucket_of(burst->lanes[i]);
    }
  }
}

Spread::~Spread() {
  order_.for_each_left([](rte_mbuf* mbuf) { rte_pktmbuf_free(mbuf); });
}

// ---------------------------------------------------------------- receiver

bool Spread::hand_over(Burst* burst, std::uint64_t now_tsc) {
  // A batch with few packets costs the opener more than it spares the receiver.
  const std::uint32_t packets = burst->to_decap.size + burst->to_esp_decap.size;
  const bool worth_it = burst->backlog && packets >= kBurst / 2;
  if ((policy_ != SpreadPolicy::always && !worth_it) || order_.size() >= Resequencer::kAway) {
    return false;
  }
  SpreadBatch* batch = order_.take();
  if (batch == nullptr) {
    return false;
  }
  mark(burst);
  batch->size = 0;
  pack(*burst, burst->to_decap, 0, batch);
  pack(*burst, burst->to_esp_decap, 0, batch);
  order_.push(batch, BatchState::given, now_tsc);
  if (!offer(batch)) {
    order_.take_back(batch);
    return false;
  }
  burst->to_decap = {};
  burst->to_esp_decap = {};
  return true;
}

// To the next one that has room, in turn.
bool Spread::offer(SpreadBatch* batch) {
  const std::uint32_t workers = handoff_->workers();
  for (std::uint32_t i = 1; i < workers; ++i) {
    next_ = (next_ + 1) % workers;
    if (next_ == worker_) {
      next_ = (next_ + 1) % workers;
    }
    if (handoff_->asleep(next_)) {
      handoff_->call(next_);
      continue;
    }
    if (policy_ != SpreadPolicy::always && handoff_->backlogged(next_)) {
      continue;
    }
    if (handoff_->give(worker_, next_, batch)) {
      return true;
    }
  }
  return false;
}

bool Spread::queue(Burst* burst, std::uint32_t first, std::uint64_t now_tsc) {
  if (burst->to_route.size == first) {
    return true;
  }
  SpreadBatch* batch = order_.take();
  if (batch == nullptr) {
    return false;
  }
  batch->size = 0;
  pack(*burst, burst->to_route, first, batch);
  burst->to_route.size = first;
  order_.push(batch, BatchState::opened, now_tsc);
  return true;
}

std::uint32_t Spread::release(Burst* burst, std::uint64_t now_tsc) {
  std::array<SpreadPacket, kBurst> packets;
  const std::uint32_t count = order_.release(now_tsc, &packets);
  for (std::uint32_t i = 0; i < count; ++i) {
    Lane* lane = add_lane(burst, packets[i]);
    lane->origin = Origin::tunnel;
    lane->opened_at = lane->interface;
    burst->to_route.push(i);
  }
  return count;
}

// ---------------------------------------------------------------- opener

void Spread::unpack(const SpreadBatch& batch, Burst* burst) {
  for (std::uint32_t i = 0; i < batch.size; ++i) {
    Lane* lane = add_lane(burst, batch.packets[i]);
    lane->origin = Origin::underlay;
    lane->bucket = batch.packets[i].bucket;
    (lane->esp_offset != 0 ? burst->to_esp_decap : burst->to_decap).push(i);
  }
}

bool Spread::give_back(SpreadBatch* batch, Burst* burst) {
  batch->size = 0;
  pack(*burst, burst->to_route, 0, batch);
  if (batch->give_back()) {
    burst->to_route = {};
    return true;
  }
  batch->size = 0;
  batch->free();
  return false;
}

}  // namespace gotthard::dataplane
