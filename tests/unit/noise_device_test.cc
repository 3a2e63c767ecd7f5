// One device, message by message.
#include "tests/unit/noise_device_fixture.h"

namespace gotthard::noise::testing {
namespace {

TEST_F(NoiseDevice, ActionsComeInTheOrderThatIsSafe) {
  const Actions start = a_.need_handshake(kB, now_);
  ASSERT_EQ(start.size(), 2U);
  EXPECT_EQ(std::get<Checkpoint>(start[0]).timestamps.last_sent, tai64n(now_.wall));
  const auto& initiation = std::get<SendDatagram>(start[1]);
  EXPECT_EQ(initiation.to, endpoint(2));

  const Actions received = to_b(initiation.bytes);
  ASSERT_EQ(received.size(), 3U) << "no response before the session is installed";
  EXPECT_EQ(std::get<Checkpoint>(received[0]).timestamps.greatest_received, tai64n(now_.wall));
  EXPECT_EQ(std::get<EndpointLearned>(received[1]).endpoint, endpoint(1));
  const auto& responder = std::get<InstallSession>(received[2]);
  EXPECT_EQ(responder.use, abi::KeyUse::after_first_inbound);
  EXPECT_TRUE(b_.on_confirmed(responder.local_id, now_).empty()) << "not installed yet";

  const Actions installed = b_.on_installed(responder.local_id, now_);
  ASSERT_EQ(installed.size(), 1U);
  const auto& response = std::get<SendDatagram>(installed[0]);
  EXPECT_EQ(response.to, endpoint(1));
  EXPECT_EQ(response.local, kLocal);

  const Actions answered = to_a(response.bytes);
  ASSERT_EQ(answered.size(), 2U);
  EXPECT_EQ(std::get<EndpointLearned>(answered[0]).local, kLocal);
  const auto& initiator = std::get<InstallSession>(answered[1]);
  EXPECT_EQ(initiator.use, abi::KeyUse::now);
  EXPECT_EQ(initiator.remote_id, responder.local_id);
  EXPECT_EQ(responder.remote_id, initiator.local_id);
  EXPECT_EQ(key_of(initiator.send_key), key_of(responder.receive_key));
  EXPECT_EQ(key_of(initiator.receive_key), key_of(responder.send_key));
  EXPECT_NE(key_of(initiator.send_key), key_of(initiator.receive_key));

  const Actions ready = a_.on_installed(initiator.local_id, now_);
  ASSERT_EQ(ready.size(), 2U);
  EXPECT_EQ(std::get<HandshakeDone>(ready[0]).role, Role::initiator);
  EXPECT_EQ(std::get<SendKeepalive>(ready[1]).peer, kB);
  EXPECT_TRUE(a_.on_installed(initiator.local_id, now_).empty()) << "told twice";

  const Actions confirmed = b_.on_confirmed(responder.local_id, now_);
  ASSERT_EQ(confirmed.size(), 1U);
  EXPECT_EQ(std::get<HandshakeDone>(confirmed[0]).role, Role::responder);
  EXPECT_EQ(a_.status(kB)->last_handshake, now_.boot);
  EXPECT_EQ(b_.status(kA)->endpoint, endpoint(1));
}

TEST_F(NoiseDevice, ReplayedInitiationIsRefusedAlsoAfterARestart) {
  const Bytes first = initiation();
  const Actions accepted = to_b(first);
  const auto* checkpoint = only<Checkpoint>(accepted);
  ASSERT_NE(checkpoint, nullptr);
  pass(kSecond);
  EXPECT_TRUE(to_b(first).empty());
  EXPECT_EQ(counted(b_, Outcome::initiation_replayed), 1U);

  Ids ids(3000);
  Device restarted = make_device(102, 3, ids);
  ASSERT_TRUE(restarted.add_peer(kA, public_key(101), {preshared_key(5), std::nullopt, 0},
                                 checkpoint->timestamps));
  EXPECT_TRUE(restarted.on_datagram(first, endpoint(1), kLocal, now_, false).empty());
  EXPECT_EQ(counted(restarted, Outcome::initiation_replayed), 1U);
  EXPECT_EQ(ids.used(), 0U);

  pass(10 * kSecond);
  EXPECT_EQ(how_many<InstallSession>(
                restarted.on_datagram(initiation(), endpoint(1), kLocal, now_, false)),
            0U)
      << "a's first is still in flight";
  const Actions again = a_.on_tick(kB, {}, now_);
  const auto* sent = only<SendDatagram>(again);
  ASSERT_NE(sent, nullptr);
  EXPECT_EQ(how_many<InstallSession>(
                restarted.on_datagram(sent->bytes, endpoint(1), kLocal, now_, false)),
            1U);
}

TEST_F(NoiseDevice, TimestampsIncreaseWhenTheClockGoesBackwardOverARestart) {
  const Actions first = a_.need_handshake(kB, now_);
  ASSERT_FALSE(to_b(std::get<SendDatagram>(first[1]).bytes).empty());
  pass(kSecond);
  now_.wall -= 3600 * kSecond;

  Ids ids(3000);
  Device restarted = make_device(101, 9, ids);
  ASSERT_TRUE(restarted.add_peer(kB, public_key(102), {preshared_key(5), endpoint(2), 0},
                                 std::get<Checkpoint>(first[0]).timestamps));
  const Actions second = restarted.need_handshake(kB, now_);
  EXPECT_GT(std::get<Checkpoint>(second[0]).timestamps.last_sent,
            std::get<Checkpoint>(first[0]).timestamps.last_sent);
  EXPECT_EQ(how_many<InstallSession>(to_b(std::get<SendDatagram>(second[1]).bytes)), 1U);
}

TEST_F(NoiseDevice, NoMoreThanFiftyInitiationsASecond) {
  ASSERT_EQ(how_many<InstallSession>(to_b(initiation())), 1U);
  // The same peer from another device: as when it restarts.
  Ids ids(3000);
  Device twin = make_device(101, 9, ids);
  ASSERT_TRUE(twin.add_peer(kB, public_key(102), {preshared_key(5), endpoint(2), 0}, {}));
  Time later = now_;
  later.wall += kSecond;
  const Actions sent = twin.rekey(kB, later);
  pass(19 * kMillisecond);
  EXPECT_TRUE(to_b(only<SendDatagram>(sent)->bytes).empty());
  EXPECT_EQ(counted(b_, Outcome::initiation_flood), 1U);
  pass(kMillisecond);
  EXPECT_EQ(how_many<InstallSession>(to_b(only<SendDatagram>(sent)->bytes)), 1U)
      << "it was not taken for a replay";
}

TEST_F(NoiseDevice, WrongPresharedKeyIsNamed) {
  connect(5, 6);
  const Actions refused = to_a(response_to(initiation()));
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(std::get<HandshakeFailed>(refused[0]).cause, Outcome::response_not_authentic);
  EXPECT_EQ(a_.status(kB)->last_failure, Outcome::response_not_authentic);
  EXPECT_TRUE(a_.status(kB)->in_flight) << "a forged response would change nothing";
  // The responder sees that its answers are never used.
  pass(6 * kSecond);
  const Actions retry = a_.on_tick(kB, {}, now_);
  EXPECT_FALSE(to_b(only<SendDatagram>(retry)->bytes).empty());
  EXPECT_EQ(b_.status(kA)->last_failure, Outcome::response_unconfirmed);
}

TEST_F(NoiseDevice, WrongKeysAreNamed) {
  Ids ids(3000);
  Device stranger = make_device(103, 3, ids);
  ASSERT_TRUE(stranger.add_peer(kB, public_key(102), {preshared_key(5), endpoint(2), 0}, {}));
  EXPECT_TRUE(to_b(only<SendDatagram>(stranger.rekey(kB, now_))->bytes).empty());
  EXPECT_EQ(counted(b_, Outcome::peer_unknown), 1U);

  ASSERT_TRUE(stranger.add_peer(kA, public_key(104), {preshared_key(5), endpoint(2), 0}, {}));
  EXPECT_TRUE(to_b(only<SendDatagram>(stranger.rekey(kA, now_))->bytes).empty());
  EXPECT_EQ(counted(b_, Outcome::mac1_invalid), 1U);
  EXPECT_EQ(ids_b_.used(), 0U);
}

TEST_F(NoiseDevice, ImpossiblePeersAreRefused) {
  EXPECT_FALSE(a_.add_peer(9, a_.public_key(), {}, {}));
  EXPECT_FALSE(a_.add_peer(9, public_key(102), {}, {}));
  EXPECT_FALSE(a_.add_peer(kB, public_key(103), {}, {}));
  EXPECT_FALSE(a_.add_peer(9, {}, {}, {})) << "the point of order 1";
  EXPECT_FALSE(a_.update_peer(9, {}));
  EXPECT_FALSE(a_.adopt_session(9, {}));
  EXPECT_TRUE(a_.remove_peer(9).empty());
  EXPECT_TRUE(a_.need_handshake(9, now_).empty());
  EXPECT_TRUE(a_.on_tick(9, {}, now_).empty());
}

TEST_F(NoiseDevice, LackOfSessionIdsIsSaidAndPasses) {
  ids_a_.limit = 0;
  const Actions refused = a_.need_handshake(kB, now_);
  EXPECT_EQ(std::get<HandshakeFailed>(refused.at(0)).cause, Outcome::no_session_id);
  ids_a_.limit = 10;
  EXPECT_TRUE(a_.on_tick(kB, {}, now_).empty());
  pass(kRekeyTimeout);
  const Actions later = a_.on_tick(kB, {}, now_);
  const auto* sent = only<SendDatagram>(later);
  ASSERT_NE(sent, nullptr);
  ids_b_.limit = 0;
  EXPECT_EQ(how_many<InstallSession>(to_b(sent->bytes)), 0U);
  EXPECT_EQ(counted(b_, Outcome::no_session_id), 1U);
}

TEST_F(NoiseDevice, WithoutEndpointItSaysSo) {
  const Actions actions = b_.need_handshake(kA, now_);
  EXPECT_EQ(std::get<HandshakeFailed>(actions.at(0)).cause, Outcome::no_endpoint);
  EXPECT_TRUE(b_.on_tick(kA, {}, now_).empty());
  // A name was resolved: what waited for it goes on.
  b_.on_endpoint_moved(kA, endpoint(1), {});
  EXPECT_EQ(only<SendDatagram>(b_.on_tick(kA, {}, now_))->to, endpoint(1));
}

TEST_F(NoiseDevice, RefusedInstallationIsTriedAgainByTheInitiator) {
  const Actions received = to_b(initiation());
  const auto* responder = only<InstallSession>(received);
  const Actions refused = b_.on_refused(responder->local_id, now_);
  EXPECT_EQ(std::get<HandshakeFailed>(refused.at(0)).cause, Outcome::install_refused);
  EXPECT_TRUE(b_.on_tick(kA, {}, now_).empty()) << "the initiator tries again";

  pass(6 * kSecond);
  const Actions again = a_.on_tick(kB, {}, now_);
  const Actions answered = to_a(response_to(only<SendDatagram>(again)->bytes));
  const auto* initiator = only<InstallSession>(answered);
  ASSERT_NE(initiator, nullptr);
  EXPECT_EQ(how_many<HandshakeFailed>(a_.on_refused(initiator->local_id, now_)), 1U);
  pass(6 * kSecond);
  EXPECT_EQ(how_many<SendDatagram>(a_.on_tick(kB, {}, now_)), 1U);
}

TEST_F(NoiseDevice, LostInstallationEventsAreCaughtUpWith) {
  const Actions answered = to_a(response_to(initiation()));
  const auto* initiator = only<InstallSession>(answered);
  Activity activity;
  activity.current_session = initiator->local_id;
  const Actions caught = a_.on_tick(kB, activity, now_);
  EXPECT_EQ(how_many<HandshakeDone>(caught), 1U);
  EXPECT_TRUE(a_.on_installed(initiator->local_id, now_).empty()) << "the event comes late";

  connect(5, 5);
  pass(kSecond);
  const Actions second = to_a(response_to(initiation()));
  pass(6 * kSecond);
  const Actions given_up = a_.on_tick(kB, {}, now_);
  EXPECT_EQ(only<RemoveSession>(given_up)->local_id, only<InstallSession>(second)->local_id);
  EXPECT_EQ(how_many<SendDatagram>(given_up), 1U);
}

TEST_F(NoiseDevice, RemovedPeersLeaveNothing) {
  const Actions answered = to_a(response_to(initiation()));
  const auto id = only<InstallSession>(answered)->local_id;
  const Actions removed = a_.remove_peer(kB);
  EXPECT_EQ(only<RemoveSession>(removed)->local_id, id);
  const Actions late = a_.on_installed(id, now_);
  EXPECT_EQ(only<RemoveSession>(late)->local_id, id) << "it was installed after all";
  EXPECT_FALSE(a_.status(kB));
  ASSERT_TRUE(a_.add_peer(kB, public_key(102), {preshared_key(5), endpoint(2), 0}, {}));
  // An initiation in flight gives its id back.
  const auto used = ids_a_.used();
  pass(kSecond);
  (void)initiation();
  EXPECT_EQ(ids_a_.used(), used + 1);
  EXPECT_TRUE(a_.remove_peer(kB).empty());
  EXPECT_EQ(ids_a_.used(), used);
}

TEST_F(NoiseDevice, OfTwoInitiationsTheLastOneIsAnswered) {
  const Actions first = to_b(initiation());
  pass(6 * kSecond);
  const Actions retry = a_.on_tick(kB, {}, now_);
  const Actions second = to_b(only<SendDatagram>(retry)->bytes);
  // The first was installed late: it is taken back, and nobody is answered with it.
  const Actions late = b_.on_installed(only<InstallSession>(first)->local_id, now_);
  ASSERT_EQ(late.size(), 1U);
  EXPECT_EQ(std::get<RemoveSession>(late[0]).local_id, only<InstallSession>(first)->local_id);
  const Actions installed = b_.on_installed(only<InstallSession>(second)->local_id, now_);
  EXPECT_EQ(how_many<InstallSession>(to_a(only<SendDatagram>(installed)->bytes)), 1U);
}

TEST_F(NoiseDevice, EndpointsMoveWithAuthenticMessagesOnly) {
  const Bytes first = initiation();
  const Actions from_elsewhere = b_.on_datagram(first, endpoint(77, 4000), kLocal, now_, false);
  EXPECT_EQ(only<EndpointLearned>(from_elsewhere)->endpoint, endpoint(77, 4000));
  EXPECT_EQ(b_.status(kA)->endpoint, endpoint(77, 4000));
  pass(kSecond);
  (void)b_.on_datagram(first, endpoint(66), kLocal, now_, false);
  EXPECT_EQ(b_.status(kA)->endpoint, endpoint(77, 4000)) << "a replay moves nobody";
  b_.on_endpoint_moved(kA, endpoint(55), kLocal);
  EXPECT_EQ(b_.status(kA)->endpoint, endpoint(55));
}

TEST(NoiseKeypairs, RotateAsTheDataPlaneDoes) {
  Keypairs pairs;
  pairs.install({1, 11, Role::initiator, 5});
  EXPECT_EQ(pairs.current->local_id, 1U);
  pairs.install({2, 12, Role::responder, 6});
  EXPECT_EQ(pairs.current->local_id, 1U);
  EXPECT_FALSE(pairs.confirm(1));
  EXPECT_TRUE(pairs.confirm(2));
  EXPECT_EQ(pairs.current->local_id, 2U);
  EXPECT_EQ(pairs.previous->local_id, 1U);
  // A handshake of ours that ends while theirs is not confirmed: both live, ours is used.
  pairs.install({3, 13, Role::responder, 7});
  pairs.install({4, 14, Role::initiator, 8});
  EXPECT_EQ(pairs.current->local_id, 4U);
  EXPECT_EQ(pairs.previous->local_id, 2U);
  EXPECT_EQ(pairs.crossed->local_id, 3U);
  EXPECT_FALSE(pairs.confirm(3));
  EXPECT_EQ(pairs.youngest(), 8U);
  EXPECT_EQ(pairs.ids().size(), 3U);
  pairs.erase(4);
  EXPECT_FALSE(pairs.current);
  EXPECT_EQ(pairs.youngest(), 7U);
  EXPECT_TRUE(pairs.has(3));
  EXPECT_FALSE(pairs.has(4));
}

TEST_F(NoiseDevice, AStoppedOneIsSilentAndForgetsItsSessions) {
  ASSERT_TRUE(a_.update_peer(kB, {preshared_key(5), endpoint(2), 25 * kSecond}));
  const Bytes response = response_to(initiation());
  const Actions answered = to_a(response);
  const std::uint32_t session = only<InstallSession>(answered)->local_id;
  (void)a_.on_installed(session, now_);
  pass(6 * kSecond);
  const Bytes under_way = initiation();
  const Bytes late = response_to(under_way);

  const Actions stopped = a_.stop();
  ASSERT_EQ(how_many<RemoveSession>(stopped), stopped.size());
  EXPECT_EQ(only<RemoveSession>(stopped)->local_id, session);
  pass(kSecond);
  const Activity busy{.last_rx = now_.boot - 1,
                      .last_tx = now_.boot,
                      .last_tx_data = now_.boot,
                      .unanswered_since = now_.boot - 20 * kSecond,
                      .current_session = session};
  EXPECT_TRUE(a_.need_handshake(kB, now_).empty());
  EXPECT_TRUE(a_.rekey(kB, now_).empty());
  EXPECT_TRUE(to_a(late).empty()) << "the handshake that was under way ended";
  ASSERT_TRUE(a_.update_peer(kB, {preshared_key(5), endpoint(2), 10 * kSecond}));
  for (int i = 0; i < 1000; ++i) {
    pass(100 * kMillisecond);
    ASSERT_TRUE(a_.on_tick(kB, busy, now_).empty());
  }
  EXPECT_EQ(a_.status(kB)->attempts, 1U);

  a_.start(now_);
  pass(100 * kMillisecond);
  EXPECT_EQ(how_many<SendDatagram>(a_.on_tick(kB, busy, now_)), 1U) << "a persistent keepalive";
}

TEST_F(NoiseDevice, AStartedOneWaitsForTraffic) {
  const Actions answered = to_a(response_to(initiation()));
  (void)a_.on_installed(only<InstallSession>(answered)->local_id, now_);
  (void)a_.stop();
  // What was unanswered then is nobody's business now.
  const Activity before{
      .last_tx = now_.boot, .last_tx_data = now_.boot, .unanswered_since = now_.boot};
  pass(kSecond);
  a_.start(now_);
  for (int i = 0; i < 1000; ++i) {
    pass(100 * kMillisecond);
    ASSERT_TRUE(a_.on_tick(kB, before, now_).empty());
  }
  EXPECT_EQ(how_many<SendDatagram>(a_.need_handshake(kB, now_)), 1U);
}

TEST_F(NoiseDevice, OutcomesHaveDistinctNames) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kOutcomeCount; ++i) {
    EXPECT_TRUE(names.insert(name(static_cast<Outcome>(i))).second) << i;
  }
  EXPECT_EQ(name(Outcome::initiation_sent), "initiation_sent");
  EXPECT_EQ(name(Outcome::install_refused), "install_refused");
  EXPECT_EQ(name(Outcome::response_unconfirmed), "response_unconfirmed");
  EXPECT_EQ(name(Outcome::count), "unknown");
}

}  // namespace
}  // namespace gotthard::noise::testing
