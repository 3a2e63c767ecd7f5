// Control as a whole: the configuration, the kernel's state, the peers and the data plane, tied to
// one reactor.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "control/broker/configuration.h"
#include "control/broker/message.h"
#include "control/checkpoint/checkpoint.h"
#include "control/checkpoint/running_store.h"
#include "control/checkpoint/state_store.h"
#include "control/config/config.h"
#include "control/dataplane_link.h"
#include "control/ipsec/children.h"
#include "control/ipsec/negotiations.h"
#include "control/live_changes.h"
#include "control/mgmt/server.h"
#include "control/reactor.h"
#include "control/reload/settings.h"
#include "control/route/fib_builder.h"
#include "control/route/netlink_socket.h"
#include "control/session_allocator.h"
#include "control/uapi/language.h"
#include "control/wireguard/tunnels.h"

namespace gotthard::control {

struct GatewayDescriptors {
  UniqueFd broker;
  UniqueFd listener;
  UniqueFd netlink;
  UniqueFd dataplane;          // control's end of the first attachment
  std::vector<UniqueFd> uapi;  // listening; index: interface number
  Mapping checkpoint;
};

class Gateway {
 public:
  static Result<std::unique_ptr<Gateway>> create(GatewayDescriptors descriptors,
                                                 const broker::ReceivedConfiguration& received);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  ~Gateway();

  // Until the supervisor closes the broker's socket, or there is no going on.
  Status run();

  // For the operator's commands.
  [[nodiscard]] const config::Config& config() const { return config_; }
  [[nodiscard]] const Tunnels& tunnels() const { return *tunnels_; }
  [[nodiscard]] Tunnels& tunnels() { return *tunnels_; }
  [[nodiscard]] const Children& children() const { return *children_; }
  [[nodiscard]] const Negotiations& negotiations() const { return *negotiations_; }
  [[nodiscard]] Negotiations& negotiations() { return *negotiations_; }
  [[nodiscard]] const abi::Directory* directory() const { return link_.directory(); }
  [[nodiscard]] const route::FibBuilder& fib() const { return fib_; }
  [[nodiscard]] const checkpoint::Checkpoint& checkpoint() const { return checkpoint_; }
  // It runs otherwise than the configuration file says.
  [[nodiscard]] bool changed_live(std::uint16_t interface) const {
    return changed_.contains(interface);
  }
  [[nodiscard]] Nanoseconds started() const { return started_; }
  // Empty when ready, else what is being waited for.
  [[nodiscard]] std::string missing() const;
  void set_log_level(log::Subsystem subsystem, log::Level level);
  // The file is read anew and compared, or applied too.
  void reload(const broker::Reload& wanted, mgmt::Reply reply);
  // What was applied and waits for it stays.
  void confirm_reload(mgmt::Reply reply);

 private:
  // Words for an operator that answers when the supervisor has.
  struct Waiting {
    mgmt::Reply reply;
    mgmt::json result;  // what is replied when it is done
  };

  Gateway(Reactor reactor, GatewayDescriptors descriptors, Settings file, std::string text);
  Status set_up();
  Status watch_link();
  void serve(int listener, mgmt::Language language);
  void restore_running();
  void change(std::uint16_t interface, InterfaceChange wanted, uapi::Interface::Done done);
  void keep_running();
  void on_link_socket();
  void on_event(const abi::EventBody& event);
  void hand_on(const abi::EventBody& event);
  void on_punt(const abi::PacketRecord& packet);
  void on_notice();
  void on_name_resolved(std::uint64_t id, const broker::NameResolved& resolved);
  void on_answer(std::uint64_t id, const broker::Answer& answer);
  void on_configuration(const broker::Notice& notice, std::vector<UniqueFd> fds);
  // A configuration that came: which, what for, and what becomes of it.
  struct Arrived {
    std::uint64_t id = 0;
    broker::ReloadMode mode = broker::ReloadMode::apply;
    std::string text;
    Settings settings;
  };
  [[nodiscard]] mgmt::Answer compare_to(const Arrived& arrived) const;
  void reload_to(std::shared_ptr<Arrived> arrived);
  void take_over(Arrived arrived);
  void conclude(std::uint64_t id, bool in_force, mgmt::Answer result);
  void ask_for(const broker::RequestBody& request, Waiting waiting);
  void on_turn();
  void try_resync();
  void lose_dataplane();
  // Its number; nothing when the supervisor cannot take it now.
  std::optional<std::uint64_t> ask(const broker::RequestBody& request);
  void poll_link();
  void tell_ready();
  [[nodiscard]] bool under_load(Nanoseconds now);

  Reactor reactor_;
  GatewayDescriptors descriptors_;
  config::Config config_;
  Keys keys_;
  Nanoseconds started_ = 0;
  DataplaneLink link_;
  route::FibBuilder fib_;
  route::NetlinkSocket netlink_;
  SessionAllocator sessions_;
  checkpoint::Checkpoint checkpoint_;
  std::unique_ptr<Tunnels> tunnels_;
  std::unique_ptr<Children> children_;
  std::unique_ptr<Negotiations> negotiations_;
  std::unique_ptr<LiveChanges> changes_;
  // The first is the operators', the others are the interfaces' userspace API.
  std::vector<std::unique_ptr<mgmt::Server>> servers_;
  checkpoint::RunningStore running_store_;
  checkpoint::StateStore ike_states_;
  Settings file_;                    // as last applied
  std::string text_;                 // of that file
  std::set<std::uint16_t> changed_;  // interfaces that run otherwise than it says

  std::uint64_t request_id_ = 0;
  struct NameAsked {
    std::uint32_t peer = 0;
    std::string connection;  // IKE asks; else it is for `peer`
    std::string name;
  };
  std::map<std::uint64_t, NameAsked> names_asked_;  // by request
  std::map<std::uint64_t, Waiting> waiting_;        // by request
  broker::ConfigurationReceiver configurations_;
  std::uint64_t instance_ = 0;       // of the data plane that sessions were made with
  bool synchronised_ = false;        // this attachment has got everything
  std::uint64_t resync_serial_ = 0;  // of its ResyncEnd
  bool applied_ = false;             // and works by it
  bool ready_told_ = false;          // to the supervisor
  Status failure_;                   // why the reactor was stopped
  Nanoseconds load_window_ = 0;
  std::uint32_t load_punts_ = 0;
};

}  // namespace gotthard::control
