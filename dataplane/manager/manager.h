// The data plane's main thread: serves control and supervisor, moves packets between workers and
// the kernel, publishes the directory, lets keys age. Workers never wait for it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "dataplane/abi/channel.h"
#include "dataplane/manager/control_side.h"
#include "dataplane/manager/directory_writer.h"
#include "dataplane/manager/fragments.h"
#include "dataplane/manager/host_bridge.h"
#include "dataplane/manager/key_registry.h"
#include "dataplane/manager/path_mtu.h"
#include "dataplane/manager/peer_store.h"
#include "dataplane/manager/session_store.h"
#include "dataplane/manager/topology_store.h"
#include "dataplane/manager/worker_links.h"
#include "dataplane/worker.h"
#include "nic/eal.h"
#include "nic/port.h"

namespace gotthard::dataplane {

struct ManagedPort {
  std::string name;
  bool underlay = false;
  std::unique_ptr<nic::Port> port;
};

struct ManagerOptions {
  std::vector<unsigned> worker_cpus;
  bool sleep_when_idle = true;
  bool hugepages = false;
  crypto::Backend backend = crypto::Backend::automatic;
  unsigned routes = 65536;
  SpreadPolicy spread = SpreadPolicy::automatic;
  int socket = 0;  // NUMA node of tables and sessions
};

class Manager {
 public:
  static Result<std::unique_ptr<Manager>> create(const ManagerOptions& options,
                                                 std::vector<ManagedPort> ports, rte_mempool* pool);
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager();

  HostBridge& host() { return *bridge_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }
  [[nodiscard]] const std::vector<ManagedPort>& ports() const { return ports_; }
  ControlSide& control() { return *control_; }
  [[nodiscard]] const Shared& shared() const { return *shared_; }

  // Takes the manager's end of a new attachment; the old one ends.
  Status attach_control(UniqueFd socket);

  // One round: everything that is there to be done now. False: nothing was.
  bool round();

  // Until the supervisor says stop or closes `supervisor_socket`.
  Status run(int supervisor_socket);

 private:
  bool serve_host();
  explicit Manager(ManagerOptions options) : options_(std::move(options)) {}
  Status make_workers();
  Status watch(int fd);
  // False: stop.
  bool serve_supervisor(int socket);
  void check_attachment();
  void take(rte_mbuf* mbuf, Nanoseconds now);
  void publish(Nanoseconds now);
  void fill_header(abi::Directory* directory, std::uint64_t epoch) const;
  void watch_links();
  void tell_link(std::uint16_t port);

  ManagerOptions options_;
  rte_mempool* pool_ = nullptr;
  std::vector<ManagedPort> ports_;
  std::vector<bool> link_up_;
  std::unique_ptr<Rcu> rcu_;
  std::unique_ptr<Shared> shared_;
  std::unique_ptr<Tables> tables_;
  std::unique_ptr<SpreadHandoff> handoff_;  // null: one worker
  std::unique_ptr<PacketHandoff> handed_;   // null: one worker
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<RetireList> retired_;
  std::unique_ptr<crypto::AeadEngine> aead_;
  std::unique_ptr<KeyRegistry> keys_;
  std::unique_ptr<WorkerLinks> links_;
  std::unique_ptr<TopologyStore> topology_;
  std::unique_ptr<PeerStore> peers_;
  std::unique_ptr<PolicyStore> policies_;
  std::unique_ptr<SessionStore> sessions_;
  std::unique_ptr<PathMtu> path_mtu_;
  std::unique_ptr<DirectoryWriter> directory_;
  std::unique_ptr<ControlSide> control_;
  std::unique_ptr<HostBridge> bridge_;
  std::unique_ptr<Fragments> fragments_;
  UniqueFd epoll_;
  std::uint64_t instance_ = 0;
  std::uint64_t epoch_ = 0;
  Nanoseconds started_ = 0;
  Nanoseconds last_publish_ = 0;
  std::uint32_t idle_rounds_ = 0;
};

}  // namespace gotthard::dataplane
