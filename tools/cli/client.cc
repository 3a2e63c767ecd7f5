#include "tools/cli/client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "tools/supervisor/supervisor.h"

namespace gotthard::cli {
namespace {

tl::unexpected<mgmt::Failure> fail_with(std::string code, std::string error) {
  return tl::unexpected(mgmt::Failure{std::move(code), std::move(error)});
}

}  // namespace

mgmt::Answer ask(const std::string& run_dir, std::string_view command,
                 const mgmt::Arguments& arguments) {
  const std::string path = run_dir + "/" + supervisor::kControlSocket;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return fail_with("bad_argument",
                     fmt::format("--run-dir {} is too long for a socket's name", run_dir));
  }
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) {
    return fail_with("no_answer", fmt::format("cannot make a socket: {}", std::strerror(errno)));
  }
  // A reload reads thousands of key files and sets as many routes.
  const mgmt::Command* known = mgmt::find_command(command);
  const timeval patience{.tv_sec = known != nullptr && known->changes ? 60 : 5, .tv_usec = 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == EACCES || errno == EPERM) {
      return fail_with("not_permitted", "only root may ask the gateway: use sudo");
    }
    return fail_with("not_running", fmt::format("no gateway runs with --run-dir {}: start one with "
                                                "`gotthard up FILE`",
                                                run_dir));
  }
  const std::string request = mgmt::request_line(command, arguments);
  // A gateway that refuses us says why and closes, perhaps before this is sent.
  (void)!send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
  std::string answer;
  std::array<char, 16384> buffer;
  while (answer.empty() || answer.back() != '\n') {
    const ssize_t size = recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size <= 0) {
      return fail_with("no_answer",
                       "the gateway does not answer: is control being restarted? Try "
                       "again, or look at its log");
    }
    answer.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return mgmt::parse_answer(answer);
}

}  // namespace gotthard::cli
