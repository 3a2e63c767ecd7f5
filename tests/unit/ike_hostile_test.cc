// What strangers can do: little. Cookies, limits, and messages that nobody should believe.
#include <gtest/gtest.h>

#include "control/ike/message/payloads.h"
#include "control/ike/sa/cookie.h"
#include "tests/unit/ike_pair.h"

namespace gotthard::ike::testing {
namespace {

// A first message as an honest initiator makes it, from any address.
Buffer first_message(std::uint64_t seed) {
  Pair other(seed);
  other.configure();
  other.left.initiate();
  return other.network.log.front().bytes;
}

struct Answer {
  std::size_t bytes = 0;
  std::optional<NotifyType> notify;
  std::size_t count = 0;
};

Answer answer_to(Node& node, const Buffer& datagram, const abi::Address& from, Time now,
                 std::uint16_t port = 500) {
  Answer answer;
  for (const Action& action :
       node.engine().on_datagram(datagram, {node.own(), 500, from, port}, false, now)) {
    const auto* sent = std::get_if<SendDatagram>(&action);
    if (sent == nullptr) {
      continue;
    }
    ++answer.count;
    answer.bytes += sent->bytes.size();
    const auto header = parse_header(sent->bytes);
    const auto payloads =
        parse_payloads(header->next_payload, Bytes(sent->bytes).subspan(Header::kSize));
    if (payloads && !payloads->notifies.empty() && !payloads->sa) {
      answer.notify = payloads->notifies.front().type;
    }
  }
  return answer;
}

ConnectionSettings anybody() {
  ConnectionSettings settings = Pair::settings(false);
  settings.remotes.clear();
  return settings;
}

TEST(IkeHostile, AFloodGetsCookiesAndLeavesNoState) {
  Pair pair(1, {.cookies_from = 10, .half_open = 20});
  pair.right.configure(anybody());
  std::size_t cookies = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const auto from = address(198, 51, static_cast<std::uint8_t>(i), 1);
    const Answer answer = answer_to(pair.right, first_message(i + 1), from, pair.clock.now());
    cookies += answer.notify == NotifyType::cookie ? 1 : 0;
  }
  EXPECT_EQ(pair.right.engine().half_open(), 10U);
  EXPECT_EQ(cookies, 190U);
  // An honest peer returns it.
  pair.left.configure(Pair::settings(true));
  pair.left.initiate();
  pair.run();
  EXPECT_EQ(pair.left.children(), 1U);
  // What stayed half open is forgotten.
  pair.run(31 * kSecond);
  EXPECT_EQ(pair.right.engine().half_open(), 0U);
}

TEST(IkeHostile, OneSourceHasItsShare) {
  Pair pair(1, {.half_open_per_source = 8});
  pair.right.configure(anybody());
  const auto from = address(198, 51, 100, 1);
  for (std::uint64_t i = 0; i < 50; ++i) {
    (void)answer_to(pair.right, first_message(i + 1), from, pair.clock.now());
  }
  EXPECT_EQ(pair.right.engine().half_open(), 4U);
}

TEST(IkeHostile, TheWholeIsBounded) {
  Pair pair(1, {.cookies_from = 1000, .half_open = 30, .half_open_per_source = 1000});
  pair.right.configure(anybody());
  for (std::uint64_t i = 0; i < 60; ++i) {
    (void)answer_to(pair.right, first_message(i + 1), address(198, 51, 100, 1), pair.clock.now(),
                    static_cast<std::uint16_t>(1000 + i));
  }
  EXPECT_EQ(pair.right.engine().half_open(), 30U);
  ASSERT_EQ(pair.right.engine().strangers().size(), 1U);
  EXPECT_EQ(pair.right.engine().strangers().front().cause, Cause::too_many_half_open);
  EXPECT_EQ(pair.right.engine().strangers().front().times, 30U);
}

TEST(IkeHostile, ADuplicateIsAnsweredTheSameAndAnotherIsNot) {
  Pair pair;
  pair.right.configure(anybody());
  Buffer message = first_message(7);
  const auto from = address(198, 51, 100, 1);
  EXPECT_EQ(answer_to(pair.right, message, from, pair.clock.now()).count, 1U);
  EXPECT_EQ(answer_to(pair.right, message, from, pair.clock.now()).count, 1U);
  EXPECT_EQ(pair.right.engine().half_open(), 1U);
  message.back() ^= std::byte{1};
  EXPECT_EQ(answer_to(pair.right, message, from, pair.clock.now()).count, 0U);
}

TEST(IkeHostile, NothingUnauthenticMovesAnSa) {
  Pair pair;
  pair.establish();
  const std::size_t sent = pair.network.log.size();
  const auto log = pair.network.log;
  std::mt19937_64 random(3);
  for (int round = 0; round < 3000; ++round) {
    Sent forged = log[random() % log.size()];
    const std::size_t changes = 1 + random() % 3;
    for (std::size_t i = 0; i < changes; ++i) {
      forged.bytes[random() % forged.bytes.size()] ^= static_cast<std::byte>(1 + random() % 255);
    }
    for (Node* node : {&pair.left, &pair.right}) {
      const Path path{node->own(), 500, address(203, 0, 113, 9), 500};
      for (const Action& action :
           node->engine().on_datagram(forged.bytes, path, false, pair.clock.now())) {
        const auto* out = std::get_if<SendDatagram>(&action);
        const auto header = out != nullptr ? parse_header(out->bytes) : std::nullopt;
        // Only to what begins an SA, or speaks another version, and with nothing secret.
        EXPECT_TRUE(out == nullptr || header->exchange == ExchangeType::ike_sa_init ||
                    out->bytes.size() <= 36);
        EXPECT_FALSE(std::holds_alternative<InstallChild>(action));
        EXPECT_FALSE(std::holds_alternative<RemoveChild>(action));
        EXPECT_FALSE(std::holds_alternative<IkeDown>(action));
      }
    }
  }
  EXPECT_EQ(pair.network.log.size(), sent);
  EXPECT_EQ(pair.left.children(), 1U);
  pair.left.perform(pair.left.engine().rekey_child("peer", "net", pair.clock.now()));
  pair.run(12 * kSecond);
  EXPECT_EQ(pair.left.children(), 1U);
  pair.exchange_packets();
}

TEST(IkeHostile, ACriticalPayloadThatIsNotKnownIsRefused) {
  Pair pair;
  pair.right.configure(anybody());
  Buffer message = first_message(7);
  // Another payload behind the last: type 200, critical.
  std::size_t at = Header::kSize;
  std::size_t last = at;
  while (message[at] != std::byte{0}) {
    last = at + (static_cast<std::size_t>(message[at + 2]) << 8) +
           static_cast<std::size_t>(message[at + 3]);
    at = last;
  }
  message[last] = std::byte{200};
  const Buffer extra = hex("00 80 00 08 01 02 03 04");
  message.insert(message.end(), extra.begin(), extra.end());
  message[26] = static_cast<std::byte>(message.size() >> 8);
  message[27] = static_cast<std::byte>(message.size());
  const auto from = address(198, 51, 100, 1);
  EXPECT_EQ(answer_to(pair.right, message, from, pair.clock.now()).notify,
            NotifyType::unsupported_critical_payload);
  EXPECT_EQ(pair.right.engine().half_open(), 0U);
  message[last + (message.size() - last) - 7] = std::byte{0};  // no longer critical: passed over
  EXPECT_EQ(answer_to(pair.right, message, from, pair.clock.now()).notify, std::nullopt);
  EXPECT_EQ(pair.right.engine().half_open(), 1U);
}

TEST(IkeHostile, AnotherVersionIsToldOurs) {
  Pair pair;
  pair.right.configure(anybody());
  Buffer message = first_message(7);
  message[17] = std::byte{0x30};
  const auto from = address(198, 51, 100, 1);
  EXPECT_EQ(answer_to(pair.right, message, from, pair.clock.now()).notify,
            NotifyType::invalid_major_version);
  message[17] = std::byte{0x10};
  EXPECT_EQ(answer_to(pair.right, message, from, pair.clock.now()).count, 0U);
}

TEST(IkeHostile, CookiesBelongToTheirNonceAddressAndTime) {
  std::mt19937_64 random(1);
  Cookies cookies([&](std::span<std::byte> out) {
    for (std::byte& byte : out) {
      byte = static_cast<std::byte>(random());
    }
  });
  const Buffer nonce(32, std::byte{1});
  const Buffer other(32, std::byte{2});
  const auto from = address(192, 0, 2, 1);
  Nanoseconds now = 500 * kSecond;
  const Buffer cookie = cookies.make(nonce, from, 5, now);
  EXPECT_LE(cookie.size(), 64U);
  EXPECT_TRUE(cookies.valid(cookie, nonce, from, 5, now));
  EXPECT_FALSE(cookies.valid(cookie, other, from, 5, now));
  EXPECT_FALSE(cookies.valid(cookie, nonce, address(192, 0, 2, 2), 5, now));
  EXPECT_FALSE(cookies.valid(cookie, nonce, from, 6, now));
  EXPECT_FALSE(cookies.valid({}, nonce, from, 5, now));
  now += 70 * kSecond;
  EXPECT_TRUE(cookies.valid(cookie, nonce, from, 5, now));
  now += 70 * kSecond;
  EXPECT_FALSE(cookies.valid(cookie, nonce, from, 5, now));
}

}  // namespace
}  // namespace gotthard::ike::testing
