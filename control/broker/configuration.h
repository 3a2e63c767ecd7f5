// The configuration's way from the supervisor, which may open files, to control, which may not.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/socket.h"
#include "control/broker/message.h"

namespace gotthard::broker {

// A key file, open for reading; its offset is shared with whoever holds the same open file.
struct OpenKeyFile {
  std::string path;  // absolute, as config::parse gives it
  UniqueFd fd;
};

struct ReceivedConfiguration {
  std::string path;
  std::string text;  // TOML
  std::vector<OpenKeyFile> key_files;
};

// The supervisor's side. Waits while the socket is full; the caller sets a send timeout.
struct ConfigurationToSend {
  std::uint64_t id = 0;  // of the Reload that asked for it
  ReloadMode mode = ReloadMode::start;
  const std::string& path;
  std::string_view text;
  std::span<const OpenKeyFile> key_files;
  std::span<const OpenKeyFile> lab_key_files{};
};
Status send_configuration(int socket, const ConfigurationToSend& configuration);

// Control's side: the messages of one configuration, put together as they come.
class ConfigurationReceiver {
 public:
  // Between the first message of a configuration and its last.
  [[nodiscard]] bool receiving() const { return header_.has_value(); }
  [[nodiscard]] std::uint64_t id() const { return id_; }  // of the last configuration that began
  [[nodiscard]] ReloadMode mode() const { return mode_; }

  // Configuration or KeyFile; the whole with the last of them. After an error it waits for the next
  // Configuration.
  Result<std::optional<ReceivedConfiguration>> take(const Notice& notice,
                                                    std::vector<UniqueFd> fds);

 private:
  Status begin(const Configuration& header, UniqueFd text);

  std::optional<Configuration> header_;
  std::uint64_t id_ = 0;
  ReloadMode mode_ = ReloadMode::start;
  ReceivedConfiguration received_;
};

// The first configuration: what control does first. Blocks until all has come.
Result<ReceivedConfiguration> receive_configuration(int socket);

}  // namespace gotthard::broker
