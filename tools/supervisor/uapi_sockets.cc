#include "tools/supervisor/uapi_sockets.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace gotthard::supervisor {
namespace {

UniqueFd stream_socket() {
  return UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

bool is_served(const sockaddr_un& address) {
  const UniqueFd probe = stream_socket();
  return connect(probe.get(), generic(address), sizeof(address)) == 0 || errno == EAGAIN;
}

Result<UniqueFd> listen_at(const std::string& path, const std::string& interface) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return fail("{} is too long for a socket's name", path);
  }
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (is_served(address)) {
    return fail(
        "another process serves the WireGuard interface '{}' ({}): end it, or give the "
        "[[wireguard]] another name",
        interface, path);
  }
  unlink(path.c_str());
  UniqueFd fd = stream_socket();
  const mode_t mask = umask(0177);
  const bool bound = fd && bind(fd.get(), generic(address), sizeof(address)) == 0;
  const int why = errno;
  umask(mask);
  if (!bound || listen(fd.get(), 64) != 0) {
    return fail("cannot listen on {}: {}", path, std::strerror(bound ? errno : why));
  }
  return fd;
}

}  // namespace

Result<UapiSockets> UapiSockets::open(const config::Config& config, const std::string& dir) {
  UapiSockets sockets;
  if (mkdir(dir.c_str(), 0755) == 0) {
    sockets.made_dir_ = dir;
  } else if (errno != EEXIST) {
    return fail("cannot make {}: {}", dir, std::strerror(errno));
  }
  for (const config::WireGuard& tunnel : config.wireguard) {
    const std::string path = dir + "/" + tunnel.name + ".sock";
    auto fd = listen_at(path, tunnel.name);
    if (!fd) {
      return tl::unexpected(fd.error());
    }
    sockets.sockets_.push_back({std::move(*fd), path});
  }
  return sockets;
}

UapiSockets::~UapiSockets() {
  for (const Socket& socket : sockets_) {
    unlink(socket.path.c_str());
  }
  if (!made_dir_.empty()) {
    rmdir(made_dir_.c_str());  // unless another gateway uses it by now
  }
}

std::vector<int> UapiSockets::fds() const {
  std::vector<int> fds;
  for (const Socket& socket : sockets_) {
    fds.push_back(socket.fd.get());
  }
  return fds;
}

}  // namespace gotthard::supervisor
