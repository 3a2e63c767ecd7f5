// The two children and what runs between them and the host, from start to orderly end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "control/broker/configuration.h"
#include "control/config/config.h"
#include "tools/supervisor/event_loop.h"
#include "tools/supervisor/host.h"
#include "tools/supervisor/hugepages.h"
#include "tools/supervisor/link_monitor.h"
#include "tools/supervisor/privileges.h"
#include "tools/supervisor/process.h"
#include "tools/supervisor/requests.h"
#include "tools/supervisor/resolver.h"
#include "tools/supervisor/restart_policy.h"
#include "tools/supervisor/uapi_sockets.h"

namespace gotthard::supervisor {

// What the supervisor has read and opened before it changes anything.
struct Plan {
  config::Config config;
  std::string path;  // of the configuration, absolute
  std::string text;
  std::vector<broker::OpenKeyFile> key_files;
  std::string dataplane_program;
  std::string control_program;
  std::string instance_name;
  std::string run_dir;  // absolute
  User user;            // for control
};

class Gateway {
 public:
  // All outlive the gateway. `memory` is locked when hugepages were counted on; `hugepages` says
  // whether the data plane uses them.
  Gateway(const Plan& plan, Host& host, HugepagePool& memory, bool hugepages, UniqueFd listener,
          UapiSockets uapi, UniqueFd checkpoint, EventLoop loop, LinkMonitor links);

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
  void send_to_control(const broker::Notice& notice, std::span<const int> fds = {});
  void stop(Status why);
  void stop_children();

  const Plan& plan_;
  Host& host_;
  HugepagePool& memory_;
  bool hugepages_;
  UniqueFd listener_;
  UapiSockets uapi_;
  UniqueFd checkpoint_;
  EventLoop loop_;
  LinkMonitor links_;
  UniqueFd signals_;
  Resolver resolver_;
  Requests requests_;

  Child dataplane_;
  Child control_;
  bool was_ready_ = false;  // the gateway has run; before that any failure ends the start
  bool stopping_ = false;
  Status result_;
  std::function<void()> on_ready_;
};

}  // namespace gotthard::supervisor
