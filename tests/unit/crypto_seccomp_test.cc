// After init() nothing of crypto/ opens a file: control runs it under seccomp.
#include <gtest/gtest.h>
#include <seccomp.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "crypto/bytes.h"
#include "crypto/handshake_aead.h"
#include "crypto/hash.h"
#include "crypto/init.h"
#include "crypto/random.h"
#include "crypto/x25519.h"
#include "tests/unit/crypto_testing.h"

namespace gotthard::crypto {
namespace {

using testing::Bytes;

// The process dies at the first attempt to open or execute anything.
bool forbid_opening() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  bool added = filter != nullptr;
  for (const int call : {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(creat),
                         SCMP_SYS(socket), SCMP_SYS(execve)}) {
    added = added && seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, call, 0) == 0;
  }
  const bool loaded = added && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return loaded;
}

void use_everything() {
  const KeyPair a = generate_key_pair();
  const KeyPair b = generate_key_pair();
  const auto shared = dh(a.private_key, b.public_key);
  const Hash hash = blake2s(bytes_of(a.public_key), bytes_of(b.public_key));
  const auto keys = kdf3(bytes_of(hash), shared->bytes());
  auto mac = Blake2sMac::create();
  const Mac tag = mac->mac(keys[0].bytes(), bytes_of(hash));
  Bytes sealed(tag.size() + kTagSize);
  seal(keys[1].bytes(), 0, bytes_of(tag), bytes_of(hash), sealed);
  XNonce nonce;
  random_bytes(writable_bytes_of(nonce));
  xseal(keys[2].bytes(), nonce, bytes_of(tag), {}, sealed);
}

void init_forbid_and_use() {
  if (init() && forbid_opening()) {
    use_everything();
    _exit(0);
  }
  _exit(1);
}

void init_forbid_and_open() {
  if (init() && forbid_opening()) {
    static_cast<void>(std::fopen("/dev/null", "r"));
  }
  _exit(0);
}

// In processes of their own, so that no other test has warmed anything up.
TEST(SeccompDeathTest, NothingIsOpenedAfterInit) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(init_forbid_and_use(), ::testing::ExitedWithCode(0), "");
}

TEST(SeccompDeathTest, TheFilterBites) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(init_forbid_and_open(), ::testing::KilledBySignal(SIGSYS), "");
}

}  // namespace
}  // namespace gotthard::crypto
