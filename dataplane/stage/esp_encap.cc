#include <array>
#include <cstring>

#include "dataplane/stage/sealing.h"
#include "dataplane/stage/stages.h"
#include "dataplane/wire/ecn.h"
#include "dataplane/wire/esp.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"

namespace gotthard::dataplane {
namespace {

// SPI and sequence number as they are authenticated (RFC 4106, 5).
using AssociatedData = std::array<wire::Big32, 3>;

// A packet made ready to be sealed: where all lies, and what the outer header says.
struct Plan {
  std::size_t kept = 0;  // bytes of the packet's own header that stay in front: transport mode
  std::size_t text = 0;  // length
  std::uint8_t next_header = 0;
  OuterFields outer;
};

// In transport mode there are no fragments (RFC 4301, 5.1), and the packet's own addresses are the
// endpoints: what has others is not for this child.
bool plan_transport(const Lane& lane, const OuterTemplate& outer, Plan* plan) {
  const auto packet = wire::parse_ip({lane.ip, lane.length});
  if (!packet || packet->fragment ||
      wire::source_of(lane.ip, lane.family) != outer.endpoint.local ||
      wire::destination_of(lane.ip, lane.family) != outer.endpoint.remote) {
    return false;
  }
  plan->kept = packet->header_length;
  plan->next_header = packet->protocol;
  return true;
}

// RFC 4301, 5.1.2: what the outer header takes from the inner one.
OuterFields outer_fields(const Lane& lane, const OuterTemplate& outer,
                         const WorkerContext& worker) {
  const std::uint8_t inner = wire::traffic_class(lane.ip, lane.family);
  const bool copy = worker.topology->interfaces[lane.interface].copy_dscp;
  std::uint8_t dscp = copy ? inner & ~wire::kEcnMask : 0;
  if (outer.dscp != abi::kDscpFromInner) {
    dscp = static_cast<std::uint8_t>(outer.dscp << 2);
  }
  bool whole = outer.dont_fragment == abi::DontFragment::set;
  if (outer.dont_fragment == abi::DontFragment::copy) {
    // IPv6 is cut by nobody on its way.
    whole = lane.family == Family::ipv6 ||
            (reinterpret_cast<const wire::Ipv4Header*>(lane.ip)->fragment.get() &
             wire::kIpv4DontFragment) != 0;
  }
  const auto fragment = whole ? wire::kIpv4DontFragment : static_cast<std::uint16_t>(0);
  return {.traffic_class = static_cast<std::uint8_t>(dscp | (inner & wire::kEcnMask)),
          .fragment = fragment};
}

bool make_plan(const Lane& lane, const OuterTemplate& outer, const WorkerContext& worker,
               Plan* plan) {
  plan->next_header = lane.family == Family::ipv4 ? wire::kNextHeaderIpv4 : wire::kNextHeaderIpv6;
  if (lane.length == 0) {  // what keeps an SA alive is a dummy (RFC 4303, 2.6)
    plan->next_header = wire::kNextHeaderNone;
  } else if (lane.session->transport_mode) {
    if (!plan_transport(lane, outer, plan)) {
      return false;
    }
  } else {
    plan->outer = outer_fields(lane, outer, worker);
  }
  plan->text = wire::esp_text_length(lane.length - plan->kept,
                                     crypto::text_alignment(lane.session->seal_key.suite()));
  return true;
}

void write_udp(std::byte* at, const OuterTemplate& outer, std::size_t length) {
  auto* udp = reinterpret_cast<wire::UdpHeader*>(at);
  std::memcpy(udp, outer.headers.data() + outer.headers_length - sizeof(*udp), sizeof(*udp));
  udp->length.set(static_cast<std::uint16_t>(length));
}

// The counter has all 64 bits whatever the packet shows of it: no nonce comes twice. What ciphers
// carry of it follows the header; CBC's engine writes the IV that it makes of it.
void seal_with(const Lane& lane, std::byte* text, std::size_t length, std::size_t iv_size,
               crypto::AeadJob* job, AssociatedData* aad) {
  const Session& session = *lane.session;
  auto* header = reinterpret_cast<wire::EspHeader*>(text - iv_size - sizeof(wire::EspHeader));
  const auto low = static_cast<std::uint32_t>(lane.counter);
  header->spi.set(session.remote_id);
  header->sequence.set(low);
  const std::uint64_t iv = wire::swap_bytes(lane.counter);
  std::memcpy(header + 1, &iv, sizeof(iv));

  job->key = &session.seal_key;
  job->text = text;
  job->length = static_cast<std::uint32_t>(length);
  std::memcpy(job->nonce.data(), session.seal_salt.bytes().data(), 4);
  std::memcpy(job->nonce.data() + 4, &iv, sizeof(iv));
  job->aad = reinterpret_cast<const std::byte*>(aad->data());
  job->tag = text + length;
  (*aad)[0].set(session.remote_id);
  if (session.kind == SessionKind::esp_extended) {
    (*aad)[1].set(static_cast<std::uint32_t>(lane.counter >> 32));
    (*aad)[2].set(low);
    job->aad_length = 12;
  } else {
    (*aad)[1].set(low);
    job->aad_length = 8;
  }
}

// The packet's own header, in front of ESP now.
void keep_header(std::byte* ip, const Plan& plan, Family family, std::uint8_t protocol,
                 std::size_t behind) {
  if (family == Family::ipv6) {
    auto* header = reinterpret_cast<wire::Ipv6Header*>(ip);
    header->next_header = protocol;
    header->payload_length.set(static_cast<std::uint16_t>(behind));
    return;
  }
  auto* header = reinterpret_cast<wire::Ipv4Header*>(ip);
  header->protocol = protocol;
  header->total_length.set(static_cast<std::uint16_t>(plan.kept + behind));
  header->checksum.set(0);
  header->checksum.set(wire::ipv4_checksum({ip, plan.kept}));
}

// Headers in front, padding, trailer and room for the ICV behind. False: the buffer has no room.
bool wrap(Lane* lane, const OuterTemplate& outer, const Plan& plan, WorkerContext* worker,
          crypto::AeadJob* job, AssociatedData* aad) {
  const crypto::SuiteTraits& traits = crypto::traits_of(lane->session->seal_key.suite());
  const std::size_t payload = lane->length - plan.kept;
  const bool in_udp = outer.kind == abi::PeerKind::esp_in_udp;
  const std::size_t udp = in_udp ? sizeof(wire::UdpHeader) : 0;
  const std::size_t esp = sizeof(wire::EspHeader) + traits.iv + plan.text + traits.tag;
  const std::size_t behind = udp + esp;  // the IP header
  const std::size_t ip_length = plan.kept != 0 ? plan.kept : outer.headers_length - udp;
  if (ip_length + behind > UINT16_MAX) {
    return false;
  }
  const std::size_t front = ip_length - plan.kept + behind - plan.text - traits.tag;
  std::byte* ip = extend(*lane, front, plan.text - payload + traits.tag);
  if (ip == nullptr) {
    return false;
  }
  if (plan.kept != 0) {
    std::memmove(ip, ip + front, plan.kept);  // from where the packet lies now
    keep_header(ip, plan, lane->family, in_udp ? wire::kProtocolUdp : wire::kProtocolEsp, behind);
  } else {
    copy_headers(ip, outer);
    OuterFields fields = plan.outer;
    fields.payload = static_cast<std::uint32_t>(behind);
    write_ip(ip, outer, fields, worker);
  }
  if (in_udp) {
    write_udp(ip + ip_length, outer, behind);
  }
  std::byte* text = ip + ip_length + behind - traits.tag - plan.text;
  wire::write_esp_trailer({text + payload, plan.text - payload}, plan.next_header);
  seal_with(*lane, text, plan.text, traits.iv, job, aad);

  lane->ip = ip;
  lane->family = outer.endpoint.remote.family;
  lane->length = static_cast<std::uint16_t>(ip_length + behind);
  lane->neighbour = outer.endpoint.neighbour;
  lane->mtu = outer.endpoint.mtu;
  return true;
}

// To the worker that alone seals for the child: its packets must not overtake each other by more
// than the peer's window forgives.
void hand_over(Burst* burst, const LaneList& lanes, WorkerContext* worker) {
  for (const std::uint32_t i : lanes) {
    Lane* lane = &burst->lanes[i];
    const std::uint8_t to =
        worker->shared->peers[lane->peer].sealing_worker.load(std::memory_order_relaxed);
    *packet_note(lane->mbuf) = PacketNote{.kind = NoteKind::seal,
                                          .origin = lane->origin,
                                          .answer = lane->answer,
                                          .interface = lane->interface,
                                          .mtu = lane->mtu,
                                          .peer = lane->peer};
    if (worker->handed == nullptr || to >= worker->handed->workers() ||
        !worker->handed->give(worker->index, to, lane->mbuf)) {
      drop_unsealed(lane, Drop::handover_full, worker);
    }
  }
}

// A lane that has its session: what it comes to, or its end.
void plan(Burst* burst, std::uint32_t i, const OuterTemplate& outer, Room<Plan, kBurst>* plans,
          CounterBlocks* blocks, LaneList* ready, WorkerContext* worker) {
  Lane* lane = &burst->lanes[i];
  Plan* plan = new (plans->at(i)) Plan{};
  if (!make_plan(*lane, outer, *worker, plan)) {
    drop_unsealed(lane, Drop::no_child, worker);
    return;
  }
  blocks->count(lane->session, static_cast<std::uint32_t>(plan->text));
  ready->push(i);
}

}  // namespace

void esp_encap(Burst* burst, WorkerContext* worker) {
  LaneList ready;
  LaneList others;
  CounterBlocks blocks;
  std::array<const OuterTemplate*, kBurst> outers;
  Room<Plan, kBurst> plans;
  // The last lane that has all it needs: those for the same child, mostly all of them, have it too.
  const Lane* like = nullptr;
  std::uint32_t like_place = 0;
  for (const std::uint32_t i : burst->to_esp_encap) {
    Lane* lane = &burst->lanes[i];
    if (like != nullptr && lane->peer == like->peer && lane->origin != Origin::host) {
      outers[i] = outers[like_place];
      lane->session = like->session;
      plan(burst, i, *outers[i], &plans, &blocks, &ready, worker);
      continue;
    }
    if (lane->peer == abi::kNoPeer) {
      refuse(burst, i, Drop::no_child, worker);
      continue;
    }
    const Peer& peer = worker->shared->peers[lane->peer];
    const std::uint8_t sealer = peer.sealing_worker.load(std::memory_order_relaxed);
    if (sealer != abi::kAnyWorker && sealer != worker->index) {
      others.push(i);
      continue;
    }
    outers[i] = outer_of(*lane, *worker);
    if (outers[i] == nullptr) {
      worker->peer_counters[lane->peer].drops.add(1);
      refuse(burst, i, Drop::no_endpoint, worker);
      continue;
    }
    // What the host sends itself was not measured yet.
    if (lane->length > outers[i]->inner_mtu && lane->origin == Origin::host) {
      lane->mtu = outers[i]->inner_mtu;
      refuse(burst, i, Drop::too_big, worker);
      continue;
    }
    lane->session = peer.sealing_session();
    if (lane->session != nullptr && lane->session->exhausted.load(std::memory_order_relaxed)) {
      drop_unsealed(lane, Drop::esp_send_limit, worker);
      continue;
    }
    if (lane->session == nullptr || lane->session->too_old(worker->now_tsc)) {
      if (lane->length == 0) {
        drop_unsealed(lane, Drop::no_session, worker);
        continue;
      }
      wait_for_session(lane);
      burst->to_host.push(i);
      continue;
    }
    like = lane;
    like_place = i;
    plan(burst, i, *outers[i], &plans, &blocks, &ready, worker);
  }
  hand_over(burst, others, worker);

  Room<crypto::AeadJob, kBurst> jobs;
  std::array<AssociatedData, kBurst> aads;
  LaneList wrapped;
  for (const std::uint32_t i : ready) {
    Lane* lane = &burst->lanes[i];
    if (!blocks.next(lane->session, &lane->counter)) {
      drop_unsealed(lane, Drop::esp_send_limit, worker);
      continue;
    }
    const std::uint16_t inner_length = lane->length;
    if (!wrap(lane, *outers[i], plans[i], worker, &jobs[wrapped.size], &aads[i])) {
      drop_unsealed(lane, Drop::too_big, worker);
      continue;
    }
    count_sent(*lane, inner_length, worker);
    wrapped.push(i);
  }
  if (wrapped.size == 0) {
    return;
  }
  worker->aead->seal({jobs.data(), wrapped.size});
  for (const std::uint32_t i : wrapped) {
    if (outers[i]->kind == abi::PeerKind::esp_in_udp) {
      finish_checksum(&burst->lanes[i]);
    }
    send_sealed(burst, i, *outers[i], worker);
  }
}

}  // namespace gotthard::dataplane
