#include <rte_prefetch.h>

#include <array>
#include <cstring>

#include "dataplane/stage/lookup.h"
#include "dataplane/stage/opened.h"
#include "dataplane/stage/stages.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"
#include "dataplane/wire/wireguard.h"

namespace gotthard::dataplane {
namespace {

const wire::WgDataHeader* data_header(const Lane& lane) {
  return reinterpret_cast<const wire::WgDataHeader*>(lane.ip + lane.udp_offset +
                                                     sizeof(wire::UdpHeader));
}

std::size_t message_length(const Lane& lane) {
  return lane.length - lane.udp_offset - sizeof(wire::UdpHeader);
}

// A burst from many peers finds little of their sessions in the caches: what opening looks at, for
// all packets at a time, takes not much longer than what it looks at for one. Each step is where
// the one before it leads.
void prefetch_sessions(const Burst& burst, const LaneList& lanes, const WorkerContext& worker) {
  const SessionTable& sessions = worker.shared->sessions;
  const auto each = [&](auto look) {
    for (const std::uint32_t i : lanes) {
      look(*data_header(burst.lanes[i]));
    }
  };
  const auto each_found = [&](auto look) {
    each([&](const wire::WgDataHeader& header) {
      if (const Session* session = sessions.find(header.receiver.get())) {
        look(*session, header.counter.get());
      }
    });
  };
  each([&](const wire::WgDataHeader& header) { sessions.prefetch(header.receiver.get()); });
  each([&](const wire::WgDataHeader& header) {
    if (const Session* session = sessions.at(header.receiver.get())) {
      rte_prefetch0(session);
      rte_prefetch0(&session->confirmed);
      rte_prefetch0(&session->open_key);
    }
  });
  each_found([&](const Session& session, std::uint64_t counter) {
    session.window.prefetch(counter);
    rte_prefetch0(&worker.shared->peers[session.peer]);
    rte_prefetch0(&worker.peer_counters[session.peer]);
  });
  each_found([&](const Session& session, std::uint64_t) {
    rte_prefetch0(worker.shared->peers[session.peer].outer.load(std::memory_order_relaxed));
  });
}

// A burst of one peer, as far as its ends show, needs nothing that the one before it did not.
void prefetch_for_many(const Burst& burst, const WorkerContext& worker) {
  const auto names = [&](std::uint32_t i) {
    return message_length(burst.lanes[i]) >= wire::kWgDataMinimum;
  };
  const auto id = [&](std::uint32_t i) {
    return names(i) ? data_header(burst.lanes[i])->receiver.get() : 0;
  };
  const LaneList& all = burst.to_decap;
  if (all.size == 0 || id(all.lanes[0]) == id(all.lanes[all.size - 1])) {
    return;
  }
  LaneList naming;
  for (const std::uint32_t i : all) {
    if (names(i)) {
      naming.push(i);
    }
  }
  prefetch_sessions(burst, naming, worker);
}

// Everything that can be refused before any cryptography. `like` was found for the lane before.
Drop find_session(Lane* lane, Session* like, const WorkerContext& worker) {
  if (message_length(*lane) < wire::kWgDataMinimum) {
    return Drop::wg_bad_length;
  }
  const wire::WgDataHeader* header = data_header(*lane);
  const std::uint32_t id = header->receiver.get();
  lane->session = like != nullptr && like->local_id == id ? like : worker.shared->sessions.find(id);
  if (lane->session == nullptr || lane->session->interface != lane->interface) {
    return Drop::wg_unknown_session;
  }
  lane->counter = header->counter.get();
  if (lane->counter >= lane->session->message_limit) {
    return Drop::wg_counter_limit;
  }
  if (lane->session->too_old(worker.now_tsc)) {
    return Drop::wg_session_expired;
  }
  switch (lane->session->window.precheck(lane->counter)) {
    case ReplayWindow::Verdict::accept:
      return Drop::none;
    case ReplayWindow::Verdict::replay:
      return Drop::wg_replay;
    case ReplayWindow::Verdict::late:
      return Drop::wg_late;
  }
  return Drop::wg_replay;
}

void fill(crypto::AeadJob* job, const Lane& lane) {
  auto* text = lane.ip + lane.udp_offset + sizeof(wire::UdpHeader) + sizeof(wire::WgDataHeader);
  const auto length = static_cast<std::uint32_t>(message_length(lane) - wire::kWgDataMinimum);
  job->key = &lane.session->open_key;
  job->text = text;
  job->length = length;
  job->aad_length = 0;
  constexpr std::uint32_t kZero = 0;
  std::memcpy(job->nonce.data(), &kZero, sizeof(kZero));
  std::memcpy(job->nonce.data() + sizeof(kZero), &lane.counter, sizeof(lane.counter));
  job->aad = nullptr;
  job->tag = text + length;
}

// Strips what surrounded the inner packet. False: nothing inside to route (a keepalive, or
// invalid).
bool unwrap(Lane* lane, ReceivedSums* received, WorkerContext* worker) {
  std::byte* inner =
      lane->ip + lane->udp_offset + sizeof(wire::UdpHeader) + sizeof(wire::WgDataHeader);
  const std::size_t length = message_length(*lane) - wire::kWgDataMinimum;
  if (length == 0) {
    worker->peer_counters[lane->session->peer].rx_keepalives.add(1);
    rte_pktmbuf_free(lane->mbuf);
    return false;
  }
  Family family = Family::none;
  const std::uint16_t packet = inner_length({inner, length}, &family);
  const Drop reason = packet != 0 ? take_over_ecn(inner, family, *lane) : Drop::wg_inner_invalid;
  if (reason != Drop::none) {
    worker->peer_counters[lane->session->peer].drops.add(1);
    drop_packet(lane, reason, worker->counters);
    return false;
  }
  received->add(lane->session, packet);
  become_inner(lane, inner, family, packet);
  return true;
}

// Cryptokey routing: the inner source must be the peer's (whitepaper, section 2).
void check_sources(Burst* burst, const LaneList& unwrapped, WorkerContext* worker) {
  std::array<std::uint64_t, kBurst> owners;
  lookup<LookupKey::source>(*burst, unwrapped, *worker->shared->tables, abi::Table::sources,
                            owners.data());
  // Mostly the last one's again.
  std::uint64_t owner = 0;
  const Lane* like = nullptr;
  for (std::uint32_t i = 0; i < unwrapped.size; ++i) {
    Lane* lane = &burst->lanes[unwrapped.lanes[i]];
    if (like != nullptr && owners[i] == owner && lane->session == like->session) {
      burst->to_route.push(unwrapped.lanes[i]);
      continue;
    }
    if (worker->shared->hops.owner_of(owners[i], lane->interface) != lane->peer) {
      worker->peer_counters[lane->peer].drops.add(1);
      drop_packet(lane, Drop::wg_source_denied, worker->counters);
      continue;
    }
    owner = owners[i];
    like = lane;
    burst->to_route.push(unwrapped.lanes[i]);
  }
}

}  // namespace

void wg_decap(Burst* burst, WorkerContext* worker) {
  prefetch_for_many(*burst, *worker);
  Room<crypto::AeadJob, kBurst> jobs;
  LaneList sealed;
  Session* like = nullptr;
  for (const std::uint32_t i : burst->to_decap) {
    Lane* lane = &burst->lanes[i];
    if (const Drop reason = find_session(lane, like, *worker); reason != Drop::none) {
      drop_packet(lane, reason, worker->counters);
      continue;
    }
    like = lane->session;
    fill(&jobs[sealed.size], *lane);
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
      worker->peer_counters[lane->session->peer].drops.add(1);
      drop_packet(lane, Drop::wg_open_failed, worker->counters);
    }
  }
  commit_windows(burst, authentic, {.late = Drop::wg_late, .replay = Drop::wg_replay}, worker);

  Home home;
  ReceivedSums received(worker);
  LaneList unwrapped;
  for (const std::uint32_t i : authentic) {
    Lane* lane = &burst->lanes[i];
    if (lane->drop != Drop::none) {
      continue;
    }
    if (!home.has(*lane, *worker)) {
      tell_move(*lane, worker);
    }
    if (unwrap(lane, &received, worker)) {
      unwrapped.push(i);
    }
  }
  check_sources(burst, unwrapped, worker);
}

}  // namespace gotthard::dataplane
