// What two of strongSwan's charon have said to each other, with the secrets that they have logged:
// each datagram is read, and written again byte for byte; each key, octet string and AUTH is what
// they had.
#include <gtest/gtest.h>

#include <map>

#include "control/ike/auth/auth_data.h"
#include "control/ike/keys/derive.h"
#include "control/ike/keys/protection.h"
#include "control/ike/message/payloads.h"
#include "control/ike/proposal/suite.h"
#include "crypto/certificate.h"
#include "tests/unit/ike_testing.h"
#include "tests/vectors/charon/aes128gcm16-prfsha512-modp3072.h"
#include "tests/vectors/charon/aes256-sha256-modp2048.h"
#include "tests/vectors/charon/aes256gcm16-prfsha384-x25519.h"
#include "tests/vectors/charon/chacha20poly1305-prfsha256-ecp256.h"

namespace gotthard::ike::testing {
namespace {

using crypto::SecretBytes;

Buffer body_of(const ChainWriter& chain) {
  EXPECT_TRUE(chain.ok());
  return copy(Bytes(chain.bytes()).subspan(kPayloadHeaderSize));
}

// As our own code reads and writes it; nothing of a payload that it does not know.
std::optional<Buffer> rewritten(const RawPayload& raw) {
  ChainWriter chain;
  const auto write = [&](const auto& parsed) -> std::optional<Buffer> {
    EXPECT_TRUE(parsed.has_value());
    if (parsed) {
      add(chain, *parsed);
    }
    return parsed ? std::optional(body_of(chain)) : std::nullopt;
  };
  const auto write_as = [&](const auto& parsed) -> std::optional<Buffer> {
    EXPECT_TRUE(parsed.has_value());
    if (parsed) {
      add(chain, raw.type, *parsed);
    }
    return parsed ? std::optional(body_of(chain)) : std::nullopt;
  };
  switch (raw.type) {
    case PayloadType::security_association:
      return write(parse_security_association(raw.body));
    case PayloadType::key_exchange:
      return write(parse_key_exchange(raw.body));
    case PayloadType::nonce: {
      const auto nonce = parse_nonce(raw.body);
      EXPECT_TRUE(nonce);
      add_nonce(chain, nonce.value_or(Bytes()));
      return body_of(chain);
    }
    case PayloadType::id_initiator:
    case PayloadType::id_responder:
      return write_as(parse_identification(raw.body));
    case PayloadType::certificate:
      return write(parse_certificate(raw.body));
    case PayloadType::certificate_request:
      return write(parse_certificate_request(raw.body));
    case PayloadType::authentication:
      return write(parse_authentication(raw.body));
    case PayloadType::notify:
      return write(parse_notify(raw.body));
    case PayloadType::delete_sa:
      return write(parse_delete(raw.body));
    case PayloadType::ts_initiator:
    case PayloadType::ts_responder:
      return write_as(parse_traffic_selectors(raw.body));
    default:
      return std::nullopt;
  }
}

// Replays one transcript: what both ends know at each of its messages.
class Replay {
 public:
  explicit Replay(const vectors::Transcript& transcript) : transcript_(transcript) {}

  void run() {
    for (const vectors::Datagram& one : transcript_.datagrams) {
      datagrams_.push_back(hex(one.bytes));
    }
    for (const Buffer& datagram : datagrams_) {
      const auto header = parse_header(datagram);
      ASSERT_TRUE(header);
      const auto raw = parse_chain(header->next_payload, Bytes(datagram).subspan(Header::kSize));
      ASSERT_TRUE(raw);
      if (header->exchange == ExchangeType::ike_sa_init) {
        inside(*header, *raw);
        rewrite_plain(*header, *raw, datagram);
        on_init(*header, datagram);
      } else {
        ASSERT_EQ(raw->size(), 1U);
        on_sealed(*header, raw->front(), datagram);
      }
    }
    EXPECT_EQ(next_secret_, transcript_.secrets.size()) << "all that was logged has been compared";
    EXPECT_EQ(sas_.size(), 2U);
    EXPECT_EQ(exchanges_, (std::map<ExchangeType, int>{{ExchangeType::ike_sa_init, 2},
                                                       {ExchangeType::ike_auth, 2},
                                                       {ExchangeType::create_child_sa, 4},
                                                       {ExchangeType::informational, 6}}));
  }

 private:
  struct Sa {
    Spis spis;
    IkeSuite suite;
    IkeKeys keys;
  };

  // The next that was logged.
  std::string logged(std::string_view name) {
    if (next_secret_ == transcript_.secrets.size()) {
      ADD_FAILURE() << "no more was logged: " << name;
      return {};
    }
    const vectors::Secret& secret = transcript_.secrets[next_secret_++];
    EXPECT_EQ(secret.name, name);
    return std::string(secret.bytes);
  }
  void compare(std::string_view name, Bytes ours) { EXPECT_EQ(to_hex(ours), logged(name)) << name; }

