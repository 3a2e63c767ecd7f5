#include "control/config/ike_credentials.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "control/config/key_file.h"

namespace gotthard::config {
namespace {

// Revocation lists are the longest.
constexpr std::size_t kMostBytes = 16U << 20;

bool is_space(std::byte byte) {
  return byte == std::byte{'\n'} || byte == std::byte{'\r'} || byte == std::byte{' '} ||
         byte == std::byte{'\t'};
}

// As swanctl's `secret`: text, or bytes behind 0x (hexadecimal) or 0s (base64).
Result<crypto::SecretBytes> parse_psk(const crypto::SecretBytes& file, const std::string& path) {
  std::span<const std::byte> text = file.bytes();
  while (!text.empty() && is_space(text.back())) {
    text = text.first(text.size() - 1);
  }
  const auto begins = [&](char kind) {
    return text.size() > 2 && text[0] == std::byte{'0'} && text[1] == static_cast<std::byte>(kind);
  };
  crypto::SecretBytes key;
  if (begins('x') || begins('s')) {
    const char* coded = reinterpret_cast<const char*>(text.data()) + 2;
    key = crypto::SecretBytes(text.size());
    auto* out = reinterpret_cast<unsigned char*>(key.bytes().data());
    std::size_t size = 0;
    const int failed =
        begins('x')
            ? sodium_hex2bin(out, key.size(), coded, text.size() - 2, nullptr, &size, nullptr)
            : sodium_base642bin(out, key.size(), coded, text.size() - 2, nullptr, &size, nullptr,
                                sodium_base64_VARIANT_ORIGINAL);
    if (failed != 0) {
      return fail(
          "the file {} holds no preshared key: after 0x come hexadecimal digits, after 0s "
          "base64",
          path);
    }
    key = crypto::SecretBytes::copy_of(key.bytes().first(size));
  } else {
    key = crypto::SecretBytes::copy_of(text);
  }
  if (key.empty()) {
    return fail(
        "the file {} holds no preshared key: write `openssl rand -base64 32` into it, at "
        "both ends the same",
        path);
  }
  return key;
}

class Reading {
 public:
  Reading(const Connection& connection, const ReadIkeFile& read)
      : connection_(connection), read_(read) {}

  Result<IkeCredentials> all() {
    step([&] { return identities(); });
    step([&] { return psks(); });
    step([&] { return certificate(); });
    step([&] { return trust(); });
    if (!status_) {
      return tl::unexpected(status_.error());
    }
    return std::move(result_);
  }

 private:
  template <typename Step>
  void step(Step&& take) {
    if (status_) {
      status_ = take();
    }
  }
  [[nodiscard]] const Ike& ike() const { return *connection_.ike; }

  Status identities() {
    auto remote = ike::IdentityPattern::parse(ike().remote.id);
    if (!remote) {
      return tl::unexpected(remote.error());
    }
    result_.remote_id = std::move(*remote);
    if (!ike().local.id.empty()) {
      auto local = ike::parse_identity(ike().local.id);
      if (!local) {
        return tl::unexpected(local.error());
      }
      result_.local_id = std::move(*local);
    }
    return {};
  }

  // One file is enough where both ends have the same key.
  Status psks() {
    const auto take = [&](const IkeEnd& end, const IkeEnd& other, crypto::SecretBytes* key) {
      if (end.auth != IkeAuth::psk) {
        return Status();
      }
      const std::string& path = end.psk_file.empty() ? other.psk_file : end.psk_file;
      const auto file = read_(path);
      auto parsed = file ? parse_psk(*file, path) : tl::unexpected(file.error());
      if (!parsed) {
        return Status(tl::unexpected(parsed.error()));
      }
      *key = std::move(*parsed);
      return Status();
    };
    const Status local = take(ike().local, ike().remote, &result_.local_psk);
    return local ? take(ike().remote, ike().local, &result_.remote_psk) : local;
  }

  Result<std::vector<crypto::Certificate>> certificates(const std::vector<std::string>& paths) {
    std::vector<crypto::Certificate> all;
    for (const std::string& path : paths) {
      const auto file = read_(path);
      if (!file) {
        return tl::unexpected(file.error());
      }
      const auto parsed = crypto::Certificate::parse_file(file->bytes());
      if (!parsed) {
        return fail("{}: {}", path, parsed.error().message);
      }
      all.insert(all.end(), parsed->begin(), parsed->end());
    }
    return all;
  }

