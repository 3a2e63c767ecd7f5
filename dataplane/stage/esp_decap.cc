#include <array>
#include <cstring>

#include "dataplane/stage/esp_job.h"
#include "dataplane/stage/opened.h"
#include "dataplane/stage/stages.h"
#include "dataplane/wire/esp.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/selector_key.h"
#include "dataplane/wire/transport.h"

namespace gotthard::dataplane {
namespace {

const wire::EspHeader* header_of(const Lane& lane) {
  return reinterpret_cast<const wire::EspHeader*>(lane.ip + lane.esp_offset);
}

std::optional<wire::EspText> find_text(std::size_t length, const Session& session) {
  if (session.usual_esp) {  // sizes that the compiler knows
    return wire::find_esp_text(length, {.iv = kUsualIv, .icv = kUsualTag});
  }
  const crypto::SuiteTraits& traits = crypto::traits_of(session.open_key.suite());
  return wire::find_esp_text(length,
                             {.iv = traits.iv, .icv = traits.tag, .alignment = traits.alignment});
}

// Where the text of each lane lies; kept from before it is opened until after.
using Texts = Room<wire::EspText, kBurst>;

// An SA by its SPI; looked up once for the packets that follow each other.
class FoundSa {
 public:
  Drop find(std::uint32_t spi, Lane* lane, const WorkerContext& worker) {
    const bool nested = lane->origin == Origin::tunnel;
    if (session_ == nullptr || session_->local_id != spi || nested) {
      session_ = worker.shared->sessions.find(spi);
      if (session_ == nullptr || !session_->is_esp()) {
        session_ = nullptr;
        return Drop::esp_unknown_spi;
      }
      up_ = worker.topology->interfaces[session_->interface].up;
    }
    lane->session = session_;
    lane->interface = session_->interface;
    if (nested && lane->interface == lane->opened_at) {
      return Drop::tunnel_loop;
    }
    return up_ ? Drop::none : Drop::interface_down;
  }

 private:
  Session* session_ = nullptr;
  bool up_ = false;
};

// Everything that can be refused before any cryptography.
Drop find_sa(Lane* lane, FoundSa* sa, const WorkerContext& worker, wire::EspText* text) {
  const std::size_t length = lane->length - lane->esp_offset;
  if (length < sizeof(wire::EspHeader)) {
    return Drop::esp_bad_length;
  }
  const wire::EspHeader* header = header_of(*lane);
  if (const Drop reason = sa->find(header->spi.get(), lane, worker); reason != Drop::none) {
    return reason;
  }
  Session* session = lane->session;
  const auto found = find_text(length, *session);
  if (!found) {
    return Drop::esp_bad_length;
  }
  *text = *found;
  const std::uint32_t low = header->sequence.get();
  lane->counter = session->kind == SessionKind::esp_extended
                      ? wire::infer_sequence(low, session->window.received())
                      : low;
  if (lane->counter == 0) {
    return Drop::esp_sequence_zero;
  }
  if (session->too_old(worker.now_tsc) || session->opened_enough()) {
    return Drop::esp_expired;
  }
  switch (session->window.precheck(lane->counter)) {
    case ReplayWindow::Verdict::accept:
      return Drop::none;
    case ReplayWindow::Verdict::replay:
      return Drop::esp_replay;
    case ReplayWindow::Verdict::late:
      return Drop::esp_late;
  }
  return Drop::esp_replay;
}

void fill(crypto::AeadJob* job, const Lane& lane, const wire::EspText& text, AssociatedData* aad) {
  const Session& session = *lane.session;
  fill_esp_job({session.open_key, session.open_salt, session.kind == SessionKind::esp_extended},
               *header_of(lane), lane.counter, lane.ip + lane.esp_offset + text.offset, text.length,
               job, aad);
}

// For SAs that have a limit of what they open: one addition for each run of packets of one of them.
class Sums {
 public:
  void add(Session* session, std::size_t bytes) {
    if (!session->counts) {
      return;
    }
    if (session != session_) {
      settle();
      session_ = session;
    }
    ++packets_;
    bytes_ += bytes;
  }
  void settle() {
    if (session_ != nullptr) {
      session_->opened_packets.fetch_add(packets_, std::memory_order_relaxed);
      session_->opened_bytes.fetch_add(bytes_, std::memory_order_relaxed);
    }
    packets_ = 0;
    bytes_ = 0;
  }

