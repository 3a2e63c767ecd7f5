#include "nic/memif.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/fd.h"

namespace gotthard::nic {
namespace {

std::optional<std::string> argument(const std::string& arguments, const std::string& key) {
  const std::string wanted = "," + key + "=";
  const std::string all = "," + arguments;
  const auto at = all.find(wanted);
  if (at == std::string::npos) {
    return std::nullopt;
  }
  const auto start = at + wanted.size();
  return all.substr(start, all.find(',', start) - start);
}

bool is_socket(const std::string& file) {
  struct stat status {};
  return lstat(file.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

bool nobody_listens(const std::string& file) {
  const UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (!fd || file.size() >= sizeof(address.sun_path)) {
    return false;
  }
  std::memcpy(address.sun_path, file.data(), file.size());
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
         errno == ECONNREFUSED;
}

}  // namespace

std::string listening_file(const Device& device) {
  // `yes` is the driver's default; "master" an old word for "server".
  const std::string role = argument(device.arguments, "role").value_or("");
  if (!device.name.starts_with("net_memif") || (role != "server" && role != "master") ||
      argument(device.arguments, "socket-abstract") != "no") {
    return {};
  }
  return argument(device.arguments, "socket").value_or("/run/memif.sock");
}

void remove_stale_socket(const Device& device) {
  const std::string file = listening_file(device);
  if (!file.empty() && is_socket(file) && nobody_listens(file)) {
    unlink(file.c_str());
  }
}

}  // namespace gotthard::nic
