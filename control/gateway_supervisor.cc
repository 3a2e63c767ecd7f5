// What control and the supervisor say to each other.
#include "base/log.h"
#include "base/socket.h"
#include "control/gateway.h"

namespace gotthard::control {
namespace {

constexpr auto kLog = log::Subsystem::control;

}  // namespace

std::optional<std::uint64_t> Gateway::ask(const broker::RequestBody& request) {
  const std::uint64_t id = ++request_id_;
  const auto bytes = broker::encode(broker::Request{.id = id, .body = request});
  if (const Status sent = send_message(descriptors_.broker.get(), bytes); !sent) {
    log::event(log::Level::warning, kLog, "broker_unreachable", {{"error", sent.error().message}});
    return std::nullopt;
  }
  return id;
}

void Gateway::ask_for(const broker::RequestBody& request, Waiting waiting) {
  if (const auto id = ask(request)) {
    waiting_[*id] = std::move(waiting);
  } else if (waiting.reply) {
    waiting.reply(tl::unexpected(
        mgmt::Failure{"busy", "the supervisor cannot be asked at the moment: try again"}));
  }
}

void Gateway::on_notice() {
  bool closed = false;
  auto message = receive_message(descriptors_.broker.get(), broker::kMaxMessage, false, &closed);
  if (closed || !message) {
    reactor_.stop();
    return;
  }
  if (!*message) {
    return;
  }
  const auto notice = broker::decode_notice((*message)->bytes);
  if (!notice) {
    return;
  }
  if (std::holds_alternative<broker::Attach>(notice->body) && (*message)->fds.size() == 1) {
    lose_dataplane();
    link_.expect(std::move((*message)->fds[0]));
    (void)watch_link();
  } else if (const auto* resolved = std::get_if<broker::NameResolved>(&notice->body)) {
    on_name_resolved(notice->id, *resolved);
  } else if (const auto* answer = std::get_if<broker::Answer>(&notice->body)) {
    on_answer(notice->id, *answer);
  } else {
    on_configuration(*notice, std::move((*message)->fds));
  }
}

void Gateway::on_name_resolved(std::uint64_t id, const broker::NameResolved& resolved) {
  const auto asked = names_asked_.find(id);
  if (asked == names_asked_.end()) {
    return;
  }
  const NameAsked question = std::move(asked->second);
  names_asked_.erase(asked);
  const bool found = resolved.outcome == broker::Outcome::done && resolved.count > 0;
  if (!found) {
    log::event(log::Level::warning, kLog, "name_not_resolved",
               {{"name", question.name}, {"reason", broker::view(resolved.reason)}});
  }
  const auto addresses =
      std::span(resolved.addresses).first(found ? resolved.count : std::size_t{0});
  if (!question.connection.empty()) {
    negotiations_->on_name_resolved(question.connection, question.name, addresses);
  } else if (children_->owns(question.peer)) {
    children_->on_name_resolved(question.peer, addresses);
  } else {
    tunnels_->on_name_resolved(question.peer, question.name, addresses);
  }
}

void Gateway::on_answer(std::uint64_t id, const broker::Answer& answer) {
  const bool done = answer.outcome == broker::Outcome::done;
  if (!done) {
    log::event(log::Level::debug, kLog, "broker_refused",
               {{"reason", broker::view(answer.reason)}});
  }
  if (changes_->on_answer(id, answer)) {
    return;
  }
  auto waiting = waiting_.extract(id);
  if (waiting.empty() || !waiting.mapped().reply) {
    return;
  }
  if (done) {
    waiting.mapped().reply(std::move(waiting.mapped().result));
  } else {
    waiting.mapped().reply(tl::unexpected(
        mgmt::Failure{answer.outcome == broker::Outcome::invalid ? "refused" : "failed",
                      std::string(broker::view(answer.reason))}));
  }
}

void Gateway::set_log_level(log::Subsystem subsystem, log::Level level) {
  log::set_level(subsystem, level);
  ask(broker::SetLogLevel{.subsystem = subsystem, .level = level});
  if (link_.attached()) {
    link_.send(abi::LogLevelSet{.subsystem = static_cast<std::uint8_t>(subsystem),
                                .level = static_cast<std::uint8_t>(level)});
  }
}

}  // namespace gotthard::control
