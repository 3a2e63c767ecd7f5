#include "control/dataplane_link.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "tests/unit/fake_manager.h"

namespace gotthard::control {
namespace {

using test::FakeManager;

class DataplaneLinkTest : public testing::Test {
 protected:
  DataplaneLinkTest()
      : link_({.event = [this](const abi::EventBody& e) { events_.push_back(e); },
               .punt = [this](const abi::PacketRecord& p) { punts_.push_back(p.length); }}) {}

  void attach(FakeManager* manager) {
    link_.expect(std::move(manager->control_end));
    manager->announce();
    const auto attached = link_.on_socket();
    ASSERT_TRUE(attached.has_value()) << attached.error().message;
    ASSERT_TRUE(*attached);
  }
  static abi::PacketRecord packet(std::uint16_t length) {
    abi::PacketRecord record;
    record.length = length;
    record.remote.family = record.local.family = abi::Family::ipv4;
    record.remote_port = record.local_port = 51820;
    return record;
  }
  static abi::SessionInstall install() {
    abi::SessionInstall command{.local_id = 0x10100,
                                .remote_id = 7,
                                .message_limit = 1,
                                .reject_after_ns = 1,
                                .erase_after_ns = 1};
    command.send_key.fill(0x5a);
    command.receive_key.fill(0xa5);
    return command;
  }
  // What on_socket() says of a manager that `spoil` has been at.
  std::string refusal(const std::function<void(FakeManager*)>& spoil) {
    FakeManager manager;
    spoil(&manager);
    link_.expect(std::move(manager.control_end));
    manager.announce();
    const auto attached = link_.on_socket();
    EXPECT_FALSE(attached.has_value());
    EXPECT_FALSE(link_.attached());
    link_.detach();
    return attached ? "" : attached.error().message;
  }

