// Handshakes of two gateways over the rings, and what control does with what it is told.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <thread>

#include "tests/unit/control_sides.h"

namespace gotthard::control {
namespace {

using namespace test;
using noise::Outcome;

TEST_F(TunnelsTest, HandshakeOverTheRingsStepByStep) {
  a_->want_handshake();
  const auto initiations = a_->sent();
  ASSERT_EQ(initiations.size(), 1U);
  EXPECT_EQ(initiations[0].length, 148);
  EXPECT_EQ(initiations[0].remote, host(2));
  EXPECT_EQ(initiations[0].local, host(1));
  EXPECT_EQ(initiations[0].local_port, htons(51820));
  EXPECT_NE(initiations[0].neighbour, abi::kNoNeighbour);
  const auto kept = checkpoint::Checkpoint(a_->memory).find(a_->control->peer().record_key);
  ASSERT_TRUE(kept.has_value()) << "the timestamp is kept before it is sent";
  EXPECT_NE(kept->last_sent, (std::array<std::uint8_t, 12>{}));

  b_->receive(initiations[0]);
  ASSERT_EQ(b_->waiting.size(), 1U);
  const auto seen = checkpoint::Checkpoint(b_->memory).find(b_->control->peer().record_key);
  ASSERT_TRUE(seen.has_value()) << "and the one received before anything is installed";
  EXPECT_EQ(seen->greatest_received, kept->last_sent);
  EXPECT_TRUE(b_->sent().empty()) << "no answer before the session is installed";
  EXPECT_EQ(b_->waiting[0].use, abi::KeyUse::after_first_inbound);
  b_->answer();
  const auto responses = b_->sent();
  ASSERT_EQ(responses.size(), 1U);
  EXPECT_EQ(responses[0].length, 92);

  a_->receive(responses[0]);
  ASSERT_EQ(a_->waiting.size(), 1U);
  EXPECT_EQ(a_->waiting[0].use, abi::KeyUse::now);
  EXPECT_EQ(a_->keepalives, 0);
  a_->answer();
  EXPECT_EQ(a_->keepalives, 1) << "it confirms the responder's session";
  const auto& of_a = a_->installed.begin()->second;
  const auto& of_b = b_->installed.begin()->second;
  EXPECT_EQ(of_a.send_key, of_b.receive_key);
  EXPECT_EQ(of_a.receive_key, of_b.send_key);
  EXPECT_EQ(of_a.remote_id, of_b.local_id);
  EXPECT_EQ(of_a.local_id, of_b.remote_id);
  EXPECT_EQ(a_->control->count(Outcome::handshake_done), 1U);
}

TEST_F(TunnelsTest, AnErasedSessionFreesItsSlotAndARefusedOneToo) {
  handshake();
  const std::uint32_t id = a_->installed.begin()->first;
  EXPECT_TRUE(a_->control->sessions.in_use(id));
  a_->manager->tell(abi::SessionErased{.local_id = id ^ 0x4000'0000});  // another id, same slot
  a_->turn();
  EXPECT_TRUE(a_->control->sessions.in_use(id));
  a_->manager->tell(abi::SessionErased{.local_id = id});
  a_->turn();
  EXPECT_FALSE(a_->control->sessions.in_use(id));

  // Another machine with the same key: its timestamp must be later by more than their grain (16.8
  // ms), and two initiations within 20 ms are a flood.
  std::this_thread::sleep_for(std::chrono::milliseconds(25));
  auto c = std::make_unique<Side>(1, 2);
  c->attach();
  c->want_handshake();
  b_->receive(c->sent().at(0));
  ASSERT_EQ(b_->waiting.size(), 1U);
  const std::uint32_t refused = b_->waiting[0].local_id;
  b_->manager->tell(
      abi::CommandRefused{.serial = 1, .local_id = refused, .reason = abi::Refusal::key_reused});
  b_->turn();
  EXPECT_FALSE(b_->control->sessions.in_use(refused));
  EXPECT_TRUE(b_->sent().empty()) << "a session that is not installed is not answered for";
}

TEST_F(TunnelsTest, WhatCannotBeKeptIsNotSentNorInstalled) {
  Side full(1, 2);
  full.memory.assign(256, std::byte{0});  // room for a header and no record
  full.start_control();
  full.attach();
  full.want_handshake();
  EXPECT_TRUE(full.sent().empty());

  Side deaf(2, 1);
  deaf.memory.assign(256, std::byte{0});
  deaf.start_control();
  deaf.attach();
  a_->want_handshake();
  deaf.receive(a_->sent().at(0));
  EXPECT_TRUE(deaf.waiting.empty());
  EXPECT_TRUE(deaf.sent().empty());
}

TEST_F(TunnelsTest, WherePeersMoveToIsKept) {
  a_->manager->tell(abi::EndpointMoved{.peer = a_->control->peer().number,
                                       .local_id = 0x10100,
                                       .remote = host(4),
                                       .local = host(1),
                                       .remote_port = htons(999)});
  a_->turn();
  EXPECT_EQ(a_->peers.begin()->second.endpoint.remote, host(4));
  EXPECT_EQ(a_->peers.begin()->second.endpoint.remote_port, htons(999));
  a_->start_control();
  a_->attach();
  EXPECT_EQ(a_->control->peer().endpoint, (noise::Endpoint{host(4), htons(999)}));
}

TEST_F(TunnelsTest, ANameIsAskedForOnceAndNotTooOften) {
  Side named(3, 2);
  named.config.wireguard[0].peers[0].endpoint = config::Endpoint{"gw2.example", 51820, {}};
  named.start_control();
  named.attach();
  EXPECT_EQ(named.control->names_asked, std::vector<std::string>{"gw2.example"});
  named.control->tunnels->on_tick();
  named.control->tunnels->on_name_resolved(named.control->peer().number, "gw2.example", {});
  named.control->tunnels->on_tick();
  named.control->tunnels->on_tick();
  EXPECT_EQ(named.control->names_asked.size(), 1U) << "some seconds between two questions";
  named.want_handshake();
  EXPECT_TRUE(named.sent().empty());
  named.control->tunnels->on_name_resolved(named.control->peer().number, "gw2.example",
                                           std::array{host(2)});
  named.turn();
  EXPECT_EQ(named.peers.begin()->second.endpoint.remote, host(2));
  named.want_handshake();
  EXPECT_EQ(named.sent().size(), 1U);
}

TEST_F(TunnelsTest, ANameIsAskedForAgainWhenNobodyAnswers) {
  Side named(3, 2);
  named.config.wireguard[0].peers[0].endpoint = config::Endpoint{"gw2.example", 51820, {}};
  named.start_control();
  named.attach();
  Tunnels& tunnels = *named.control->tunnels;
  const std::uint32_t number = named.control->peer().number;
  // Of several addresses each has its turn.
  const std::array all{host(4), host(2), host(3)};
  tunnels.on_name_resolved(number, "gw2.example", all);
  named.turn();
  EXPECT_EQ(named.control->peer().endpoint->address, host(4));
  ASSERT_TRUE(tunnels.rekey(number));
  tunnels.on_tick();
  EXPECT_EQ(named.control->names_asked.size(), 1U) << "it may still answer";
  usleep(5'400'000);  // the first initiation's time, with its jitter
  tunnels.on_tick();
  tunnels.on_tick();
  ASSERT_EQ(named.control->names_asked.size(), 2U);
  tunnels.on_name_resolved(number, "gw2.example", all);
  named.turn();
  EXPECT_EQ(named.peers.begin()->second.endpoint.remote, host(2));
  EXPECT_EQ(named.control->peer().endpoint->address, host(2));
  tunnels.on_name_resolved(number, "gw2.example", all);
  EXPECT_EQ(named.control->peer().endpoint->address, host(2)) << "it has its time to answer";
}

// A peer that wanders with every packet costs what one costs that moves once a second.
TEST_F(TunnelsTest, AWanderingPeerIsKeptOnceASecond) {
  const auto move_to = [&](std::uint8_t n) {
    a_->manager->tell(abi::EndpointMoved{.peer = a_->control->peer().number,
                                         .local_id = 0x10100,
                                         .remote = host(n),
                                         .local = host(1),
                                         .remote_port = htons(n)});
    a_->turn();
    EXPECT_EQ(a_->peers.begin()->second.endpoint.remote, host(n)) << "its packets follow at once";
  };
  move_to(3);
  const auto kept = a_->memory;
  testing::internal::CaptureStderr();
  for (int i = 0; i < 50; ++i) {
    move_to(4);
    move_to(3);
  }
  move_to(4);
  a_->control->tunnels->on_tick();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(a_->memory, kept);
  usleep(1'050'000);
  a_->control->tunnels->on_tick();
  a_->start_control();
  a_->attach();
  EXPECT_EQ(a_->control->peer().endpoint, (noise::Endpoint{host(4), htons(4)}));
}

TEST_F(TunnelsTest, EventsOfWhatDoesNotExistDoNothing) {
  for (const std::uint32_t number : {7U, 16383U}) {
    a_->manager->tell(abi::NeedHandshake{.peer = number});
    a_->manager->tell(abi::EndpointMoved{.peer = number,
                                         .local_id = 0x10100,
                                         .remote = host(3),
                                         .local = host(1),
                                         .remote_port = 1});
  }
  for (const std::uint32_t id : {256U, 0x10100U, 0xffff'ffffU}) {
    a_->manager->tell(abi::SessionInstalled{.local_id = id});
    a_->manager->tell(abi::SessionConfirmed{.local_id = id});
    a_->manager->tell(abi::SessionErased{.local_id = id});
    a_->manager->tell(abi::CommandRefused{.serial = 1, .local_id = id});
  }
  abi::PacketRecord packet;
  packet.interface = 9;
  packet.length = 148;
  packet.remote = packet.local = host(3);
  packet.remote_port = packet.local_port = htons(51820);
  EXPECT_TRUE(a_->manager->punts.push(packet));
  a_->turn();
  EXPECT_TRUE(a_->sent().empty());
  EXPECT_TRUE(a_->waiting.empty());
}

}  // namespace
}  // namespace gotthard::control
