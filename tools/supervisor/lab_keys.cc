#include "tools/supervisor/lab_keys.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "control/config/key_file.h"

namespace gotthard::supervisor {
namespace {

// Of the key without its salt: under another salt it is the same key, and is no second time used.
std::string fingerprint_of(const crypto::SecretBytes& key, std::size_t salt) {
  static constexpr std::string_view kPurpose = "gotthard lab key";
  std::array<unsigned char, 32> hash{};
  crypto_generichash(hash.data(), hash.size(),
                     reinterpret_cast<const unsigned char*>(key.bytes().data()), key.size() - salt,
                     reinterpret_cast<const unsigned char*>(kPurpose.data()), kPurpose.size());
  std::string text;
  for (const unsigned char byte : hash) {
    text += fmt::format("{:02x}", byte);
  }
  return text;
}

Result<std::set<std::string>> read_used(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return error ? Result<std::set<std::string>>(
                       fail("cannot look for {}: {}", path, error.message()))
                 : std::set<std::string>();
  }
  std::ifstream stream(path);
  std::set<std::string> used;
  for (std::string line; std::getline(stream, line);) {
    used.insert(line);
  }
  if (!stream.eof()) {
    return fail("cannot read {}: lab keys that were used before could not be told", path);
  }
  return used;
}

Status write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return fail("{}", std::strerror(errno));
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// On the disk, its name in the directory too, when this returns.
Status record(const std::string& state_dir, const std::string& path, const std::string& lines) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  const UniqueFd directory(open(state_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Status written =
      fd && directory ? write_all(fd.get(), lines) : Status(fail("{}", std::strerror(errno)));
  if (written && (fsync(fd.get()) != 0 || fsync(directory.get()) != 0)) {
    written = fail("{}", std::strerror(errno));
  }
  return written ? Status()
                 : fail("cannot record in {} that lab keys are used: {}", path,
                        written.error().message);
}

std::vector<const config::LabKeys*> lab_keys_of(const config::Config& config) {
  std::vector<const config::LabKeys*> result;
  for (const config::Ipsec& ipsec : config.ipsec) {
    for (const config::Connection& connection : ipsec.connections) {
      for (const config::Child& child : connection.children) {
        for (const config::LabKeys& keys : child.lab_keys) {
          result.push_back(&keys);
        }
      }
    }
  }
  return result;
}

std::vector<const config::LabKeys*> new_lab_keys(const config::Config& config,
                                                 const config::Config* running) {
  auto keys = lab_keys_of(config);
  if (running != nullptr) {
    const auto known = lab_keys_of(*running);
    std::erase_if(keys, [&](const config::LabKeys* key) {
      return std::ranges::any_of(known,
                                 [&](const config::LabKeys* other) { return *key == *other; });
    });
  }
  return keys;
}

}  // namespace

bool has_new_lab_keys(const config::Config& config, const config::Config& running) {
  return !new_lab_keys(config, &running).empty();
}

Result<std::vector<broker::OpenKeyFile>> take_lab_keys(const config::Config& config,
                                                       const std::string& state_dir,
                                                       const config::Config* running) {
  std::vector<broker::OpenKeyFile> files;
  const std::string path = (std::filesystem::path(state_dir) / kUsedLabKeys).string();
  auto used = read_used(path);
  if (!used) {
    return tl::unexpected(used.error());
  }
  std::string lines;
  const auto take = [&](const config::EspSuite& suite, const std::string& file) -> Status {
    auto fd = config::open_key_file(file);
    if (!fd) {
      return tl::unexpected(fd.error());
    }
    const auto key = config::read_lab_key(fd->get(), file, config::lab_key_size(suite));
    if (!key) {
      return tl::unexpected(key.error());
    }
    const std::string fingerprint = fingerprint_of(*key, config::lab_salt_size(suite));
    if (!used->insert(fingerprint).second) {
      return fail(
          "the key in {} was used before, and would repeat a nonce: write another one "
          "there, and at the peer",
          file);
    }
    lines += fingerprint + "\n";
    files.push_back({file, std::move(*fd)});
    return {};
  };
  for (const config::LabKeys* keys : new_lab_keys(config, running)) {
    for (const std::string* file : {&keys->in_key_file, &keys->out_key_file}) {
      if (Status taken = take(keys->suite, *file); !taken) {
        return tl::unexpected(taken.error());
      }
    }
  }
  if (!lines.empty()) {
    if (Status recorded = record(state_dir, path, lines); !recorded) {
      return tl::unexpected(recorded.error());
    }
  }
  return files;
}

}  // namespace gotthard::supervisor
