#include "control/gateway.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "base/socket.h"
#include "control/operator.h"
#include "control/reload/keys.h"
#include "control/route/policy_rules.h"
#include "control/route/route_words.h"
#include "control/uapi/language.h"
#include "control/uapi/running.h"
#include "crypto/random.h"

namespace gotthard::control {
namespace {

constexpr auto kLog = log::Subsystem::control;

// A daemon may have thousands of a kind: `show routes` has them all.
constexpr std::uint64_t kMostTold = 100;

void report(const route::KernelRoute& route) {
  static std::uint64_t told = 0;
  if (route.type != route::RouteType::not_followed || ++told > kMostTold) {
    return;
  }
  log::event(log::Level::warning, log::Subsystem::route, "route_not_followed",
             {{"route", route::to_string(route)},
              {"reason", std::string(route::reason(route.obstacle)) +
                             ": what it covers is dropped. Give it a route of another kind"}});
  if (told == kMostTold) {
    log::event(log::Level::warning, log::Subsystem::route, "more_routes_not_followed",
               {{"reason", "`gotthard show routes` has them"}});
  }
}

void report(const route::PolicyRule& rule, const std::set<std::uint32_t>& marks) {
  static std::uint64_t told = 0;
  const std::string_view reason = route::why_not_followed(rule, marks);
  if (reason.empty() || ++told > kMostTold) {
    return;
  }
  log::event(log::Level::warning, log::Subsystem::route, "policy_rule_not_followed",
             {{"priority", rule.priority}, {"rule", rule.text}, {"reason", reason}});
  if (told == kMostTold) {
    log::event(log::Level::warning, log::Subsystem::route, "more_policy_rules_not_followed",
               {{"reason", "`gotthard show routes` has them"}});
  }
}

// What the kernel would route by and we do not.
void report(const route::Change& change, const route::FibBuilder& fib) {
  if (const auto* added = std::get_if<route::RouteAdded>(&change)) {
    report(added->route);
  } else if (const auto* replaced = std::get_if<route::RouteReplaced>(&change)) {
    report(replaced->after);
  }
  if (const auto* rule = std::get_if<route::PolicyRule>(&change)) {
    report(*rule, fib.marks());
  }
}

}  // namespace

// ---------------------------------------------------------------- creation

Result<std::unique_ptr<Gateway>> Gateway::create(GatewayDescriptors descriptors,
                                                 const broker::ReceivedConfiguration& received) {
  auto settings = read_settings(received);
  if (!settings) {
    return tl::unexpected(settings.error());
  }
  auto reactor = Reactor::create();
  if (!reactor) {
    return tl::unexpected(reactor.error());
  }
  std::unique_ptr<Gateway> gateway(new Gateway(std::move(*reactor), std::move(descriptors),
                                               std::move(*settings), received.text));
  if (const Status set_up = gateway->set_up(); !set_up) {
    return tl::unexpected(set_up.error());
  }
  return gateway;
}

Gateway::Gateway(Reactor reactor, GatewayDescriptors descriptors, Settings file, std::string text)
    : reactor_(std::move(reactor)),
      descriptors_(std::move(descriptors)),
      config_(file.config),
      keys_(copy_of(file.keys)),
      started_(boottime_now()),
      link_({.event = [this](const abi::EventBody& event) { on_event(event); },
             .punt = [this](const abi::PacketRecord& packet) { on_punt(packet); }}),
      fib_({.emit = [this](const abi::CommandBody& command) { return link_.send(command); },
            .resolve =
                [this](std::uint16_t port, const abi::Address& address) {
                  ask(broker::ResolveNeighbour{.port = port, .address = address});
                }}),
      netlink_(descriptors_.netlink.get(),
               [this](const route::Change& change) {
                 report(change, fib_);
                 fib_.apply(change);
               }),
      sessions_([] { return crypto::random_u32(); }),
      checkpoint_(descriptors_.checkpoint.bytes().first(checkpoint::kPeersSize)),
      running_store_(descriptors_.checkpoint.bytes().subspan(checkpoint::kPeersSize,
                                                             checkpoint::kRunningSize)),
      ike_states_(descriptors_.checkpoint.bytes().subspan(checkpoint::kPeersSize +
                                                          checkpoint::kRunningSize)),
      file_(std::move(file)),
      text_(std::move(text)) {}

Gateway::~Gateway() = default;

Status Gateway::run() {
  if (const Status ran = reactor_.run(); !ran) {
    return ran;
  }
  return failure_;
}

Status Gateway::set_up() {
  // The supervisor may be busy; control is never kept waiting by it.
  const int flags = fcntl(descriptors_.broker.get(), F_GETFL);
  if (flags < 0 || fcntl(descriptors_.broker.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return fail("cannot use the supervisor's socket: {}", std::strerror(errno));
  }
  restore_running();
  const auto resolve = [this](NameAsked question) {
    const auto id =
        ask(broker::ResolveName{.name = broker::to_text<broker::kMaxHostName>(question.name)});
    if (id) {
      names_asked_[*id] = std::move(question);
    }
    return id.has_value();
  };
  const auto resolve_name = [resolve](std::uint32_t peer, const std::string& host) {
    return resolve({.peer = peer, .connection = {}, .name = host});
  };
  const auto resolve_for_ike = [resolve](const std::string& connection, const std::string& host) {
    return resolve({.connection = connection, .name = host});
  };
  auto tunnels = Tunnels::create(
      config_, keys_,
      {.dataplane = &link_,
       .fib = &fib_,
       .sessions = &sessions_,
       .checkpoint = &checkpoint_,
       .resolve_name = resolve_name,
       .is_others = [this](std::uint32_t peer) { return children_->owns(peer); },
       .others_endpoint = [this](std::uint32_t peer) { children_->on_endpoint_changed(peer); }});
  if (!tunnels) {
    return tl::unexpected(tunnels.error());
  }
  tunnels_ = std::move(*tunnels);
  changes_ = std::make_unique<LiveChanges>(
      LiveChanges::Links{.tunnels = tunnels_.get(),
                         .ask = [this](const broker::RequestBody& request) { return ask(request); },
                         .when_heard =
                             [this](std::function<void()> heard) {
                               netlink_.when_heard(boottime_now(), std::move(heard));
                             }});
  fib_.configure(config_, boottime_now());
  children_ = std::make_unique<Children>(
      config_, std::move(file_.lab_keys),
      Children::Links{
          .dataplane = &link_, .fib = &fib_, .sessions = &sessions_, .resolve_name = resolve_name});
  auto negotiations = Negotiations::create(config_, file_.ike_files,
                                           {.dataplane = &link_,
                                            .fib = &fib_,
                                            .sessions = &sessions_,
                                            .children = children_.get(),
                                            .states = &ike_states_,
                                            .resolve_name = resolve_for_ike});
  if (!negotiations) {
    return tl::unexpected(negotiations.error());
  }
  negotiations_ = std::move(*negotiations);
  netlink_.set_marks(fib_.marks(), boottime_now());
  netlink_.start(boottime_now());

  const auto watched = [this](int fd, Reactor::Callback callback) {
    return reactor_.watch(fd, std::move(callback));
  };
  if (const Status s = watched(descriptors_.broker.get(), [this] { on_notice(); }); !s) {
    return s;
  }
  if (const Status s = watched(descriptors_.netlink.get(),
                               [this] {
                                 const Status read = netlink_.on_readable(boottime_now());
                                 if (!read) {
                                   log::event(log::Level::error, log::Subsystem::route,
                                              "netlink_failed", {{"error", read.error().message}});
                                 }
                               });
      !s) {
    return s;
  }
  serve(descriptors_.listener.get(), mgmt::operator_language(operator_handlers(this)));
  for (std::uint16_t i = 0; i < descriptors_.uapi.size() && i < config_.wireguard.size(); ++i) {
    serve(descriptors_.uapi[i].get(),
          uapi::language({.view = [this, i] { return tunnels_->view(i); },
                          .apply =
                              [this, i](InterfaceChange wanted, uapi::Interface::Done done) {
                                change(i, std::move(wanted), std::move(done));
                              }}));
  }
  reactor_.every(100 * kMillisecond, [this] {
    if (synchronised_) {
      tunnels_->on_tick();
      children_->on_tick(boottime_now());
      negotiations_->on_tick();
    }
    changes_->on_tick();
  });
  reactor_.every(200 * kMillisecond, [this] { netlink_.on_time(boottime_now()); });
  reactor_.every(kSecond, [this] {
    fib_.on_time(boottime_now());
    tell_ready();
    for (const auto& server : servers_) {
      server->on_time(boottime_now());
    }
  });
  reactor_.each_turn([this] { on_turn(); });
  link_.expect(std::move(descriptors_.dataplane));
  return watch_link();
}

// ---------------------------------------------------------------- live changes

void Gateway::change(std::uint16_t interface, InterfaceChange wanted, uapi::Interface::Done done) {
  LiveChanges::Change change{.tunnels = {},
                             .made =
                                 [this, interface] {
                                   changed_.insert(interface);
                                   keep_running();
                                 },
                             .done = std::move(done)};
  change.tunnels.push_back({.interface = interface, .change = std::move(wanted)});
  changes_->make(std::move(change));
}

void Gateway::keep_running() {
  std::vector<uapi::RunningInterface> interfaces;
  for (const std::uint16_t i : changed_) {
    interfaces.push_back({.name = config_.wireguard[i].name, .view = tunnels_->view(i)});
  }
  if (!running_store_.write(interfaces.empty() ? crypto::SecretString()
                                               : uapi::running_text(text_, interfaces))) {
    log::event(log::Level::error, kLog, "change_not_kept",
               {{"reason",
                 "it has no room in the checkpoint: write it to the configuration file, "
                 "or it is lost when control is started again"}});
  }
}

void Gateway::restore_running() {
  const auto kept = running_store_.read();
  if (!kept) {
    return;
  }
  config::Config running = config_;
  if (!uapi::restore_running(*kept, text_, &running, &keys_)) {
    log::event(log::Level::warning, kLog, "running_changes_dropped",
               {{"reason", "they were made to another configuration file"}});
    return;
  }
  for (std::uint16_t i = 0; i < running.wireguard.size(); ++i) {
    if (running.wireguard[i].private_key_file != config_.wireguard[i].private_key_file) {
      changed_.insert(i);
    }
  }
  log::event(log::Level::info, kLog, "running_changes_restored", {{"interfaces", changed_.size()}});
  config_ = std::move(running);
}

void Gateway::serve(int listener, mgmt::Language language) {
  servers_.push_back(std::make_unique<mgmt::Server>(
      listener, 0, std::move(language),
      mgmt::Server::Watching{
          .watch = [this](int fd, Reactor::Callback r) { (void)reactor_.watch(fd, std::move(r)); },
          .watch_writable =
              [this](int fd, Reactor::Callback w) {
                (void)reactor_.watch_writable(fd, std::move(w));
              },
          .unwatch = [this](int fd) { reactor_.unwatch(fd); }}));
}

// ---------------------------------------------------------------- each turn

void Gateway::on_turn() {
  netlink_.set_marks(fib_.marks(), boottime_now());
  try_resync();
  if (synchronised_) {
    poll_link();
  }
  if (synchronised_) {
    fib_.flush(boottime_now());
    tunnels_->on_turn();
    children_->on_turn();
  }
  link_.flush();
}

std::string Gateway::missing() const {
  if (!fib_.synchronised()) {
    return "the kernel's routes and neighbours are being read";
  }
  if (!link_.attached()) {
    return "the data plane is not attached";
  }
  return applied_ ? "" : "the data plane is taking over the tables";
}

}  // namespace gotthard::control
