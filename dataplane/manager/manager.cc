#include "dataplane/manager/manager.h"

#include <rte_cycles.h>
#include <rte_version.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/socket.h"
#include "crypto/random.h"

namespace gotthard::dataplane {
namespace {

constexpr std::uint32_t kRingSize = 4096;
constexpr std::uint32_t kPacketsPerRound = 256;
constexpr Nanoseconds kPublish = 50 * kMillisecond;

template <std::size_t N>
void put_text(std::array<char, N>* to, std::string_view from) {
  to->fill(0);
  from.copy(to->data(), N - 1);
}

}  // namespace

// ---------------------------------------------------------------- one round

bool Manager::round() {
  const Nanoseconds now = boottime_now();
  bool busy = control_->serve(now, rte_rdtsc());
  busy |= links_->receive(kPacketsPerRound, [&](rte_mbuf* mbuf) { take(mbuf, now); }) > 0;
  busy |= topology_->whole() && serve_host();
  retired_->poll();
  sessions_->tick(now);
  control_->tick(now);
  fragments_->tick(now);
  path_mtu_->tick(now);
  if (now - last_publish_ >= kPublish) {
    last_publish_ = now;
    publish(now);
  }
  return busy;
}

// Before it is known which addresses are the host's, what it sends waits in its queues: dropped
// would be its answer to a neighbour that asks only once.
bool Manager::serve_host() {
  bool busy = false;
  for (std::uint16_t port = 0; port < ports_.size(); ++port) {
    busy |= bridge_->twin_fd(port) >= 0 && bridge_->from_twin(port);
  }
  for (std::uint16_t interface = 0; interface < abi::kMaxInterfaces; ++interface) {
    busy |= bridge_->tun_fd(interface) >= 0 && bridge_->from_tun(interface);
  }
  return busy;
}

void Manager::take(rte_mbuf* mbuf, Nanoseconds now) {
  const PacketNote note = *packet_note(mbuf);
  switch (note.kind) {
    case NoteKind::to_twin:
      if (note.origin == Origin::underlay) {
        path_mtu_->hear(frame_bytes(mbuf), now);
      }
      bridge_->to_twin(note.port, mbuf);
      break;
    case NoteKind::to_tun:
      bridge_->to_tun(note.interface, mbuf);
      break;
    case NoteKind::fragment:
    case NoteKind::fragment_outer:
      fragments_->cut(mbuf);
      break;
    case NoteKind::reassemble:
      fragments_->reassemble(mbuf, now);
      break;
    default:
      control_->take(mbuf, now);
      break;
  }
}

void Manager::publish(Nanoseconds now) {
  directory_->sum(now);
  watch_links();
  if (control_->attachment() == nullptr) {
    return;
  }
  abi::Directory& directory = control_->attachment()->directory();
  const auto put = [](auto* to, std::uint64_t value) {
    to->store(static_cast<typename std::remove_reference_t<decltype(*to)>::value_type>(value),
              std::memory_order_relaxed);
  };
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const nic::PortStatistics s = ports_[i].port->statistics();
    abi::PortEntry& entry = directory.port[i];
    put(&entry.rx_packets, s.rx_packets);
    put(&entry.rx_bytes, s.rx_bytes);
    put(&entry.tx_packets, s.tx_packets);
    put(&entry.tx_bytes, s.tx_bytes);
    put(&entry.rx_missed, s.rx_missed);
    put(&entry.rx_errors, s.rx_errors);
    put(&entry.tx_errors, s.tx_errors);
    put(&entry.rx_no_mbuf, s.rx_no_mbuf);
    put(&entry.host_tx_packets, bridge_->twin_counters(static_cast<std::uint16_t>(i)).to_host);
    put(&entry.host_rx_packets, bridge_->twin_counters(static_cast<std::uint16_t>(i)).from_host);
    put(&entry.link_up, link_up_[i] ? 1 : 0);
  }
  put(&directory.header.commands_refused, control_->commands_refused());
  put(&directory.header.events_lost, control_->events_lost());
  put(&directory.header.punts_lost, control_->punts_lost());
  for (std::size_t i = 0; i < kDropCount; ++i) {
    put(&directory.header.manager_drops[i], links_->drops()[i]);
  }
  directory_->refresh(&directory, now);
}

void Manager::watch_links() {
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const bool up = ports_[i].port->link_up();
    if (up != link_up_[i]) {
      link_up_[i] = up;
      log::event(log::Level::info, log::Subsystem::port, "link",
                 {{"port", ports_[i].name}, {"up", up}});
      tell_link(static_cast<std::uint16_t>(i));
    }
  }
}

void Manager::tell_link(std::uint16_t port) {
  control_->tell(
      abi::PortState{.port = port, .link_up = static_cast<std::uint8_t>(link_up_[port] ? 1 : 0)});
}

// ---------------------------------------------------------------- the loop

