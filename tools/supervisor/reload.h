// Another configuration for a gateway that runs: read anew, given to control, which says whether it
// is in force, followed on the host; taken back unless it is confirmed, where that was asked for.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "control/broker/message.h"
#include "tools/supervisor/event_loop.h"
#include "tools/supervisor/plan.h"

namespace gotthard::supervisor {

class Reload {
 public:
  struct Links {
    EventLoop* loop;
    std::function<Result<Plan>()> read;  // the configuration file as it is now
    std::function<bool()> control_ready;
    std::function<Status(const Plan& plan, std::uint64_t id, broker::ReloadMode mode)> give;
    std::function<Status(const Plan& plan)> follow;  // on the host
    std::function<void(const broker::Notice& notice)> answer;
    std::function<void()> restart_control;
  };

  Reload(Plan plan, Links links);

  // In force: what control is started with.
  [[nodiscard]] const Plan& plan() const { return *plan_; }

  // False: the request is not for us.
  bool handle(const broker::Request& request);
  // SIGHUP.
  void on_hangup();
  void on_control_gone();

 private:
  struct InFlight {
    std::uint64_t id = 0;
    broker::Reload wanted;
    std::unique_ptr<Plan> plan;  // null: the last one comes back, and is in force already
  };

  Status begin(std::uint64_t id, const broker::Reload& wanted);
  Status finish(const broker::Reloaded& reloaded);
  void start_to_wait(std::uint32_t seconds, std::unique_ptr<Plan> last);
  Status confirm();
  void roll_back();

  Links links_;
  std::unique_ptr<Plan> plan_;
  std::optional<InFlight> in_flight_;
  std::unique_ptr<Plan> last_;  // until the one in force is confirmed
  EventLoop::TimerId deadline_ = 0;
  Nanoseconds rolls_back_at_ = 0;
};

}  // namespace gotthard::supervisor
