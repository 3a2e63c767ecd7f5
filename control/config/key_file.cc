#include "control/config/key_file.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace gotthard::config {

Result<UniqueFd> open_key_file(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) {
    return fail("cannot read the key file {}: {}", path, std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return fail("the key file {} is no regular file", path);
  }
  if ((status.st_mode & (S_IRGRP | S_IROTH | S_IWGRP | S_IWOTH)) != 0) {
    return fail("the key file {} can be read or written by others than its owner: chmod 600 {}",
                path, path);
  }
  return fd;
}

Result<crypto::Secret<32>> read_key(int fd, const std::string& path) {
  std::array<char, 64> text{};
  const ssize_t size = pread(fd, text.data(), text.size(), 0);
  std::string_view view(text.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
  while (!view.empty() && (view.back() == '\n' || view.back() == '\r' || view.back() == ' ')) {
    view.remove_suffix(1);
  }
  auto key = parse_key(view);
  sodium_memzero(text.data(), text.size());
  if (!key) {
    return fail("the key file {} holds no key: {}", path, key.error().message);
  }
  auto secret = crypto::Secret<32>::copy_of(std::span<const std::uint8_t, 32>(*key));
  sodium_memzero(key->data(), key->size());
  return secret;
}

std::optional<KeyProblem> check_key_files(const WireGuard& wireguard) {
  const auto read = [](const std::string& path) -> Result<crypto::Secret<32>> {
    const auto fd = open_key_file(path);
    if (!fd) {
      return tl::unexpected(fd.error());
    }
    return read_key(fd->get(), path);
  };
  const auto private_key = read(wireguard.private_key_file);
  if (!private_key) {
    return KeyProblem{std::nullopt, "private_key_file", private_key.error()};
  }
  std::array<std::uint8_t, 32> own{};
  crypto_scalarmult_base(own.data(),
                         reinterpret_cast<const unsigned char*>(private_key->bytes().data()));
  for (std::size_t i = 0; i < wireguard.peers.size(); ++i) {
    const Peer& peer = wireguard.peers[i];
    if (peer.public_key == own) {
      return KeyProblem{
          i, "public_key",
          Error{fmt::format("peer '{}' of {} has the interface's own public key: write the peer's",
                            peer.name, wireguard.name)}};
    }
    if (!peer.preshared_key_file.empty()) {
      if (const auto key = read(peer.preshared_key_file); !key) {
        return KeyProblem{i, "preshared_key_file", key.error()};
      }
    }
  }
  return std::nullopt;
}

}  // namespace gotthard::config