  Status certificate() {
    const IkeEnd& local = ike().local;
    if (local.auth != IkeAuth::certificate) {
      return {};
    }
    auto chain = certificates(local.cert_files);
    if (!chain) {
      return tl::unexpected(chain.error());
    }
    const auto file = read_(local.key_file);
    if (!file) {
      return tl::unexpected(file.error());
    }
    auto key = crypto::SigningKey::parse(file->bytes());
    if (!key) {
      return fail("{}: {}", local.key_file, key.error().message);
    }
    if (!key->belongs_to(chain->front().key())) {
      return fail("the key in {} is not that of the certificate in {}: they come as a pair",
                  local.key_file, local.cert_files.front());
    }
    if (!result_.local_id) {
      result_.local_id =
          ike::Identity{.type = ike::IdType::distinguished_name, .data = chain->front().subject()};
    }
    result_.chain = std::move(*chain);
    result_.key = std::move(*key);
    return {};
  }

  Status trust() {
    if (ike().remote.auth != IkeAuth::certificate) {
      return {};
    }
    const auto anchors = certificates(ike().remote.ca_files);
    if (!anchors) {
      return tl::unexpected(anchors.error());
    }
    result_.trust.emplace();
    for (const crypto::Certificate& anchor : *anchors) {
      result_.trust->add_anchor(anchor);
    }
    for (const std::string& path : ike().remote.crl_files) {
      const auto file = read_(path);
      const Status added = file ? result_.trust->add_revocation_lists(file->bytes())
                                : Status(tl::unexpected(file.error()));
      if (!added) {
        return fail("{}: {}", path, added.error().message);
      }
    }
    return {};
  }

  const Connection& connection_;
  const ReadIkeFile& read_;
  IkeCredentials result_;
  Status status_;
};

}  // namespace

std::vector<IkeFile> ike_files(const Connection& connection) {
  std::vector<IkeFile> files;
  if (!connection.ike) {
    return files;
  }
  std::set<std::string> seen;
  const auto add = [&](const std::string& path, bool secret) {
    if (!path.empty() && seen.insert(path).second) {
      files.push_back({path, secret});
    }
  };
  for (const IkeEnd* end : {&connection.ike->local, &connection.ike->remote}) {
    add(end->psk_file, true);
    add(end->key_file, true);
  }
  for (const IkeEnd* end : {&connection.ike->local, &connection.ike->remote}) {
    for (const auto* list : {&end->cert_files, &end->ca_files, &end->crl_files}) {
      for (const std::string& path : *list) {
        add(path, false);
      }
    }
  }
  return files;
}

Result<UniqueFd> open_ike_file(const IkeFile& file) {
  if (file.secret) {
    return open_key_file(file.path);
  }
  UniqueFd fd(open(file.path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) {
    return fail("cannot read {}: {}", file.path, std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return fail("{} is no regular file", file.path);
  }
  return fd;
}

Result<crypto::SecretBytes> read_ike_file(int fd, const std::string& path) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || static_cast<std::size_t>(status.st_size) > kMostBytes) {
    return fail("{} is longer than {} bytes", path, kMostBytes);
  }
  crypto::SecretBytes bytes(static_cast<std::size_t>(status.st_size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got =
        pread(fd, bytes.bytes().data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return fail("cannot read {}: {}", path,
                  got == 0 ? "it became shorter" : std::strerror(errno));
    }
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

Result<IkeCredentials> read_ike_credentials(const Connection& connection, const ReadIkeFile& read) {
  return Reading(connection, read).all();
}

Result<IkeCredentials> load_ike_credentials(const Connection& connection) {
  const std::vector<IkeFile> files = ike_files(connection);
  return read_ike_credentials(
      connection, [&](const std::string& path) -> Result<crypto::SecretBytes> {
        const auto file = std::ranges::find(files, path, &IkeFile::path);
        const auto fd =
            file == files.end() ? Result<UniqueFd>(fail("no file is named")) : open_ike_file(*file);
        return fd ? read_ike_file(fd->get(), path) : tl::unexpected(fd.error());
      });
}

}  // namespace gotthard::config