  static void rewrite_plain(const Header& header, const RawPayloads& raw, const Buffer& datagram) {
    ChainWriter chain;
    for (const RawPayload& payload : raw) {
      chain.add(payload.type, [&](Writer& writer) { writer.bytes(payload.body); });
    }
    Writer writer;
    write(writer, header, chain.bytes().size());
    writer.bytes(chain.bytes());
    EXPECT_EQ(to_hex(writer.buffer()), to_hex(datagram));
  }

  // A whole message's payloads.
  void inside(const Header& header, const RawPayloads& raw) {
    ++exchanges_[header.exchange];
    for (const RawPayload& payload : raw) {
      const auto again = rewritten(payload);
      ASSERT_TRUE(again) << static_cast<int>(payload.type);
      EXPECT_EQ(to_hex(*again), to_hex(payload.body)) << static_cast<int>(payload.type);
    }
  }

  void on_init(const Header& header, const Buffer& datagram) {
    const auto payloads =
        parse_payloads(header.next_payload, Bytes(datagram).subspan(Header::kSize));
    ASSERT_TRUE(payloads && payloads->sa && payloads->ke && payloads->nonce);
    nonces_[header.is_response ? 1 : 0] = copy(*payloads->nonce);
    init_[header.is_response ? 1 : 0] = datagram;
    if (header.is_response) {
      const auto suite = ike_suite(payloads->sa->proposals.at(0));
      ASSERT_TRUE(suite);
      const SecretBytes shared = SecretBytes::copy_of(hex(logged("shared")));
      begin({header.spi_initiator, header.spi_responder}, *suite,
            skeyseed(suite->prf, nonces(), shared));
    }
  }

  [[nodiscard]] Nonces nonces() const { return {nonces_[0], nonces_[1]}; }

  void begin(const Spis& spis, const IkeSuite& suite, const SecretBytes& seed) {
    compare("SKEYSEED", seed.bytes());
    IkeKeys keys = derive_ike_keys(suite, seed, nonces(), spis);
    compare("SK_d", keys.d.bytes());
    if (suite.integrity != IntegrityId::none) {
      compare("SK_ai", keys.initiator.integrity.bytes());
      compare("SK_ar", keys.responder.integrity.bytes());
    }
    compare("SK_ei", keys.initiator.encryption.bytes());
    compare("SK_er", keys.responder.encryption.bytes());
    compare("SK_pi", keys.p_initiator.bytes());
    compare("SK_pr", keys.p_responder.bytes());
    sas_.push_back({spis, suite, std::move(keys)});
  }

  void on_sealed(const Header& header, const RawPayload& raw, const Buffer& datagram) {
    const auto sa =
        std::ranges::find(sas_, Spis{header.spi_initiator, header.spi_responder}, &Sa::spis);
    ASSERT_NE(sa, sas_.end());
    const auto sealed = parse_sealed(raw);
    ASSERT_TRUE(sealed);
    const auto& keys = header.from_initiator ? sa->keys.initiator : sa->keys.responder;
    const crypto::MessageSuite suite = message_suite(sa->suite);
    const auto text = open(suite, keys, datagram, *sealed);
    ASSERT_TRUE(text);
    Reassembly::Whole whole{sealed->first_inside, *text};
    if (sealed->is_fragment()) {
      auto complete = fragments_.add(*sealed, *text);
      if (!complete) {
        return;
      }
      fragments_.clear();
      whole = std::move(*complete);
    } else {
      seal_again(header, suite, keys, *sealed, *text, datagram);
    }
    const auto payloads = parse_chain(whole.first_inside, whole.chain);
    ASSERT_TRUE(payloads);
    inside(header, *payloads);
    on_message(header, *sa, whole);
  }

  // Where blocks are filled up charon does so with random bytes: then the text and the length are
  // the same.
  static void seal_again(const Header& header, const crypto::MessageSuite& suite,
                         const crypto::MessageKeys& keys, const Sealed& sealed, const Buffer& text,
                         const Buffer& datagram) {
    const auto raw = parse_chain(sealed.first_inside, text);
    ASSERT_TRUE(raw);
    ChainWriter chain;
    for (const RawPayload& payload : *raw) {
      chain.add(payload.type, [&](Writer& writer) { writer.bytes(payload.body); });
    }
    const auto again = seal(
        suite, keys, header, chain, [&](std::size_t size) { return copy(sealed.text.first(size)); },
        /*fragment_size=*/0);
    ASSERT_TRUE(again);
    ASSERT_EQ(again->size(), 1U);
    if (suite.is_aead()) {
      EXPECT_EQ(to_hex(again->front()), to_hex(datagram));
      return;
    }
    EXPECT_EQ(again->front().size(), datagram.size());
    const auto outside = parse_chain(parse_header(again->front())->next_payload,
                                     Bytes(again->front()).subspan(Header::kSize));
    EXPECT_EQ(open(suite, keys, again->front(), *parse_sealed(outside->front())), text);
  }

