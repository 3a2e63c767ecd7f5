// Control comes and goes.
#include <gtest/gtest.h>

#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

TEST(Control, ResynchronisationRemovesWhatIsNotMentionedAndKeepsSessions) {
  Bench bench;
  const Keys keys = bench.install(0, kSession0);
  bench.route("10.77.0.0", 16, kToPeer0);
  bench.commit();
  bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.77.0.1", 2, {}));
  bench.run();
  EXPECT_EQ(bench.sent(kWan).size(), 1U);
  bench.attach();
  bench.command(abi::ResyncBegin{});
  bench.send_state();
  bench.command(abi::ResyncEnd{});
  bench.run();
  bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.77.0.1", 2, {}));
  bench.receive_ip(kLan, to_peer0());
  bench.run();
  EXPECT_EQ(bench.drops(Drop::no_route), 1U);
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(open(keys.send, message_in(sent[0], false)).value().counter, 1U);
}

TEST(Control, ForwardingGoesOnWithoutIt) {
  Bench bench;
  const Keys keys = bench.install(0, kSession0);
  bench.manager().control().detach();
  bench.link().detach();
  bench.receive_ip(kLan, to_peer0());
  bench.receive_sealed(0, seal(keys.receive, kSession0, 0, from_peer0()));
  bench.run();
  EXPECT_EQ(bench.sent(kWan).size(), 1U);
  EXPECT_EQ(bench.sent(kLan).size(), 1U);
  bench.attach();
  bench.receive_ip(kLan, to_peer0());
  bench.run();
  EXPECT_EQ(bench.sent(kWan).size(), 1U);
}

}  // namespace
}  // namespace gotthard::packet_test