 private:
  Session* session_ = nullptr;
  std::uint64_t packets_ = 0;
  std::uint64_t bytes_ = 0;
};

// What was inside, once it is known to be an IP packet.
struct Inner {
  std::byte* ip = nullptr;
  Family family = Family::none;
  std::uint16_t length = 0;
};

// Transport mode (RFC 4303, 3.1.1): the IP header that was outside is the packet's own. It moves up
// to what it belongs to.
Drop restore_header(Lane* lane, std::byte* payload, const wire::EspPayload& what, Inner* inner) {
  const std::size_t header = lane->udp_offset;
  const std::size_t length = header + what.length;
  std::byte* ip = payload - header;
  std::memmove(ip, lane->ip, header);
  if (lane->family == Family::ipv4) {
    auto* fixed = reinterpret_cast<wire::Ipv4Header*>(ip);
    fixed->protocol = what.next_header;
    fixed->total_length.set(static_cast<std::uint16_t>(length));
    fixed->checksum.set(0);
    fixed->checksum.set(wire::ipv4_checksum({ip, header}));
  } else {
    auto* fixed = reinterpret_cast<wire::Ipv6Header*>(ip);
    fixed->next_header = what.next_header;
    fixed->payload_length.set(static_cast<std::uint16_t>(what.length));
  }
  const auto parsed = wire::parse_ip({ip, length});
  if (!parsed || parsed->fragment) {
    return Drop::esp_inner_invalid;
  }
  // On its way the addresses may have become others, which its checksum is not of (RFC 3948,
  // 3.1.2); what was authenticated is right.
  if (lane->udp_offset != lane->esp_offset) {
    wire::renew_transport_checksum(std::span(ip, length), *parsed);
  }
  *inner = {.ip = ip, .family = parsed->family, .length = parsed->length};
  return Drop::none;
}

Drop find_inner(const Lane& lane, std::byte* payload, const wire::EspPayload& what, Inner* inner) {
  inner->ip = payload;
  inner->length = inner_length({payload, what.length}, &inner->family);
  if (inner->length == 0 ||
      what.next_header !=
          (inner->family == Family::ipv4 ? wire::kNextHeaderIpv4 : wire::kNextHeaderIpv6)) {
    return Drop::esp_inner_invalid;
  }
  return take_over_ecn(payload, inner->family, lane);
}

// An SA brings what its selectors name, and nothing else (RFC 4301, 5.2 step 4).
class Selectors {
 public:
  [[nodiscard]] bool have(const Lane& lane, const Inner& inner, const WorkerContext& worker) {
    if (lane.session != session_) {
      session_ = lane.session;
      table_ = worker.shared->peers[lane.session->peer].selectors.load(std::memory_order_acquire);
    }
    return table_ != nullptr && table_->match({inner.ip, inner.length}, inner.family,
                                              wire::Direction::inbound) != nullptr;
  }

 private:
  const Session* session_ = nullptr;
  const PolicyTable* table_ = nullptr;
};

// What is looked up, or counted, once for an SA's packets that follow each other.
struct OfSa {
  explicit OfSa(WorkerContext* worker) : received(worker) {}
  Home home;
  Selectors selectors;
  ReceivedSums received;
};

void refuse_opened(Lane* lane, Drop reason, WorkerContext* worker) {
  worker->peer_counters[lane->session->peer].drops.add(1);
  drop_packet(lane, reason, worker->counters);
}

// Who is behind a NAT may move; in transport mode the selectors are the addresses.
void follow(const Lane& lane, Home* home, WorkerContext* worker) {
  if (lane.udp_offset != lane.esp_offset && !lane.session->transport_mode &&
      !home->has(lane, *worker)) {
    tell_move(lane, worker);
  }
}

// Strips what surrounded the inner packet. False: nothing inside to route.
bool unwrap(Lane* lane, const wire::EspText& text, OfSa* of, WorkerContext* worker) {
  std::byte* payload = lane->ip + lane->esp_offset + text.offset;
  const auto what = wire::parse_esp_payload({payload, text.length});
  if (!what) {
    refuse_opened(lane, Drop::esp_bad_padding, worker);
    return false;
  }
  if (what->next_header == wire::kNextHeaderNone) {  // RFC 4303, 2.6: a dummy
    follow(*lane, &of->home, worker);
    worker->peer_counters[lane->session->peer].rx_keepalives.add(1);
    rte_pktmbuf_free(lane->mbuf);
    return false;
  }
  Inner inner;
  Drop reason = lane->session->transport_mode ? restore_header(lane, payload, *what, &inner)
                                              : find_inner(*lane, payload, *what, &inner);
  if (reason == Drop::none && !of->selectors.have(*lane, inner, *worker)) {
    reason = Drop::esp_selector_denied;
  }
  if (reason != Drop::none) {
    refuse_opened(lane, reason, worker);
    return false;
  }
  follow(*lane, &of->home, worker);
  of->received.add(lane->session, inner.length);
  become_inner(lane, inner.ip, inner.family, inner.length);
  return true;
}

}  // namespace

void esp_decap(Burst* burst, WorkerContext* worker) {
  Room<crypto::AeadJob, kBurst> jobs;
  std::array<AssociatedData, kBurst> aads;
  Texts texts;
  LaneList sealed;
  FoundSa sa;
  for (const std::uint32_t i : burst->to_esp_decap) {
    Lane* lane = &burst->lanes[i];
    if (const Drop reason = find_sa(lane, &sa, *worker, &texts[i]); reason != Drop::none) {
      drop_packet(lane, reason, worker->counters);
      continue;
    }
    fill(&jobs[sealed.size], *lane, texts[i], &aads[i]);
    sealed.push(i);
  }
  if (sealed.size == 0) {
    return;
  }

  const std::uint64_t authentic_mask = worker->aead->open({jobs.data(), sealed.size});
  LaneList authentic;
  for (std::uint32_t i = 0; i < sealed.size; ++i) {
    Lane* lane = &burst->lanes[sealed.lanes[i]];
    if ((authentic_mask >> i & 1) != 0) {
      authentic.push(sealed.lanes[i]);
    } else {
      refuse_opened(lane, Drop::esp_open_failed, worker);
    }
  }
  commit_windows(burst, authentic, {.late = Drop::esp_late, .replay = Drop::esp_replay}, worker);

  Sums sums;
  OfSa of(worker);
  for (const std::uint32_t i : authentic) {
    Lane* lane = &burst->lanes[i];
    if (lane->drop != Drop::none) {
      continue;
    }
    sums.add(lane->session, texts[i].length);
    if (unwrap(lane, texts[i], &of, worker)) {
      burst->to_route.push(i);
    }
  }
  sums.settle();
}

}  // namespace gotthard::dataplane