Status Manager::run(int supervisor_socket) {
  if (const Status watched = watch(supervisor_socket); !watched) {
    return watched;
  }
  for (std::uint16_t i = 0; i < workers_.size(); ++i) {
    const Status launched = nic::launch_worker(
        i,
        [](void* worker) {
          static_cast<Worker*>(worker)->run();
          return 0;
        },
        workers_[i].get());
    if (!launched) {
      return launched;
    }
  }
  bool going_on = true;
  while (going_on) {
    // Workers cannot wake this thread: it looks by itself, once a millisecond when all is quiet.
    idle_rounds_ = round() ? 0 : idle_rounds_ + 1;
    const int timeout_ms = idle_rounds_ == 0 ? 0 : 1;
    std::array<epoll_event, 16> events;
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == supervisor_socket) {
        going_on = serve_supervisor(supervisor_socket);
      } else {
        check_attachment();
      }
    }
  }
  return {};
}

bool Manager::serve_supervisor(int socket) {
  bool closed = false;
  auto message = receive_message(socket, sizeof(abi::HostMessage), false, &closed);
  if (!message || closed) {
    return false;
  }
  if (!*message) {
    return true;
  }
  abi::HostMessage request{.version = 0};
  const auto& bytes = (*message)->bytes;
  std::memcpy(&request, bytes.data(), std::min(bytes.size(), sizeof(request)));
  auto& fds = (*message)->fds;
  if (bytes.size() != sizeof(request) || request.version != abi::kVersion) {
    log::event(log::Level::error, log::Subsystem::dataplane, "supervisor_of_another_version",
               {{"version", request.version}, {"ours", abi::kVersion}});
    return true;
  }
  if (request.type == abi::HostMessageType::attach_control && fds.size() == 1) {
    if (const Status attached = attach_control(std::move(fds[0])); !attached) {
      log::event(log::Level::error, log::Subsystem::dataplane, "attach_failed",
                 {{"error", attached.error().message}});
    }
  }
  return request.type != abi::HostMessageType::stop;
}

void Manager::check_attachment() {
  Attachment* attachment = control_->attachment();
  if (attachment == nullptr) {
    return;
  }
  attachment->clear_wake();
  bool closed = false;
  const auto message = receive_message(attachment->socket(), 1, false, &closed);
  if (closed || !message) {
    log::event(log::Level::warning, log::Subsystem::dataplane, "control_detached",
               {{"epoch", attachment->epoch()}});
    control_->detach();
  }
}

Status Manager::watch(int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return fail("cannot watch a descriptor: {}", std::strerror(errno));
  }
  return {};
}

// ---------------------------------------------------------------- attachments

Status Manager::attach_control(UniqueFd socket) {
  control_->detach();
  const std::uint64_t epoch = ++epoch_;
  auto attachment = Attachment::create(std::move(socket), epoch, [&](abi::Directory* directory) {
    fill_header(directory, epoch);
    directory_->refresh(directory, boottime_now());
  });
  if (!attachment) {
    return tl::unexpected(attachment.error());
  }
  if (epoll_) {
    for (const int fd : {(*attachment)->socket(), (*attachment)->wake_fd()}) {
      if (const Status watched = watch(fd); !watched) {
        return watched;
      }
    }
  }
  control_->attach(std::move(*attachment));
  for (std::uint16_t i = 0; i < ports_.size(); ++i) {
    tell_link(i);
  }
  log::event(log::Level::info, log::Subsystem::dataplane, "control_attached", {{"epoch", epoch}});
  return {};
}

void Manager::fill_header(abi::Directory* directory, std::uint64_t epoch) const {
  abi::DirectoryHeader& header = directory->header;
  header.version = abi::kVersion;
  header.workers = static_cast<std::uint32_t>(workers_.size());
  header.ports = static_cast<std::uint32_t>(ports_.size());
  header.epoch = epoch;
  header.instance = instance_;
  header.tsc_hz = rte_get_tsc_hz();
  header.started_ns = started_;
  put_text(&header.aead_backend, aead_->backend_name());
  put_text(&header.dpdk_version, rte_version());
  put_text(&header.memory, options_.hugepages ? "hugepages" : "pages");
  put_text(&header.idle, options_.sleep_when_idle ? "adaptive" : "poll");
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    directory->worker[i].core.store(options_.worker_cpus[i]);
  }
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const nic::Port& port = *ports_[i].port;
    abi::PortEntry& entry = directory->port[i];
    put_text(&entry.driver, port.driver());
    entry.queues.store(port.queues());
    entry.rss.store((port.spreads() ? abi::kSpreadsFlows : 0) |
                    (port.spreads_spis() ? abi::kSpreadsSpis : 0));
    entry.socket.store(static_cast<std::uint32_t>(port.socket()));
    entry.mtu.store(port.mtu());
    for (std::size_t b = 0; b < port.mac().size(); ++b) {
      entry.mac[b].store(port.mac()[b]);
    }
  }
}

// ---------------------------------------------------------------- creation

