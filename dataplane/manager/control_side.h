// What the manager does for control: carries out commands, tells events, passes handshake packets
// both ways. Works without an attachment too: sessions age, packets wait, keys are erased.
#pragma once

#include <rte_mempool.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "dataplane/manager/attachment.h"
#include "dataplane/manager/directory_writer.h"
#include "dataplane/manager/number_map.h"
#include "dataplane/manager/parking.h"
#include "dataplane/manager/peer_store.h"
#include "dataplane/manager/policy_store.h"
#include "dataplane/manager/session_store.h"
#include "dataplane/manager/topology_store.h"
#include "dataplane/manager/worker_links.h"
#include "dataplane/table/fib.h"
#include "dataplane/table/rcu.h"
#include "dataplane/worker_context.h"

namespace gotthard::dataplane {

// All that commands change. Owned by the manager.
struct ManagedState {
  Shared* shared;
  RetireList* retired;
  TopologyStore* topology;
  PeerStore* peers;
  PolicyStore* policies;
  SessionStore* sessions;
  DirectoryWriter* directory;
  WorkerLinks* links;
  rte_mempool* pool;
};

class ControlSide {
 public:
  explicit ControlSide(const ManagedState& state);

  void attach(std::unique_ptr<Attachment> attachment);
  void detach();
  [[nodiscard]] Attachment* attachment() const { return attachment_.get(); }

  // Commands and packets from control, as long as there are any, up to a bound. True: more to do.
  bool serve(Nanoseconds now, std::uint64_t now_tsc);
  // A packet that a worker handed up for control's sake: punted, parked or moved.
  void take(rte_mbuf* mbuf, Nanoseconds now);
  // What follows from the last commit of the tables, and from time.
  void tick(Nanoseconds now);

  // Told to control as soon as it can take it.
  void tell(const abi::EventBody& event);
  [[nodiscard]] std::uint64_t commands_refused() const { return commands_refused_; }
  [[nodiscard]] std::uint64_t events_lost() const { return events_lost_; }
  [[nodiscard]] std::uint64_t punts_lost() const { return punts_lost_; }

 private:
  // One for each command; a refusal is told to control.
  using Outcome = std::optional<abi::Refusal>;
  Outcome carry_out(const abi::ResyncBegin&);
  Outcome carry_out(const abi::ResyncEnd&);
  Outcome carry_out(const abi::InterfaceSet& c);
  Outcome carry_out(const abi::InterfaceRemove& c);
  Outcome carry_out(const abi::VlanSet& c);
  Outcome carry_out(const abi::VlanRemove& c);
  Outcome carry_out(const abi::LocalAddressSet& c);
  Outcome carry_out(const abi::LocalAddressRemove& c);
  Outcome carry_out(const abi::PeerSet& c);
  Outcome carry_out(const abi::PeerRemove& c);
  Outcome carry_out(const abi::SessionInstall& c);
  Outcome carry_out(const abi::SessionRemove& c);
  Outcome carry_out(const abi::SessionUse& c);
  Outcome carry_out(const abi::NextHopSet& c);
  Outcome carry_out(const abi::HopGroupSet& c);
  Outcome carry_out(const abi::HopChoiceSet& c);
  Outcome carry_out(const abi::OwnerSet& c);
  Outcome carry_out(const abi::PrefixSet& c);
  Outcome carry_out(const abi::PrefixRemove& c);
  Outcome carry_out(const abi::TablesCommit&);
  Outcome carry_out(const abi::NeighbourSet& c);
  Outcome carry_out(const abi::NeighbourRemove& c);
  Outcome carry_out(const abi::KeepaliveSend& c);
  Outcome carry_out(const abi::LogLevelSet& c);
  Outcome carry_out(const abi::SaInstall& c);
  Outcome carry_out(const abi::SelectorAdd& c);
  Outcome carry_out(const abi::SelectorsCommit& c);

  // Places and weights of members; places and fields.
  using GroupContent = std::vector<std::pair<std::uint32_t, std::uint16_t>>;
  using ChoiceContent =
      std::tuple<std::uint32_t, abi::HopField,
                 std::vector<std::tuple<std::uint32_t, std::uint8_t, std::uint8_t, abi::Address>>>;

  bool serve_commands();
  void serve_packets();
  [[nodiscard]] std::optional<std::uint32_t> neighbour_id(std::uint32_t number) const;
  [[nodiscard]] std::optional<std::uint32_t> target_of(const abi::NextHopSet& c) const;
  [[nodiscard]] std::uint8_t place_of(std::uint16_t link) const;
  [[nodiscard]] std::uint64_t seed_of(std::uint32_t next_hop) const;
  void start_commit();
  void free_places();
  void finish_commit();
  void inject(const abi::PacketRecord& record);
  void punt(rte_mbuf* mbuf);
  void park(rte_mbuf* mbuf, Nanoseconds now);
  Outcome tell_installed(const Outcome& outcome, std::uint32_t local_id, abi::KeyUse use,
                         std::uint32_t peer);
  [[nodiscard]] std::optional<std::uint8_t> sealing_worker(const abi::PeerSet& c) const;
  void release_session(std::uint32_t peer);
  void release_resolved();
  [[nodiscard]] bool is_resolved(std::uint16_t place, const abi::Address& address) const;
  [[nodiscard]] bool can_seal(std::uint32_t peer) const;
  void send_as(rte_mbuf* mbuf, NoteKind kind, std::uint32_t spread);
  void refuse(std::uint64_t serial, std::uint32_t local_id, abi::Refusal reason);
  void flush_events();

  ManagedState state_;
  std::unique_ptr<Attachment> attachment_;
  Parking parking_;
  std::deque<abi::EventBody> untold_;
  // Control's numbers to places in Hops. Neighbours are told apart by link and address.
  NumberMap<std::uint64_t> next_hops_{1, kHopPlaces};
  NumberMap<std::uint64_t> owners_{1, kHopPlaces};
  NumberMap<GroupContent> groups_{0, kGroupPlaces};
  NumberMap<ChoiceContent> choices_{0, kChoicePlaces};
  NumberMap<std::pair<std::uint16_t, abi::Address>> neighbours_{0, kNeighbourPlaces};
  std::map<std::uint32_t, std::pair<std::uint16_t, abi::Address>> neighbour_addresses_;  // by id
  std::optional<abi::PacketRecord> held_;  // injected, waits for commands
  bool resyncing_ = false;
  bool committing_ = false;
  std::uint64_t serial_ = 0;  // of the command being carried out
  Nanoseconds now_ = 0;
  std::uint64_t now_tsc_ = 0;
  std::uint64_t commands_refused_ = 0;
  std::uint64_t events_lost_ = 0;
  std::uint64_t punts_lost_ = 0;
  PuntPolice police_;
  Ipv4Ids ipv4_ids_;  // of control's packets
};

}  // namespace gotthard::dataplane
