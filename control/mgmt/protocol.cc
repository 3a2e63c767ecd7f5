#include "control/mgmt/protocol.h"

#include <utility>

namespace gotthard::mgmt {
namespace {

std::string to_line(const json& value) {
  // What came from outside may not be UTF-8.
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

tl::unexpected<Failure> refuse(std::string code, std::string error) {
  return tl::unexpected(Failure{std::move(code), std::move(error)});
}

tl::expected<Arguments, Failure> read_arguments(const json& request, const Command& command) {
  Arguments result;
  // Not copied: what is nested deeply would be copied by recursion.
  static const json kNone = json::object();
  const auto field = request.find("arguments");
  const json& given = field == request.end() ? kNone : *field;
  if (!given.is_object()) {
    return refuse("bad_request", "'arguments' must be an object");
  }
  for (const Argument& argument : command.takes()) {
    const auto found = given.find(std::string(argument.name));
    if (found == given.end() && argument.kind != Takes::value) {
      continue;
    }
    if (found == given.end() || !found->is_string()) {
      return refuse("bad_request",
                    fmt::format("'{}' needs '{}': {}", command.name, argument.name, argument.help));
    }
    result.emplace(argument.name, found->get<std::string>());
  }
  if (given.size() > result.size()) {
    return refuse("bad_request", fmt::format("'{}' takes no such arguments", command.name));
  }
  return result;
}

struct Call {
  const Handler* handler;
  Arguments arguments;
};

tl::expected<Call, Failure> read_call(std::string_view line, const Handlers& handlers,
                                      bool may_write) {
  const json request = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!request.is_object() || !request.contains("command") || !request["command"].is_string()) {
    return refuse("bad_request", "a request is a JSON object with 'command' and 'arguments'");
  }
  const auto name = request["command"].get<std::string>();
  const Command* command = find_command(name);
  const auto handler = command == nullptr ? handlers.end() : handlers.find(command->name);
  if (handler == handlers.end()) {
    return refuse("unknown_command", fmt::format("there is no command '{}'", name));
  }
  if (command->changes && !may_write) {
    return refuse("not_permitted", fmt::format("'{}' is for root only", command->name));
  }
  auto arguments = read_arguments(request, *command);
  if (!arguments) {
    return tl::unexpected(arguments.error());
  }
  return Call{&handler->second, std::move(*arguments)};
}

}  // namespace

std::string request_line(std::string_view command, const Arguments& arguments) {
  json request{{"command", command}, {"arguments", json::object()}};
  for (const auto& [name, value] : arguments) {
    request["arguments"][name] = value;
  }
  return to_line(request);
}

Handler at_once(std::function<Answer(const Arguments&)> answer) {
  return [answer = std::move(answer)](const Arguments& arguments, const Reply& reply) {
    reply(answer(arguments));
  };
}

void answer_line(std::string_view request, const Handlers& handlers, bool may_write,
                 std::function<void(std::string)> reply) {
  const auto call = read_call(request, handlers, may_write);
  if (!call) {
    reply(failure_line(call.error()));
    return;
  }
  (*call->handler)(call->arguments, [reply = std::move(reply)](Answer result) {
    reply(result ? to_line({{"ok", true}, {"result", std::move(*result)}})
                 : failure_line(result.error()));
  });
}

std::string failure_line(const Failure& failure) {
  return to_line({{"ok", false}, {"code", failure.code}, {"error", failure.error}});
}

Answer parse_answer(std::string_view line) {
  const json answer = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object() || !answer.contains("ok") || !answer["ok"].is_boolean()) {
    return refuse("bad_answer", "the gateway's answer makes no sense");
  }
  if (answer["ok"].get<bool>()) {
    return answer.value("result", json());
  }
  const auto text = [&](const char* key) {
    const auto found = answer.find(key);
    return found != answer.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  return refuse(text("code"), text("error"));
}

}  // namespace gotthard::mgmt
