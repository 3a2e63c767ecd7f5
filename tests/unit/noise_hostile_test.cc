// Each handshake message cut and lengthened to every length, with each bit changed, doubled and
// sent again: every one is counted by what was wrong with it and changes nothing. What workers
// refuse before control sees it is in tests/packet/hostile_test.cc.
#include <cstddef>
#include <map>

#include "tests/unit/noise_device_fixture.h"

namespace gotthard::noise::testing {
namespace {

using Counts = std::map<Outcome, std::uint64_t>;

// Where the fields of a message end, and what a change in each is counted as.
struct Field {
  std::size_t end;
  Outcome cause;
};

std::vector<Bytes> other_lengths(const Bytes& message) {
  std::vector<Bytes> result;
  for (std::size_t length = 0; length < message.size() + 100; ++length) {
    if (length != message.size()) {
      result.push_back(message);
      result.back().resize(length);
    }
  }
  return result;
}

class NoiseHostile : public NoiseDevice {
 protected:
  // Whoever knows the public key can make mac1; `to` is the seed of that key.
  template <typename Message>
  static Bytes with_mac1(Message message, std::uint64_t to) {
    static auto mac = crypto::Blake2sMac::create();
    CookieJar(public_key(to)).add_macs(message, 0, *mac);
    return to_datagram(message);
  }

  // What `device` counted since the last call.
  Counts counted_now(const Device& device) {
    Counts counts;
    for (std::size_t i = 0; i < kOutcomeCount; ++i) {
      if (const std::uint64_t more = device.counters()[i] - seen_[i]; more > 0) {
        counts[static_cast<Outcome>(i)] = more;
      }
    }
    seen_ = device.counters();
    return counts;
  }

  // Sends `message` with each bit from byte `first` to the last field's end changed.
  template <typename Send>
  void flip_bits(const Device& device, const Bytes& message, std::size_t first,
                 const std::vector<Field>& fields, const Send& send) {
    Counts expected;
    for (std::size_t byte = first; byte < fields.back().end; ++byte) {
      const Outcome cause =
          std::ranges::find_if(fields, [&](const Field& field) { return byte < field.end; })->cause;
      for (int bit = 0; bit < 8; ++bit) {
        Bytes changed = message;
        changed[byte] ^= std::byte{1} << bit;
        const Actions actions = send(changed);
        EXPECT_EQ(actions.size(), how_many<HandshakeFailed>(actions)) << byte;
        ++expected[cause];
      }
    }
    EXPECT_EQ(counted_now(device), expected);
  }

  // b's answer under load to a's initiation.
  Bytes cookie_reply() {
    const Actions actions = to_b(initiation(), true);
    const auto* sent = only<SendDatagram>(actions);
    return sent == nullptr ? Bytes() : sent->bytes;
  }