Status Manager::make_workers() {
  const auto count = static_cast<std::uint32_t>(options_.worker_cpus.size());
  if (count > 1) {
    handoff_ = std::make_unique<SpreadHandoff>(count);
    handed_ = std::make_unique<PacketHandoff>(count);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    auto worker = Worker::create({.index = i,
                                  .count = count,
                                  .sleep_when_idle = options_.sleep_when_idle,
                                  .backend = options_.backend,
                                  .socket = options_.socket,
                                  .handoff = handoff_.get(),
                                  .spread = options_.spread,
                                  .handed = handed_.get()},
                                 shared_.get(), rcu_.get(), kRingSize);
    if (!worker) {
      return tl::unexpected(worker.error());
    }
    workers_.push_back(std::move(*worker));
  }
  return {};
}

Result<std::unique_ptr<Manager>> Manager::create(const ManagerOptions& options,
                                                 std::vector<ManagedPort> ports,
                                                 rte_mempool* pool) {
  std::unique_ptr<Manager> m(new Manager(options));
  m->pool_ = pool;
  m->ports_ = std::move(ports);
  for (const ManagedPort& port : m->ports_) {
    m->link_up_.push_back(port.port->link_up());
  }
  m->instance_ = crypto::random_u64();
  m->started_ = boottime_now();
  m->shared_ = std::make_unique<Shared>();
  m->epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!register_packet_note() || !m->epoll_) {
    return fail("DPDK has no room for our notes in its packet buffers, or epoll is not to be had");
  }
  auto rcu = Rcu::create(static_cast<std::uint32_t>(options.worker_cpus.size()));
  if (!rcu) {
    return tl::unexpected(rcu.error());
  }
  m->rcu_ = std::move(*rcu);
  auto tables = Tables::create(m->rcu_.get(), options.socket, options.routes);
  if (!tables) {
    return tl::unexpected(tables.error());
  }
  m->tables_ = std::move(*tables);
  m->shared_->tables = m->tables_.get();
  auto aead = crypto::AeadEngine::create(options.backend);
  auto mac = crypto::Blake2sMac::create();
  if (!aead || !mac) {
    return tl::unexpected(aead ? mac.error() : aead.error());
  }
  m->aead_ = std::make_unique<crypto::AeadEngine>(std::move(*aead));
  crypto::Secret<32> hash_key;
  crypto::random_bytes(hash_key.bytes());
  m->keys_ = std::make_unique<KeyRegistry>(std::move(*mac), std::move(hash_key));
  if (const Status made = m->make_workers(); !made) {
    return tl::unexpected(made.error());
  }

  std::vector<TopologyPort> topology;
  for (const ManagedPort& port : m->ports_) {
    topology.push_back({.mac = port.port->mac(),
                        .underlay = port.underlay,
                        .mtu = port.port->mtu(),
                        .ethdev = port.port->ethdev(),
                        .queues = static_cast<std::uint16_t>(port.port->queues())});
  }
  Manager* self = m.get();
  m->retired_ = std::make_unique<RetireList>(m->rcu_.get());
  m->links_ = std::make_unique<WorkerLinks>(&m->workers_);
  m->topology_ =
      std::make_unique<TopologyStore>(m->shared_.get(), m->retired_.get(), std::move(topology));
  m->peers_ = std::make_unique<PeerStore>(m->shared_.get(), m->retired_.get());
  m->policies_ = std::make_unique<PolicyStore>(m->shared_.get(), m->retired_.get());
  m->sessions_ = std::make_unique<SessionStore>(
      m->shared_.get(), m->retired_.get(), m->keys_.get(), m->aead_.get(), rte_get_tsc_hz(),
      options.socket, [self](const abi::EventBody& event) { self->control_->tell(event); });
  m->path_mtu_ = std::make_unique<PathMtu>(m->sessions_.get(), m->peers_.get());
  m->directory_ =
      std::make_unique<DirectoryWriter>(&m->workers_, m->peers_.get(), m->sessions_.get());
  m->control_ = std::make_unique<ControlSide>(ManagedState{.shared = m->shared_.get(),
                                                           .retired = m->retired_.get(),
                                                           .topology = m->topology_.get(),
                                                           .peers = m->peers_.get(),
                                                           .policies = m->policies_.get(),
                                                           .sessions = m->sessions_.get(),
                                                           .directory = m->directory_.get(),
                                                           .links = m->links_.get(),
                                                           .pool = pool});
  m->bridge_ =
      std::make_unique<HostBridge>(m->shared_.get(), m->topology_.get(), m->links_.get(), pool);
  m->fragments_ =
      std::make_unique<Fragments>(m->topology_.get(), m->links_.get(), m->bridge_.get(), pool);
  return m;
}

Manager::~Manager() {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    workers_[i]->stop();
    nic::join_worker(static_cast<unsigned>(i));
  }
  // What waits for a grace period may name any of the stores: it goes first, while they stand.
  retired_.reset();
}

}  // namespace gotthard::dataplane