  std::vector<abi::EventBody> events_;
  std::vector<std::uint16_t> punts_;
  DataplaneLink link_;
};

TEST_F(DataplaneLinkTest, CarriesRecordsBothWaysAndWakes) {
  FakeManager manager;
  attach(&manager);
  EXPECT_EQ(link_.send(abi::PeerRemove{.peer = 3}), 1U);
  EXPECT_EQ(link_.send(abi::TablesCommit{}), 2U);
  EXPECT_TRUE(link_.inject(packet(148)));
  eventfd_t woken = 0;
  EXPECT_NE(eventfd_read(manager.wake_manager.get(), &woken), 0) << "not before flush()";
  link_.flush();
  EXPECT_EQ(eventfd_read(manager.wake_manager.get(), &woken), 0);
  link_.flush();
  EXPECT_NE(eventfd_read(manager.wake_manager.get(), &woken), 0) << "nothing new";
  const auto commands = manager.take_commands();
  ASSERT_EQ(commands.size(), 2U);
  EXPECT_EQ(std::get<abi::PeerRemove>(commands[0]).peer, 3U);
  abi::PacketRecord sent;
  ASSERT_TRUE(manager.injected.pop(&sent));
  EXPECT_EQ(sent.length, 148);

  manager.tell(abi::NeedHandshake{.peer = 9});
  EXPECT_TRUE(manager.punts.push(packet(92)));
  EXPECT_TRUE(link_.poll());
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(std::get<abi::NeedHandshake>(events_[0]).peer, 9U);
  EXPECT_EQ(punts_, std::vector<std::uint16_t>{92});
  EXPECT_EQ(link_.punts_taken(), 1U);
}

TEST_F(DataplaneLinkTest, NeverWaitsForAFullRingAndKeepsTheOrder) {
  FakeManager manager;
  attach(&manager);
  constexpr std::uint32_t kMany = 3 * abi::CommandRing::kCapacity;
  constexpr std::uint32_t kPeers = abi::kMaxPeers;
  for (std::uint32_t i = 0; i < kMany; ++i) {
    EXPECT_EQ(link_.send(abi::PeerRemove{.peer = i % kPeers}), i + 1);
  }
  EXPECT_EQ(link_.queued(), kMany - abi::CommandRing::kCapacity);
  // A packet does not overtake the commands that were sent before it.
  EXPECT_TRUE(link_.inject(packet(148)));
  abi::PacketRecord sent;
  std::uint32_t next = 0;
  const auto take = [&](std::size_t limit) {
    for (const auto& command : manager.take_commands(limit)) {
      EXPECT_EQ(std::get<abi::PeerRemove>(command).peer, next++ % kPeers);
    }
  };
  while (link_.queued() > 0) {
    EXPECT_FALSE(manager.injected.pop(&sent));
    take(100);
    link_.flush();
  }
  EXPECT_TRUE(manager.injected.pop(&sent));
  take(kMany);
  EXPECT_EQ(next, kMany);
}

TEST_F(DataplaneLinkTest, AFullInjectRingLosesThePacketOnly) {
  FakeManager manager;
  attach(&manager);
  for (std::size_t i = 0; i < abi::InjectRing::kCapacity; ++i) {
    ASSERT_TRUE(link_.inject(packet(148)));
  }
  EXPECT_FALSE(link_.inject(packet(148)));
  abi::PacketRecord sent;
  ASSERT_TRUE(manager.injected.pop(&sent));
  EXPECT_TRUE(link_.inject(packet(148)));
}

TEST_F(DataplaneLinkTest, KeysThatWaitedInTheQueueAreNotLeftInTheRing) {
  FakeManager manager;
  attach(&manager);
  for (std::size_t i = 0; i < abi::CommandRing::kCapacity; ++i) {
    link_.send(abi::TablesCommit{});
  }
  link_.send(install());
  EXPECT_EQ(link_.queued(), 1U);
  EXPECT_EQ(manager.take_commands().size(), abi::CommandRing::kCapacity);
  link_.flush();
  const auto commands = manager.take_commands();
  ASSERT_EQ(commands.size(), 1U);
  EXPECT_EQ(std::get<abi::SessionInstall>(commands[0]).send_key, install().send_key);
  const auto bytes = manager.rings_memory.bytes();
  const std::array<std::byte, 4> key = {std::byte{0x5a}, std::byte{0x5a}, std::byte{0x5a},
                                        std::byte{0x5a}};
  EXPECT_EQ(std::search(bytes.begin(), bytes.end(), key.begin(), key.end()), bytes.end());
}

TEST_F(DataplaneLinkTest, TheEndIsToldAndANewAttachmentBeginsAnew) {
  auto first = std::make_unique<FakeManager>();
  attach(first.get());
  for (std::size_t i = 0; i <= abi::CommandRing::kCapacity; ++i) {
    link_.send(abi::TablesCommit{});
  }
  EXPECT_EQ(link_.queued(), 1U);
  first.reset();
  EXPECT_FALSE(link_.on_socket().has_value());
  link_.detach();
  EXPECT_FALSE(link_.attached());
  EXPECT_EQ(link_.directory(), nullptr);
  EXPECT_EQ(link_.queued(), 0U) << "what was meant for the old one";
  EXPECT_TRUE(link_.poll());
  link_.flush();

  FakeManager second(2, 5);
  attach(&second);
  EXPECT_EQ(link_.send(abi::TablesCommit{}), 1U) << "serials count from 1 in each attachment";
  EXPECT_EQ(second.take_commands().size(), 1U);
  EXPECT_EQ(link_.directory()->header.instance, 2U);
}

TEST_F(DataplaneLinkTest, ACallbackMayEndTheAttachment) {
  FakeManager manager;
  DataplaneLink* self = nullptr;
  int seen = 0;
  DataplaneLink link({.event =
                          [&](const abi::EventBody&) {
                            ++seen;
                            self->detach();
                          },
                      .punt = [](const abi::PacketRecord&) { FAIL(); }});
  self = &link;
  link.expect(std::move(manager.control_end));
  manager.announce();
  ASSERT_TRUE(link.on_socket().has_value());
  manager.tell(abi::NeedHandshake{});
  manager.tell(abi::NeedHandshake{});
  EXPECT_TRUE(manager.punts.push(packet(92)));
  EXPECT_TRUE(link.poll());
  EXPECT_EQ(seen, 1);
}

TEST_F(DataplaneLinkTest, RefusesWhatIsNoAttachment) {
  EXPECT_NE(refusal([](FakeManager* m) { m->message.version = 9; }).find("version"),
            std::string::npos);
  EXPECT_NE(refusal([](FakeManager* m) { m->message.rings_size -= 64; }), "");
  EXPECT_NE(refusal([](FakeManager* m) { m->message.directory_size = 1; }), "");
  EXPECT_NE(refusal([](FakeManager* m) { m->message.epoch = 77; }).find("directory"),
            std::string::npos);
  EXPECT_NE(refusal([](FakeManager* m) { m->directory->header.instance = 0; }), "");
  EXPECT_NE(refusal([](FakeManager* m) { m->directory->header.workers = 65; }), "");
  // Memory that could be cut under our feet, or that is smaller than was agreed.
  EXPECT_NE(refusal([](FakeManager* m) {
              m->rings_fd = *memfd_create_sized("unsealed", sizeof(abi::Rings));
            }).find("sealed"),
            std::string::npos);
  EXPECT_NE(refusal([](FakeManager* m) {
              m->directory_fd = *memfd_create_sized("small", 4096);
              ASSERT_TRUE(memfd_seal_size(m->directory_fd.get()));
            }).find("4096"),
            std::string::npos);
}

TEST_F(DataplaneLinkTest, TooFewDescriptorsAreRefused) {
  FakeManager manager;
  link_.expect(std::move(manager.control_end));
  const std::array<int, 2> fds = {manager.rings_fd.get(), manager.directory_fd.get()};
  ASSERT_TRUE(
      send_message(manager.socket.get(), std::as_bytes(std::span(&manager.message, 1)), fds));
  EXPECT_FALSE(link_.on_socket().has_value());
  EXPECT_FALSE(link_.attached());
}

TEST_F(DataplaneLinkTest, TheDirectoryCannotBeWritten) {
  FakeManager manager;
  attach(&manager);
  // The mapping that control has is read-only, and no other can be made of the sealed memory.
  EXPECT_EQ(mmap(nullptr, sizeof(abi::Directory), PROT_READ | PROT_WRITE, MAP_SHARED,
                 manager.directory_fd.get(), 0),
            MAP_FAILED);
  const auto* page = reinterpret_cast<const void*>(link_.directory());
  EXPECT_NE(mprotect(const_cast<void*>(page), 4096, PROT_READ | PROT_WRITE), 0);
}

TEST_F(DataplaneLinkTest, AnIndexThatCannotBeEndsTheAttachment) {
  for (const bool event_ring : {true, false}) {
    FakeManager manager;
    attach(&manager);
    auto& head = event_ring ? manager.rings->event.head : manager.rings->punt.head;
    head.store(1U << 20);
    EXPECT_FALSE(link_.poll().has_value());
    EXPECT_TRUE(events_.empty() && punts_.empty());
    link_.detach();
  }
}

TEST_F(DataplaneLinkTest, AManagerThatTakesNothingDoesNotFillOurMemory) {
  FakeManager manager;
  attach(&manager);
  manager.rings->command.tail.store(~std::uint64_t{0} / 2);  // an index that cannot be: "full"
  for (std::size_t i = 0; i < 10; ++i) {
    link_.send(abi::TablesCommit{});
  }
  EXPECT_EQ(link_.queued(), 10U);
  EXPECT_TRUE(link_.poll());
  for (std::size_t i = 0; i < DataplaneLink::kMaxHeld; ++i) {
    EXPECT_TRUE(link_.inject(packet(148)));
  }
  EXPECT_FALSE(link_.inject(packet(148)));
  for (std::size_t i = 0; i < DataplaneLink::kMaxQueued; ++i) {
    link_.send(abi::TablesCommit{});
  }
  EXPECT_FALSE(link_.poll().has_value());
}

TEST_F(DataplaneLinkTest, AnEndlessStreamOfEventsIsTakenARingAtATime) {
  FakeManager manager;
  int fed = 0;
  DataplaneLink link({.event = [&](const abi::EventBody&) { fed += manager.tell(abi::Applied{}); },
                      .punt = [](const abi::PacketRecord&) {}});
  link.expect(std::move(manager.control_end));
  manager.announce();
  ASSERT_TRUE(link.on_socket().has_value());
  manager.tell(abi::Applied{});
  EXPECT_TRUE(link.poll());
  EXPECT_EQ(fed, static_cast<int>(abi::EventRing::kCapacity));
}

// Whatever stands in the rings: records are copied and checked, nothing else happens.
TEST_F(DataplaneLinkTest, RandomRingsDoNoHarm) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    FakeManager manager;
    attach(&manager);
    auto events = std::as_writable_bytes(std::span(manager.rings->event.slots).first(64));
    auto punts = std::as_writable_bytes(std::span(manager.rings->punt.slots).first(64));
    for (auto bytes : {events, punts}) {
      std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::byte>(random()); });
    }
    for (std::size_t i = 0; i < 64 && round % 2 == 0; ++i) {
      // Close to valid.
      manager.rings->event.slots[i].version = abi::kVersion;
      manager.rings->event.slots[i].type %= 12;
      manager.rings->punt.slots[i].version = abi::kVersion;
      manager.rings->punt.slots[i].length %= 2100;
    }
    manager.rings->event.head.store(64);
    manager.rings->punt.head.store(64);
    EXPECT_TRUE(link_.poll());
    for (const std::uint16_t length : punts_) {
      EXPECT_LE(length, abi::kMaxPayload);
    }
    link_.detach();
  }
}

}  // namespace
}  // namespace gotthard::control
