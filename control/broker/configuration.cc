#include "control/broker/configuration.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/memfd.h"
#include "base/socket.h"
#include "control/broker/message.h"

namespace gotthard::broker {
namespace {

inline constexpr std::size_t kMaxText = 64U << 20;  // sixteen thousand peers fit many times over

Result<UniqueFd> text_memfd(std::string_view text) {
  auto fd = memfd_create_sized("gotthard-configuration", text.size());
  if (!fd) {
    return fd;
  }
  if (pwrite(fd->get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return fail("cannot hand over the configuration: {}", std::strerror(errno));
  }
  if (fcntl(fd->get(), F_ADD_SEALS, F_SEAL_WRITE) != 0) {
    return fail("cannot seal the configuration: {}", std::strerror(errno));
  }
  if (auto sealed = memfd_seal_size(fd->get()); !sealed) {
    return tl::unexpected(sealed.error());
  }
  return fd;
}

Result<std::string> read_exactly(int fd, std::size_t size) {
  std::string text(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = pread(fd, text.data() + done, size - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return fail("cannot read the configuration: {}",
                  got == 0 ? "it is shorter than announced" : std::strerror(errno));
    }
    done += static_cast<std::size_t>(got);
  }
  return text;
}

// One message of the wanted type with one descriptor.
template <typename Body>
Result<std::pair<Body, UniqueFd>> receive_one(int socket) {
  bool closed = false;
  auto message = receive_message(socket, kMaxMessage, true, &closed);
  if (!message) {
    return tl::unexpected(message.error());
  }
  if (!*message) {
    return fail("the supervisor closed its socket before it had sent the configuration");
  }
  const auto notice = decode_notice((*message)->bytes);
  const Body* body = notice ? std::get_if<Body>(&notice->body) : nullptr;
  if (body == nullptr || (*message)->fds.size() != 1) {
    return fail("the supervisor sent something else than the configuration");
  }
  return std::pair{*body, std::move((*message)->fds.front())};
}

}  // namespace

Status send_configuration(int socket, const std::string& path, std::string_view text,
                          std::span<const OpenKeyFile> key_files) {
  if (path.size() >= kMaxPath || text.size() > kMaxText) {
    return fail("the configuration file is larger than {} bytes or its name longer than {}",
                kMaxText, kMaxPath - 1);
  }
  const auto memfd = text_memfd(text);
  if (!memfd) {
    return tl::unexpected(memfd.error());
  }
  Configuration configuration;
  configuration.text_size = static_cast<std::uint32_t>(text.size());
  configuration.key_files = static_cast<std::uint32_t>(key_files.size());
  configuration.path = to_text<kMaxPath>(path);
  const std::array first{memfd->get()};
  Status status = send_message(socket, encode(Notice{0, configuration}), first);
  for (std::size_t i = 0; status && i < key_files.size(); ++i) {
    if (key_files[i].path.size() >= kMaxPath) {
      return fail("the name of the key file {} is too long", key_files[i].path);
    }
    const std::array fds{key_files[i].fd.get()};
    status = send_message(socket,
                          encode(Notice{0, KeyFile{0, to_text<kMaxPath>(key_files[i].path)}}), fds);
  }
  return status;
}

Result<ReceivedConfiguration> receive_configuration(int socket) {
  auto first = receive_one<Configuration>(socket);
  if (!first) {
    return tl::unexpected(first.error());
  }
  const auto& [configuration, memfd] = *first;
  if (configuration.text_size > kMaxText) {
    return fail("the configuration is larger than {} bytes", kMaxText);
  }
  auto text = read_exactly(memfd.get(), configuration.text_size);
  if (!text) {
    return tl::unexpected(text.error());
  }
  ReceivedConfiguration received;
  received.path = view(configuration.path);
  received.text = std::move(*text);
  for (std::uint32_t i = 0; i < configuration.key_files; ++i) {
    auto key = receive_one<KeyFile>(socket);
    if (!key) {
      return tl::unexpected(key.error());
    }
    received.key_files.push_back(
        OpenKeyFile{std::string(view(key->first.path)), std::move(key->second)});
  }
  return received;
}

}  // namespace gotthard::broker