  void on_message(const Header& header, const Sa& sa, const Reassembly::Whole& whole) {
    const auto payloads = parse_payloads(whole.first_inside, whole.chain);
    ASSERT_TRUE(payloads);
    if (header.exchange == ExchangeType::ike_auth) {
      on_auth(header, sa, *payloads);
    } else if (header.exchange == ExchangeType::create_child_sa) {
      on_create_child(header, sa, *payloads);
    }
  }

  void on_auth(const Header& header, const Sa& sa, const Payloads& payloads) {
    const bool second = header.is_response;
    const auto& id = second ? payloads.id_responder : payloads.id_initiator;
    ASSERT_TRUE(id && payloads.auth);
    const Buffer octets =
        signed_octets(sa.suite.prf, second ? sa.keys.p_responder : sa.keys.p_initiator,
                      init_[second ? 1 : 0], nonces_[second ? 0 : 1], id->body);
    compare("octets", octets);
    if (!transcript_.shared_key.empty()) {
      const Buffer key = text(transcript_.shared_key);
      EXPECT_EQ(payloads.auth->method, AuthMethod::shared_key_mic);
      EXPECT_TRUE(shared_key_auth_valid(sa.suite.prf, key, octets, payloads.auth->data));
    } else {
      ASSERT_FALSE(payloads.certificates.empty());
      const auto certificate = crypto::Certificate::parse(payloads.certificates[0].data);
      ASSERT_TRUE(certificate) << certificate.error().message;
      EXPECT_EQ(verify(certificate->key(), *payloads.auth, octets), SignatureVerdict::valid);
    }
    if (second) {
      ASSERT_TRUE(payloads.sa);
      on_child(sa, *payloads.sa, {});
    }
  }

  void on_child(const Sa& sa, const SecurityAssociation& chosen,
                std::span<const SecretBytes> shared) {
    const auto suite = esp_suite(chosen.proposals.at(0));
    ASSERT_TRUE(suite);
    const ChildKeys keys = derive_child_keys(sa.suite.prf, sa.keys.d, *suite, nonces(), shared);
    compare("encryption initiator", keys.initiator.encryption.bytes());
    compare("encryption responder", keys.responder.encryption.bytes());
    if (suite->integrity != IntegrityId::none) {
      compare("integrity initiator", keys.initiator.integrity.bytes());
      compare("integrity responder", keys.responder.integrity.bytes());
    }
  }

  void on_create_child(const Header& header, const Sa& sa, const Payloads& payloads) {
    ASSERT_TRUE(payloads.sa && payloads.nonce);
    nonces_[header.is_response ? 1 : 0] = copy(*payloads.nonce);
    const Proposal& proposal = payloads.sa->proposals.at(0);
    if (!header.is_response) {
      new_spi_ = proposal.spi;
      return;
    }
    if (proposal.protocol == Protocol::esp) {
      std::vector<SecretBytes> shared;
      if (payloads.ke) {
        shared.push_back(SecretBytes::copy_of(hex(logged("child shared"))));
      }
      on_child(sa, *payloads.sa, shared);
      return;
    }
    const auto suite = ike_suite(proposal);
    ASSERT_TRUE(suite);
    std::vector<SecretBytes> shared;
    shared.push_back(SecretBytes::copy_of(hex(logged("shared"))));
    begin({new_spi_, proposal.spi}, *suite,
          skeyseed_of_rekey(sa.suite.prf, sa.keys.d, nonces(), shared));
  }

  const vectors::Transcript& transcript_;
  std::vector<Buffer> datagrams_;
  std::vector<Sa> sas_;
  std::array<Buffer, 2> init_;    // whole messages
  std::array<Buffer, 2> nonces_;  // of the last exchange that had some
  std::uint64_t new_spi_ = 0;     // of the IKE SA that a rekey's initiator makes
  Reassembly fragments_;
  std::size_t next_secret_ = 0;
  std::map<ExchangeType, int> exchanges_;
};

class IkeTranscript : public ::testing::TestWithParam<const vectors::Transcript*> {};

TEST_P(IkeTranscript, OfCharonIsWhatWeReadWriteAndDerive) { Replay(*GetParam()).run(); }

INSTANTIATE_TEST_SUITE_P(Suites, IkeTranscript,
                         ::testing::Values(&vectors::aes256gcm16_prfsha384_x25519,
                                           &vectors::chacha20poly1305_prfsha256_ecp256,
                                           &vectors::aes128gcm16_prfsha512_modp3072,
                                           &vectors::aes256_sha256_modp2048),
                         [](const auto& suite) {
                           std::string name(suite.param->name);
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace gotthard::ike::testing
