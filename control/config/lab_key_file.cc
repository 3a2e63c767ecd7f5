// Files that hold the key material of one SA in hexadecimal.
#include <sodium.h>
#include <unistd.h>

#include <array>
#include <map>

#include "control/config/key_file.h"
#include "crypto/suite.h"

namespace gotthard::config {

std::size_t lab_salt_size(const EspSuite& suite) {
  return crypto::salt_size(static_cast<crypto::Suite>(suite.suite));
}

std::size_t lab_key_size(const EspSuite& suite) {
  return crypto::key_size(static_cast<crypto::Suite>(suite.suite)) + lab_salt_size(suite);
}

Result<crypto::SecretBytes> read_lab_key(int fd, const std::string& path, std::size_t size) {
  std::array<char, 2 * abi::kMaxSaKey + 8> text{};
  const ssize_t got = pread(fd, text.data(), text.size(), 0);
  std::string_view view(text.data(), got < 0 ? 0 : static_cast<std::size_t>(got));
  view = view.substr(view.starts_with("0x") ? 2 : 0);
  while (!view.empty() && (view.back() == '\n' || view.back() == '\r' || view.back() == ' ')) {
    view.remove_suffix(1);
  }
  crypto::SecretBytes key(size);
  std::size_t done = 0;
  const bool right = view.size() == 2 * size &&
                     sodium_hex2bin(reinterpret_cast<unsigned char*>(key.bytes().data()), size,
                                    view.data(), view.size(), nullptr, &done, nullptr) == 0 &&
                     done == size;
  sodium_memzero(text.data(), text.size());
  if (!right) {
    return fail("the key file {} does not hold {} bytes in hexadecimal: the key, then the salt",
                path, size);
  }
  return key;
}

void check_lab_key_files(
    const Ipsec& ipsec,
    const std::function<void(const LabKeyPlace& place, const std::string& message)>& report) {
  std::map<std::string, std::string> seen;  // by the key's hash
  for (std::size_t c = 0; c < ipsec.connections.size(); ++c) {
    for (std::size_t h = 0; h < ipsec.connections[c].children.size(); ++h) {
      const std::vector<LabKeys>& pairs = ipsec.connections[c].children[h].lab_keys;
      const auto check = [&](std::size_t k, const char* which, const std::string& path) {
        const LabKeyPlace place{.connection = c, .child = h, .pair = k, .key = which};
        const auto fd = open_key_file(path);
        const auto key = fd ? read_lab_key(fd->get(), path, lab_key_size(pairs[k].suite))
                            : tl::unexpected(fd.error());
        if (!key) {
          report(place, key.error().message);
          return;
        }
        std::string hash(crypto_generichash_BYTES, '\0');
        crypto_generichash(reinterpret_cast<unsigned char*>(hash.data()), hash.size(),
                           reinterpret_cast<const unsigned char*>(key->bytes().data()),
                           key->bytes().size(), nullptr, 0);
        if (const auto [found, added] = seen.emplace(hash, path); !added) {
          report(place, fmt::format("{} holds the key of {}: each direction of each child has its "
                                    "own",
                                    path, found->second));
        }
      };
      for (std::size_t k = 0; k < pairs.size(); ++k) {
        check(k, "in_key_file", pairs[k].in_key_file);
        check(k, "out_key_file", pairs[k].out_key_file);
      }
    }
  }
}

}  // namespace gotthard::config