 private:
  OutcomeCounters seen_{};
};

TEST_F(NoiseHostile, InitiationOfAnotherLength) {
  const auto messages = other_lengths(initiation());
  for (const Bytes& message : messages) {
    EXPECT_TRUE(to_b(message).empty());
  }
  EXPECT_EQ(counted_now(b_), (Counts{{Outcome::malformed, messages.size()}}));
  EXPECT_EQ(ids_b_.used(), 0U);
}

TEST_F(NoiseHostile, ResponseOfAnotherLength) {
  const Bytes response = response_to(initiation());
  counted_now(a_);
  const auto messages = other_lengths(response);
  for (const Bytes& message : messages) {
    EXPECT_TRUE(to_a(message).empty());
  }
  EXPECT_EQ(counted_now(a_), (Counts{{Outcome::malformed, messages.size()}}));
  EXPECT_EQ(how_many<InstallSession>(to_a(response)), 1U);
}

TEST_F(NoiseHostile, CookieReplyOfAnotherLength) {
  const Bytes reply = cookie_reply();
  counted_now(a_);
  const auto messages = other_lengths(reply);
  for (const Bytes& message : messages) {
    EXPECT_TRUE(to_a(message).empty());
  }
  EXPECT_EQ(counted_now(a_), (Counts{{Outcome::malformed, messages.size()}}));
  (void)to_a(reply);
  EXPECT_EQ(counted_now(a_), (Counts{{Outcome::cookie_accepted, 1}}));
}

TEST_F(NoiseHostile, DataIsNoHandshake) {
  Bytes data(148);
  data[0] = std::byte{4};
  EXPECT_TRUE(to_b(data).empty());
  EXPECT_EQ(counted_now(b_), (Counts{{Outcome::malformed, 1}}));
}

TEST_F(NoiseHostile, EachBitOfAnInitiation) {
  const Bytes good = initiation();
  const std::vector<Field> fields = {{4, Outcome::malformed},
                                     {offsetof(Initiation, mac2), Outcome::mac1_invalid}};
  flip_bits(b_, good, 0, fields, [&](const Bytes& changed) { return to_b(changed); });
  // mac2 says nothing while there is no load.
  Bytes changed = good;
  changed.back() ^= std::byte{1};
  EXPECT_EQ(how_many<InstallSession>(to_b(changed)), 1U);
}

TEST_F(NoiseHostile, EachBitOfAnInitiationWithGoodMac1) {
  const Bytes good = initiation();
  const std::vector<Field> fields = {
      {offsetof(Initiation, mac1), Outcome::initiation_not_authentic}};
  flip_bits(b_, good, offsetof(Initiation, ephemeral), fields,
            [&](const Bytes& changed) { return to_b(with_mac1(*parse_initiation(changed), 102)); });
  EXPECT_EQ(ids_b_.used(), 0U);
  Initiation zero = *parse_initiation(good);
  zero.ephemeral = {};
  EXPECT_TRUE(to_b(with_mac1(zero, 102)).empty());
  EXPECT_EQ(counted_now(b_), (Counts{{Outcome::initiation_not_authentic, 1}}));
  EXPECT_EQ(how_many<InstallSession>(to_b(good)), 1U);
}

TEST_F(NoiseHostile, EachBitOfAResponse) {
  const Bytes good = response_to(initiation());
  counted_now(a_);
  const std::vector<Field> fields = {{4, Outcome::malformed},
                                     {offsetof(Response, mac2), Outcome::mac1_invalid}};
  flip_bits(a_, good, 0, fields, [&](const Bytes& changed) { return to_a(changed); });
  EXPECT_EQ(how_many<InstallSession>(to_a(good)), 1U);
}

TEST_F(NoiseHostile, EachBitOfAResponseWithGoodMac1) {
  const Bytes good = response_to(initiation());
  counted_now(a_);
  const std::vector<Field> fields = {{offsetof(Response, ephemeral), Outcome::response_unexpected},
                                     {offsetof(Response, mac1), Outcome::response_not_authentic}};
  flip_bits(a_, good, offsetof(Response, receiver), fields,
            [&](const Bytes& changed) { return to_a(with_mac1(*parse_response(changed), 101)); });
  EXPECT_EQ(how_many<InstallSession>(to_a(good)), 1U) << "the handshake goes on";
}

TEST_F(NoiseHostile, EachBitOfACookieReply) {
  const Bytes good = cookie_reply();
  counted_now(a_);
  const std::vector<Field> fields = {{4, Outcome::malformed},
                                     {offsetof(CookieReply, nonce), Outcome::cookie_unexpected},
                                     {sizeof(CookieReply), Outcome::cookie_not_authentic}};
  flip_bits(a_, good, 0, fields, [&](const Bytes& changed) { return to_a(changed); });
  (void)to_a(good);
  EXPECT_EQ(counted_now(a_), (Counts{{Outcome::cookie_accepted, 1}}));
}

TEST_F(NoiseHostile, InitiationDoubledAndSentAgain) {
  const Bytes message = initiation();
  EXPECT_EQ(how_many<InstallSession>(to_b(message)), 1U);
  counted_now(b_);
  for (const Nanoseconds later : {Nanoseconds{0}, kSecond, 200 * kSecond}) {
    pass(later);
    EXPECT_TRUE(to_b(message).empty());
    EXPECT_EQ(counted_now(b_), (Counts{{Outcome::initiation_replayed, 1}}));
  }
}

TEST_F(NoiseHostile, ResponseDoubledAndSentAgain) {
  const Bytes message = response_to(initiation());
  const Actions answered = to_a(message);
  const auto* install = only<InstallSession>(answered);
  ASSERT_NE(install, nullptr);
  counted_now(a_);
  EXPECT_TRUE(to_a(message).empty());
  EXPECT_EQ(counted_now(a_), (Counts{{Outcome::response_unexpected, 1}}));
  (void)a_.on_installed(install->local_id, now_);
  counted_now(a_);
  for (const Nanoseconds later : {kSecond, 200 * kSecond}) {
    pass(later);
    EXPECT_TRUE(to_a(message).empty());
    EXPECT_EQ(counted_now(a_), (Counts{{Outcome::response_unexpected, 1}}));
  }
}

TEST_F(NoiseHostile, CookieReplyDoubledAndSentAgain) {
  const Bytes message = cookie_reply();
  (void)to_a(message);
  counted_now(a_);
  for (const Nanoseconds later : {Nanoseconds{0}, kSecond, 200 * kSecond}) {
    pass(later);
    EXPECT_TRUE(to_a(message).empty());
    EXPECT_EQ(counted_now(a_), (Counts{{Outcome::cookie_not_authentic, 1}}));
  }
}

}  // namespace
}  // namespace gotthard::noise::testing
