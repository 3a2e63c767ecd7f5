#include "tools/cli/keys.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <string>

#include "control/config/config.h"
#include "crypto/bytes.h"
#include "crypto/init.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "crypto/x25519.h"
#include "tools/cli/exit_codes.h"

namespace gotthard::cli {
namespace {

bool start() {
  const Status ready = crypto::init();
  if (!ready) {
    std::fprintf(stderr, "gotthard: %s\n", ready.error().message.c_str());
  }
  return ready.has_value();
}

int print_secret(const crypto::Secret<32>& key) {
  struct stat status {};
  if (fstat(STDOUT_FILENO, &status) == 0 && S_ISREG(status.st_mode) &&
      (status.st_mode & S_IRWXO) != 0) {
    std::fprintf(stderr,
                 "Warning: this writes a secret to a file that everybody may read: set umask 077 "
                 "first.\n");
  }
  std::array<std::uint8_t, 32> bytes{};
  std::memcpy(bytes.data(), key.bytes().data(), bytes.size());
  std::string text = config::key_to_string(bytes);
  std::printf("%s\n", text.c_str());
  crypto::wipe(std::as_writable_bytes(std::span(text)));
  crypto::wipe(crypto::writable_bytes_of(bytes));
  return std::fflush(stdout) == 0 ? kOk : kFailed;
}

}  // namespace

int generate_preshared_key() {
  if (!start()) {
    return kFailed;
  }
  crypto::Secret<32> key;
  crypto::random_bytes(key.bytes());
  return print_secret(key);
}

int generate_private_key() {
  return start() ? print_secret(crypto::generate_private_key()) : kFailed;
}

int public_key_of_input() {
  if (!start()) {
    return kFailed;
  }
  std::array<char, 128> line{};
  if (std::fgets(line.data(), line.size(), stdin) == nullptr) {
    std::fprintf(stderr, "gotthard: pubkey reads a private key from standard input\n");
    return kUsage;
  }
  line[std::strcspn(line.data(), "\r\n")] = '\0';
  auto key = config::parse_key(line.data());
  crypto::wipe(std::as_writable_bytes(std::span(line)));
  if (!key) {
    std::fprintf(stderr, "gotthard: %s\n", key.error().message.c_str());
    return kUsage;
  }
  const auto secret = crypto::PrivateKey::copy_of(std::span<const std::uint8_t, 32>(*key));
  crypto::wipe(crypto::writable_bytes_of(*key));
  std::printf("%s\n", config::key_to_string(crypto::public_key(secret)).c_str());
  return kOk;
}

}  // namespace gotthard::cli
