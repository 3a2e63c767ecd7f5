// Two devices without a network: messages are carried by hand.
#pragma once

#include "tests/unit/noise_testing.h"

namespace gotthard::noise::testing {

inline constexpr PeerNumber kA = 1, kB = 2;  // how the other side calls each
inline const abi::Address kLocal{abi::Family::ipv4, {192, 0, 2, 99}};

class NoiseDevice : public ::testing::Test {
 protected:
  void SetUp() override { connect(5, 5); }
  void connect(std::uint64_t psk_a, std::uint64_t psk_b) {
    a_ = make_device(101, 1, ids_a_);
    b_ = make_device(102, 2, ids_b_);
    ASSERT_TRUE(a_.add_peer(kB, public_key(102), {preshared_key(psk_a), endpoint(2), 0}, {}));
    ASSERT_TRUE(b_.add_peer(kA, public_key(101), {preshared_key(psk_b), std::nullopt, 0}, {}));
  }
  void pass(Nanoseconds duration) {
    now_.boot += duration;
    now_.wall += duration;
  }
  Bytes initiation() {
    const Actions actions = a_.rekey(kB, now_);
    const auto* sent = only<SendDatagram>(actions);
    return sent == nullptr ? Bytes() : sent->bytes;
  }
  Actions to_b(const Bytes& message, bool under_load = false) {
    return b_.on_datagram(message, endpoint(1), kLocal, now_, under_load);
  }
  Actions to_a(const Bytes& message, bool under_load = false) {
    return a_.on_datagram(message, endpoint(2), kLocal, now_, under_load);
  }
  // b's response to an initiation that it accepts.
  Bytes response_to(const Bytes& message) {
    const Actions actions = to_b(message);
    const auto* install = only<InstallSession>(actions);
    if (install == nullptr) {
      ADD_FAILURE() << "the initiation was refused";
      return {};
    }
    const Actions installed = b_.on_installed(install->local_id, now_);
    const auto* sent = only<SendDatagram>(installed);
    return sent == nullptr ? Bytes() : sent->bytes;
  }

  Ids ids_a_{1000}, ids_b_{2000};
  Device a_ = make_device(101, 1, ids_a_);
  Device b_ = make_device(102, 2, ids_b_);
  Time now_{1000 * kSecond, 1'700'000'000 * kSecond};
};

}  // namespace gotthard::noise::testing
