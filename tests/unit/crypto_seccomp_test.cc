// After init() nothing of crypto/ opens a file: control runs it under seccomp.
#include <gtest/gtest.h>
#include <seccomp.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "crypto/bytes.h"
#include "crypto/certificate.h"
#include "crypto/dh_group.h"
#include "crypto/handshake_aead.h"
#include "crypto/hash.h"
#include "crypto/init.h"
#include "crypto/message_cipher.h"
#include "crypto/prf.h"
#include "crypto/random.h"
#include "crypto/signature.h"
#include "crypto/signature_algorithm.h"
#include "crypto/trust_store.h"
#include "crypto/x25519.h"
#include "tests/unit/crypto_testing.h"
#include "tests/unit/x509_testing.h"

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

void use_messages() {
  for (const DhGroup group : {DhGroup::curve25519, DhGroup::curve448, DhGroup::ecp256,
                              DhGroup::ecp384, DhGroup::ecp521, DhGroup::modp2048}) {
    const SecretBytes own = dh_private(group, random_bytes);
    const auto shared = dh_secret(group, own, dh_public(group, own));
    const MessageSuite suite{MessageAlgorithm::aes_cbc, 32, Digest::sha512};
    const MessageKeys keys{prf_plus(Digest::sha256, shared->bytes(), {}, 32),
                           prf_plus(Digest::sha512, shared->bytes(), {}, 64)};
    const Bytes sealed = seal_message(suite, keys, Bytes(16), {}, Bytes(32));
    static_cast<void>(open_message(suite, keys, {}, sealed));
  }
  const MessageKeys keys{SecretBytes(36), {}};
  for (const auto algorithm : {MessageAlgorithm::aes_gcm_16, MessageAlgorithm::chacha20_poly1305}) {
    static_cast<void>(seal_message({algorithm, 32}, keys, Bytes(8), {}, Bytes(3)));
  }
  // The private key of RFC 8032's first test, and one of P-256 in RFC 5915's writing.
  for (const std::string_view file :
       {"302e020100300506032b6570042204209d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031c"
        "ae7f60",
        "30310201010420c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433a00a06082a"
        "8648ce3d030107"}) {
    const auto key = SigningKey::parse(testing::hex(file));
    const SignatureScheme scheme{key->kind() == KeyKind::ed25519 ? SignatureFamily::ed25519
                                                                 : SignatureFamily::ecdsa};
    static_cast<void>(key->sign(scheme, {bytes_of(Mac{})}));
  }
}

// Keys of all kinds, and chains with revocation lists.
void use_certificates() {
  for (const std::string kind : {"RSA:2048", "EC:P-384", "ED25519"}) {
    auto root = x509_testing::Issued::root({.authority = true, .key_kind = kind});
    const auto leaf = root.issue({.names = "DNS:gw.example", .key_kind = kind});
    TrustStore store;
    store.add_anchor(root.certificate());
    static_cast<void>(store.add_revocation_lists(
        x509_testing::Issued::root({.authority = true}).revoke({&leaf})));
    static_cast<void>(
        store.verify(leaf.certificate(), {}, x509_testing::kNow, Revocation::relaxed));
    for (const auto family : {SignatureFamily::rsa_pkcs1, SignatureFamily::rsa_pss,
                              SignatureFamily::ecdsa, SignatureFamily::ed25519}) {
      const SignatureScheme scheme{family, Digest::sha384, 48};
      const auto signature = leaf.signing_key().sign(scheme, {});
      if (signature) {
        static_cast<void>(leaf.certificate().key().verify(scheme, {}, *signature));
      }
      static_cast<void>(scheme_of(algorithm_identifier(scheme)));
    }
  }
  static_cast<void>(name_to_text(*parse_name("C=DE, CN=gw.example")));
}

void use_everything() {
  use_messages();
  use_certificates();
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
