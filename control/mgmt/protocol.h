// The local socket's language: a request and an answer a line, in JSON.
//   {"command": "rekey", "arguments": {"peer": "wg0/region-b"}}
//   {"ok": true, "result": {...}}
//   {"ok": false, "code": "unknown_peer", "error": "there is no peer 'x': ..."}
// Sans-I/O.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/mgmt/commands.h"

namespace gotthard::mgmt {

using nlohmann::json;

inline constexpr std::size_t kMaxRequest = 4096;

using Arguments = std::map<std::string, std::string, std::less<>>;

struct Failure {
  std::string code;  // stable
  std::string error;
};
using Answer = tl::expected<json, Failure>;
// Called once, at once or later.
using Reply = std::function<void(Answer)>;
using Handler = std::function<void(const Arguments&, Reply)>;
using Handlers = std::map<std::string_view, Handler>;  // by Command::name

[[nodiscard]] Handler at_once(std::function<Answer(const Arguments&)> answer);

[[nodiscard]] std::string request_line(std::string_view command, const Arguments& arguments);

// One line in (without its newline), one out with it, by `reply`. `may_write`: the caller has that
// right.
void answer_line(std::string_view request, const Handlers& handlers, bool may_write,
                 std::function<void(std::string)> reply);

[[nodiscard]] std::string failure_line(const Failure& failure);

// The answer's result, or what it says went wrong.
[[nodiscard]] Answer parse_answer(std::string_view line);

}  // namespace gotthard::mgmt
