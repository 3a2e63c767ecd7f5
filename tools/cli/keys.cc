#include "tools/cli/keys.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "control/config/config.h"
#include "crypto/bytes.h"
#include "crypto/init.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "crypto/x25519.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/report.h"

namespace gotthard::cli {
namespace {

// Base64 needs no escapes, and a JSON library would leave copies of it behind.
int print_key(const char* name, std::string_view key, bool as_json) {
  if (as_json) {
    std::printf("{\n  \"%s\": \"%.*s\"\n}\n", name, static_cast<int>(key.size()), key.data());
  } else {
    std::printf("%.*s\n", static_cast<int>(key.size()), key.data());
  }
  return std::fflush(stdout) == 0 ? kOk : kFailed;
}

int print_secret(const char* name, const crypto::Secret<32>& key, bool as_json) {
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
  const int printed = print_key(name, text, as_json);
  crypto::wipe(std::as_writable_bytes(std::span(text)));
  crypto::wipe(crypto::writable_bytes_of(bytes));
  return printed;
}

}  // namespace

int generate_preshared_key(bool as_json) {
  if (const Status ready = crypto::init(); !ready) {
    return report({"failed", ready.error().message}, as_json);
  }
  crypto::Secret<32> key;
  crypto::random_bytes(key.bytes());
  return print_secret("preshared_key", key, as_json);
}

int generate_private_key(bool as_json) {
  if (const Status ready = crypto::init(); !ready) {
    return report({"failed", ready.error().message}, as_json);
  }
  return print_secret("private_key", crypto::generate_private_key(), as_json);
}

int public_key_of_input(bool as_json) {
  if (const Status ready = crypto::init(); !ready) {
    return report({"failed", ready.error().message}, as_json);
  }
  std::array<char, 128> line{};
  if (std::fgets(line.data(), line.size(), stdin) == nullptr) {
    return report({"bad_argument", "pubkey reads a private key from standard input"}, as_json);
  }
  line[std::strcspn(line.data(), "\r\n")] = '\0';
  auto key = config::parse_key(line.data());
  crypto::wipe(std::as_writable_bytes(std::span(line)));
  if (!key) {
    return report({"bad_argument", key.error().message}, as_json);
  }
  const auto secret = crypto::PrivateKey::copy_of(std::span<const std::uint8_t, 32>(*key));
  crypto::wipe(crypto::writable_bytes_of(*key));
  return print_key("public_key", config::key_to_string(crypto::public_key(secret)), as_json);
}

}  // namespace gotthard::cli
