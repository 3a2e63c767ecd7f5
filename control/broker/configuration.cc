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

}  // namespace

Status send_configuration(int socket, const ConfigurationToSend& configuration) {
  const auto& [id, mode, path, text, key_files, lab_key_files] = configuration;
  if (path.size() >= kMaxPath || text.size() > kMaxText) {
    return fail("the configuration file is larger than {} bytes or its name longer than {}",
                kMaxText, kMaxPath - 1);
  }
  const auto memfd = text_memfd(text);
  if (!memfd) {
    return tl::unexpected(memfd.error());
  }
  const Configuration header{
      .text_size = static_cast<std::uint32_t>(text.size()),
      .key_files = static_cast<std::uint32_t>(key_files.size() + lab_key_files.size()),
      .mode = mode,
      .path = to_text<kMaxPath>(path)};
  const std::array first{memfd->get()};
  Status status = send_message(socket, encode(Notice{id, header}), first);
  for (const auto& files : {key_files, lab_key_files}) {
    for (std::size_t i = 0; status && i < files.size(); ++i) {
      if (files[i].path.size() >= kMaxPath) {
        return fail("the name of the key file {} is too long", files[i].path);
      }
      const std::array fds{files[i].fd.get()};
      status = send_message(socket,
                            encode(Notice{id, KeyFile{0, to_text<kMaxPath>(files[i].path)}}), fds);
    }
  }
  return status;
}

Status ConfigurationReceiver::begin(const Configuration& header, UniqueFd text_fd) {
  if (header.text_size > kMaxText) {
    return fail("the configuration is larger than {} bytes", kMaxText);
  }
  auto text = read_exactly(text_fd.get(), header.text_size);
  if (!text) {
    return tl::unexpected(text.error());
  }
  received_ = {.path = std::string(view(header.path)), .text = std::move(*text), .key_files = {}};
  header_ = header;
  return {};
}

Result<std::optional<ReceivedConfiguration>> ConfigurationReceiver::take(
    const Notice& notice, std::vector<UniqueFd> fds) {
  const auto* header = std::get_if<Configuration>(&notice.body);
  const auto* key = std::get_if<KeyFile>(&notice.body);
  if (fds.size() != 1 || (header == nullptr && (key == nullptr || !header_ || notice.id != id_))) {
    header_.reset();
    return fail("the supervisor sent something else than a configuration");
  }
  if (header != nullptr) {
    header_.reset();
    id_ = notice.id;
    mode_ = header->mode;
    if (const Status begun = begin(*header, std::move(fds.front())); !begun) {
      return tl::unexpected(begun.error());
    }
  } else {
    received_.key_files.push_back({std::string(view(key->path)), std::move(fds.front())});
  }
  if (received_.key_files.size() < header_->key_files) {
    return std::nullopt;
  }
  header_.reset();
  return std::move(received_);
}

Result<ReceivedConfiguration> receive_configuration(int socket) {
  ConfigurationReceiver receiver;
  for (;;) {
    bool closed = false;
    auto message = receive_message(socket, kMaxMessage, true, &closed);
    if (!message) {
      return tl::unexpected(message.error());
    }
    if (!*message) {
      return fail("the supervisor closed its socket before it had sent the configuration");
    }
    const auto notice = decode_notice((*message)->bytes);
    if (!notice) {
      return fail("the supervisor sent something else than a configuration");
    }
    auto whole = receiver.take(*notice, std::move((*message)->fds));
    if (!whole) {
      return tl::unexpected(whole.error());
    }
    if (*whole) {
      return std::move(**whole);
    }
  }
}

}  // namespace gotthard::broker
