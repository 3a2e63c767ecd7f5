// The configuration's way from the supervisor, which may open files, to control, which may not.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

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
Status send_configuration(int socket, const std::string& path, std::string_view text,
                          std::span<const OpenKeyFile> key_files);

// Control's side: what it does first. Blocks until all has come.
Result<ReceivedConfiguration> receive_configuration(int socket);

}  // namespace gotthard::broker
