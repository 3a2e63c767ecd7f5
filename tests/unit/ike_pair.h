// Two gateways, with a shared key and one child, and what is between them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/ike/proposal/proposal_text.h"
#include "tests/unit/ike_node.h"

namespace gotthard::ike::testing {

inline crypto::SecretBytes secret(std::string_view words) {
  return crypto::SecretBytes::copy_of(std::as_bytes(std::span(words)));
}
inline std::vector<Proposal> proposals(Protocol protocol, const std::vector<std::string>& texts) {
  auto parsed = parse_proposals(texts, protocol, true);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return *parsed;
}
inline Identity identity(std::string_view text) { return *parse_identity(text); }

struct Pair {
  explicit Pair(std::uint64_t seed = 1, Limits limits = {})
      : network(clock, seed),
        left(clock, network, address(192, 0, 2, 1), seed * 2 + 1, limits),
        right(clock, network, address(192, 0, 2, 2), seed * 2 + 2, limits) {}

  static ConnectionSettings settings(bool is_left) {
    ConnectionSettings made;
    made.name = "peer";
    made.remotes = {is_left ? address(192, 0, 2, 2) : address(192, 0, 2, 1)};
    made.local_auth.id = identity(is_left ? "left.example" : "right.example");
    made.local_auth.psk = secret("correct horse battery staple");
    made.remote_auth.id = *IdentityPattern::parse(is_left ? "right.example" : "left.example");
    made.remote_auth.psk = secret("correct horse battery staple");
    made.proposals = proposals(Protocol::ike, {"aes256gcm16-prfsha256-x25519"});
    made.children.push_back(child(is_left, "net", 1));
    return made;
  }
  static ChildSettings child(bool is_left, const std::string& name, std::uint8_t base) {
    ChildSettings made{.name = name};
    made.local_ts = {net(is_left ? base : base + 1)};
    made.remote_ts = {net(is_left ? base + 1 : base)};
    made.proposals = proposals(Protocol::esp, {"aes256gcm16-x25519-esn"});
    return made;
  }
  void configure() {
    left.configure(settings(true));
    right.configure(settings(false));
  }
  void run(Nanoseconds duration = kSecond) { clock.run_for(duration); }
  void establish() {
    configure();
    left.initiate();
    run();
  }
  // One packet each way, which both are to open.
  void exchange_packets() {
    const std::uint64_t refused = left.refused + right.refused + left.unsent + right.unsent;
    left.send_packet(right);
    right.send_packet(left);
    run(100 * kMillisecond);
    EXPECT_EQ(left.refused + right.refused + left.unsent + right.unsent, refused);
  }

  Clock clock;
  Network network;
  Node left;
  Node right;
};

}  // namespace gotthard::ike::testing
