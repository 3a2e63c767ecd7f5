#include "dataplane/manager/directory_writer.h"

namespace gotthard::dataplane {
namespace {

void put(abi::Counter* to, std::uint64_t value) { to->store(value, std::memory_order_relaxed); }
void put(std::atomic<std::uint32_t>* to, std::uint32_t value) {
  to->store(value, std::memory_order_relaxed);
}

// Workers' sums since they started.
PeerTraffic sum_of(const std::vector<std::unique_ptr<Worker>>& workers, std::uint32_t peer) {
  PeerTraffic sum;
  for (const auto& worker : workers) {
    const PeerCounters& c = worker->peer_counters(peer);
    sum.rx_packets += c.rx_packets.get();
    sum.rx_bytes += c.rx_bytes.get();
    sum.rx_keepalives += c.rx_keepalives.get();
    sum.tx_packets += c.tx_packets.get();
    sum.tx_bytes += c.tx_bytes.get();
    sum.tx_keepalives += c.tx_keepalives.get();
    sum.drops += c.drops.get();
  }
  return sum;
}

void subtract(PeerTraffic* from, const PeerTraffic& base) {
  from->rx_packets -= base.rx_packets;
  from->rx_bytes -= base.rx_bytes;
  from->rx_keepalives -= base.rx_keepalives;
  from->tx_packets -= base.tx_packets;
  from->tx_bytes -= base.tx_bytes;
  from->tx_keepalives -= base.tx_keepalives;
  from->drops -= base.drops;
}

}  // namespace

void DirectoryWriter::sum(Nanoseconds now) {
  for (const auto& [peer, stored] : peers_->all()) {
    PeerTraffic& old = traffic_[peer];
    PeerTraffic next = sum_of(*workers_, peer);
    subtract(&next, base_[peer]);
    const bool rx_data = next.rx_packets != old.rx_packets;
    const bool rx = rx_data || next.rx_keepalives != old.rx_keepalives;
    const bool tx_data = next.tx_packets != old.tx_packets;
    const bool tx = tx_data || next.tx_keepalives != old.tx_keepalives;
    next.last_rx = rx ? now : old.last_rx;
    next.last_rx_data = rx_data ? now : old.last_rx_data;
    next.last_tx = tx ? now : old.last_tx;
    next.last_tx_data = tx_data ? now : old.last_tx_data;
    next.unanswered_since = rx ? 0 : old.unanswered_since;
    if (tx_data && !rx && next.unanswered_since == 0) {
      next.unanswered_since = now;
    }
    old = next;
  }
}

void DirectoryWriter::forget_peer(std::uint32_t peer) {
  base_[peer] = sum_of(*workers_, peer);
  traffic_[peer] = PeerTraffic{};
}

void DirectoryWriter::refresh(abi::Directory* directory, Nanoseconds now) {
  write_workers(directory);
  write_peers(directory);
  write_sessions(directory);
  put(&directory->header.heartbeat_ns, now);
}

void DirectoryWriter::write_workers(abi::Directory* directory) const {
  for (std::size_t i = 0; i < workers_->size(); ++i) {
    const WorkerCounters& c = (*workers_)[i]->counters();
    abi::WorkerEntry& entry = directory->worker[i];
    put(&entry.loops, c.loops.get());
    put(&entry.idle_loops, c.idle_loops.get());
    put(&entry.sleeps, c.sleeps.get());
    put(&entry.rx_packets, c.rx_packets.get());
    put(&entry.tx_packets, c.tx_packets.get());
    put(&entry.busy_cycles, c.busy_cycles.get());
    put(&entry.total_cycles, c.total_cycles.get());
    put(&entry.spread_late, c.spread_late.get());
    put(&entry.spread_overflows, c.spread_overflows.get());
    for (std::size_t d = 0; d < kDropCount; ++d) {
      put(&entry.drops[d], c.drops[d].get());
    }
    for (std::size_t s = 0; s < kStageCount; ++s) {
      put(&entry.stages[s].bursts, c.stages[s].bursts.get());
      put(&entry.stages[s].packets, c.stages[s].packets.get());
      put(&entry.stages[s].cycles, c.stages[s].cycles.get());
    }
  }
}

void DirectoryWriter::write_peers(abi::Directory* directory) {
  for (const std::uint32_t peer : published_peers_) {
    if (peers_->find(peer) == nullptr) {
      put(&directory->peer[peer].used, 0);
    }
  }
  published_peers_.clear();
  for (const auto& [peer, stored] : peers_->all()) {
    abi::PeerEntry& entry = directory->peer[peer];
    const PeerTraffic& t = traffic_[peer];
    for (std::size_t i = 0; i < stored.public_key.size(); ++i) {
      entry.public_key[i].store(stored.public_key[i], std::memory_order_relaxed);
    }
    put(&entry.rx_packets, t.rx_packets);
    put(&entry.rx_bytes, t.rx_bytes);
    put(&entry.tx_packets, t.tx_packets);
    put(&entry.tx_bytes, t.tx_bytes);
    put(&entry.rx_keepalives, t.rx_keepalives);
    put(&entry.tx_keepalives, t.tx_keepalives);
    put(&entry.drops, t.drops);
    put(&entry.last_rx_ns, t.last_rx);
    put(&entry.last_rx_data_ns, t.last_rx_data);
    put(&entry.last_tx_ns, t.last_tx);
    put(&entry.last_tx_data_ns, t.last_tx_data);
    put(&entry.unanswered_since_ns, t.unanswered_since);
    const Keypairs& pairs = sessions_->keypairs(peer);
    put(&entry.previous_session, pairs.previous);
    put(&entry.current_session, pairs.current);
    put(&entry.next_session, pairs.next);
    put(&entry.interface, stored.interface);
    put(&entry.used, 1);
    published_peers_.push_back(peer);
  }
}

void DirectoryWriter::write_sessions(abi::Directory* directory) {
  for (const std::uint32_t slot : published_slots_) {
    if (!sessions_->slots().contains(slot)) {
      put(&directory->session[slot].state, static_cast<std::uint32_t>(abi::SessionState::empty));
    }
  }
  published_slots_.clear();
  for (const auto& [slot, stored] : sessions_->slots()) {
    abi::SessionEntry& entry = directory->session[slot];
    put(&entry.local_id, stored.local_id);
    put(&entry.peer, stored.peer);
    put(&entry.initiator, stored.initiator ? 1 : 0);
    put(&entry.installed_ns, stored.installed);
    if (const Session* session = stored.session; session != nullptr) {
      put(&entry.remote_id, session->remote_id);
      put(&entry.confirmed, session->confirmed.load(std::memory_order_relaxed) ? 1 : 0);
      put(&entry.sent, session->next_counter.load(std::memory_order_relaxed));
      put(&entry.received, session->window.received());
    }
    const auto state =
        stored.session != nullptr ? abi::SessionState::live : abi::SessionState::retiring;
    put(&entry.state, static_cast<std::uint32_t>(state));
    published_slots_.push_back(slot);
  }
}

}  // namespace gotthard::dataplane
