// The two children and what runs between them and the host, from start to orderly end.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "control/broker/message.h"
#include "tools/supervisor/checkpoint_memory.h"
#include "tools/supervisor/event_loop.h"
#include "tools/supervisor/host.h"
#include "tools/supervisor/hugepages.h"
#include "tools/supervisor/link_monitor.h"
#include "tools/supervisor/plan.h"
#include "tools/supervisor/process.h"
#include "tools/supervisor/reload.h"
#include "tools/supervisor/requests.h"
#include "tools/supervisor/resolver.h"
#include "tools/supervisor/restart_policy.h"
#include "tools/supervisor/uapi_sockets.h"

namespace gotthard::supervisor {

class Gateway {
 public:
  struct Parts {
    Plan plan;
    std::vector<broker::OpenKeyFile> lab_keys;  // control gets them once
    std::function<Result<Plan>()> read_again;   // the configuration file as it is then
    // The keys that another configuration has and the running one has not.
    std::function<Result<std::vector<broker::OpenKeyFile>>(const config::Config& config,
                                                           const config::Config& running)>
        take_lab_keys;
    bool hugepages = false;  // whether the data plane uses them
    UniqueFd listener;
    UapiSockets uapi;
    CheckpointMemory checkpoint;
    EventLoop loop;
    LinkMonitor links;
  };
  // References outlive the gateway. `memory` is locked when hugepages were counted on.
  Gateway(const Programs& programs, Host& host, HugepagePool& memory, Parts parts);

  // Until it is down again, for whatever reason; `on_ready` is called when it forwards. An error:
  // it could not start, or had to give up.
  Status run(const std::function<void()>& on_ready);

 private:
  struct Child {
    Process process;
    UniqueFd socket;
    bool ready = false;
    RestartPolicy restarts;
    EventLoop::TimerId deadline = 0;
  };

  void start_dataplane();
  void start_control();
  Status spawn_dataplane();
  Status spawn_control();
  bool attach(UniqueFd* control_end);  // gives the manager its end

  void on_dataplane_message();
  void on_dataplane_ready(const std::vector<MacAddress>& macs);
  void on_dataplane_exit();
  void on_control_message();
  void on_control_ready();
  void on_control_exit();
  void on_signal();
  void announce_ready();

  Status watch(Child& child, void (Gateway::*on_exit)(), void (Gateway::*on_message)());
  void drop(Child& child);
  void start_again(Child& child, std::string_view name, const std::string& end,
                   void (Gateway::*start)());
  Status give_to_control(const Plan& plan, std::uint64_t id, broker::ReloadMode mode);
  void send_to_control(const broker::Notice& notice, std::span<const int> fds = {});
  [[nodiscard]] Reload::Links reload_links(std::function<Result<Plan>()> read_again);
  [[nodiscard]] const Plan& plan() const { return reload_.plan(); }
  void stop(Status why);
  void stop_children();

  const Programs& programs_;
  Host& host_;
  HugepagePool& memory_;
  bool hugepages_;
  UniqueFd listener_;
  UapiSockets uapi_;
  CheckpointMemory checkpoint_;
  EventLoop loop_;
  LinkMonitor links_;
  std::vector<broker::OpenKeyFile> lab_keys_;
  decltype(Parts::take_lab_keys) take_lab_keys_;
  UniqueFd signals_;
  Resolver resolver_;
  Requests requests_;
  Reload reload_;

  Child dataplane_;
  Child control_;
  bool was_ready_ = false;  // the gateway has run; before that any failure ends the start
  bool stopping_ = false;
  Status result_;
  std::function<void()> on_ready_;
};

}  // namespace gotthard::supervisor
