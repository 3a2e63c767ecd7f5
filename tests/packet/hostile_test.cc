// Each type of message cut and lengthened to every length, with each bit changed, doubled in a
// burst and sent again: every one is counted by its reason, or reaches control, which has its own
// (tests/unit/noise_hostile_test.cc).
#include <gtest/gtest.h>

#include <map>

#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

constexpr std::uint8_t kData = 4;
constexpr std::uint64_t kLimit = 1ULL << 60;

using Counts = std::map<Drop, std::uint64_t>;

class Hostile : public testing::TestWithParam<std::uint8_t> {
 protected:
  // A message that passes.
  Bytes message(std::uint64_t counter) {
    return type_ == kData ? seal(keys_.receive, kSession0, counter, from_peer0())
                          : handshake(type_);
  }
  // Sends what is to be dropped for `reason`, or to reach control for Drop::none.
  void send(const Bytes& bytes, Drop reason) {
    bench_.receive_sealed(0, bytes);
    ++expected_[reason];
    if (++waiting_ == 256) {
      run();
    }
  }
  void run() {
    waiting_ = 0;
    bench_.run();
  }
  void expect_counted() {
    run();
    std::uint64_t sum = 0;
    for (const auto& [reason, count] : expected_) {
      if (reason == Drop::none) {
        EXPECT_EQ(bench_.punts().size(), count);
      } else {
        EXPECT_EQ(bench_.drops(reason), count) << name(reason);
        sum += count;
      }
    }
    EXPECT_EQ(bench_.all_drops(), sum) << "for other reasons too";
    EXPECT_TRUE(bench_.sent(kWan).empty());
    EXPECT_TRUE(bench_.sent(kLan).empty());
  }

  Bench bench_;
  std::uint8_t type_ = GetParam();
  Keys keys_ = bench_.install(0, kSession0, abi::KeyUse::now, kLimit);
  Counts expected_;
  int waiting_ = 0;
};
std::string type_name(const testing::TestParamInfo<std::uint8_t>& info) {
  static constexpr std::array kNames = {"", "Initiation", "Response", "CookieReply", "Data"};
  return kNames[info.param];
}
INSTANTIATE_TEST_SUITE_P(Message, Hostile, testing::Values(1, 2, 3, 4), type_name);

TEST_P(Hostile, CutAndLengthened) {
  const Bytes good = message(1);
  for (std::size_t size = 0; size < good.size() + 20; ++size) {
    if (size == good.size()) {
      continue;
    }
    Bytes bytes = good;
    bytes.resize(size, 0xee);
    const bool long_enough = type_ == kData && size >= 32;
    send(bytes, size < 4      ? Drop::bad_udp_length
                : long_enough ? Drop::wg_open_failed
                              : Drop::wg_bad_length);
  }
  expect_counted();
}

TEST_P(Hostile, CutFrames) {
  for (const bool v6 : {false, true}) {
    const Bytes frame = ethernet(
        bench_.mac(kWan), v6 ? udp("2001:db8::2", 40000, "2001:db8::1", kListenPort, message(1))
                             : udp("192.0.2.2", 40000, "192.0.2.1", kListenPort, message(1)));
    for (std::size_t size = 0; size < frame.size(); ++size) {
      bench_.receive(kWan, cut(frame, 0, size));
      ++expected_[size < 14 ? Drop::truncated : Drop::bad_ip_header];
    }
    run();
  }
  expect_counted();
}

// What the first byte becomes when one of its bits changes is another type, or none.
Drop for_type(std::uint8_t type) {
  return type >= 1 && type <= 3 ? Drop::wg_bad_length : Drop::wg_bad_type;
}

Drop for_data(std::size_t byte, const Bytes& bytes) {
  std::uint64_t counter = 0;
  std::memcpy(&counter, bytes.data() + 8, sizeof(counter));
  if (byte < 8) {
    return Drop::wg_unknown_session;
  }
  return byte < 16 && counter >= kLimit ? Drop::wg_counter_limit : Drop::wg_open_failed;
}

// mac1 covers what is in front of mac2; a cookie reply has neither.
Drop for_handshake(std::uint8_t type, std::size_t byte, std::size_t size) {
  return type == 3 || byte >= size - 16 ? Drop::none : Drop::wg_bad_mac1;
}

TEST_P(Hostile, EachBitChanged) {
  const Bytes good = message(1);
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    const std::size_t byte = bit / 8;
    Bytes bytes = good;
    bytes[byte] = static_cast<std::uint8_t>(bytes[byte] ^ 1U << bit % 8);
    const Drop reason = byte == 0        ? for_type(bytes[0])
                        : byte < 4       ? Drop::wg_bad_type
                        : type_ == kData ? for_data(byte, bytes)
                                         : for_handshake(type_, byte, good.size());
    // Those that pass are few enough for the police: a bit of each byte.
    if (reason != Drop::none || bit % 8 == byte % 8) {
      send(bytes, reason);
    }
    if (reason == Drop::none && byte % 16 == 0) {
      run();
      usleep(40'000);
    }
  }
  expect_counted();
}

TEST_P(Hostile, DoubledInOneBurstAndSentAgain) {
  const Bytes good = message(7);
  for (int i = 0; i < 3; ++i) {
    bench_.receive_sealed(0, good);
  }
  run();
  bench_.receive_sealed(0, good);
  run();
  if (type_ == kData) {
    EXPECT_EQ(bench_.sent(kLan).size(), 1U);
    EXPECT_EQ(bench_.drops(Drop::wg_replay), 3U);
    EXPECT_EQ(bench_.all_drops(), 3U);
  } else {
    // Workers keep nothing of handshakes: control knows what it has seen.
    EXPECT_EQ(bench_.punts().size(), 4U);
    EXPECT_EQ(bench_.all_drops(), 0U);
  }
}

}  // namespace
}  // namespace gotthard::packet_test
