#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/abi/channel.h"
#include "dataplane/abi/records.h"

namespace gotthard::abi {
namespace {

SessionInstall install() {
  SessionInstall body;
  body.local_id = 0x12345678;
  body.remote_id = 7;
  body.peer = 3;
  body.message_limit = 1ULL << 60;
  body.reject_after_ns = 1;
  body.erase_after_ns = 2;
  body.send_key.fill(0xaa);
  return body;
}

TEST(Records, RoundTrip) {
  const Record record = encode(CommandBody(install()), 42);
  EXPECT_EQ(record.serial, 42U);
  const auto body = decode_command(record);
  ASSERT_TRUE(body.has_value());
  const auto* decoded = std::get_if<SessionInstall>(&*body);
  ASSERT_NE(decoded, nullptr);
  EXPECT_EQ(decoded->local_id, 0x12345678U);
  EXPECT_EQ(decoded->send_key[31], 0xaa);
}

// How often `pattern` is on the stack that `body` ran on, after it.
std::size_t left_on_stack(const std::function<void()>& body,
                          std::span<const std::uint8_t> pattern) {
  constexpr std::size_t kSize = 1U << 20;
  std::vector<std::uint8_t> stack(kSize);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  EXPECT_EQ(pthread_attr_setstack(&attributes, stack.data(), kSize), 0);
  pthread_t thread{};
  const auto run = [](void* argument) -> void* {
    (*static_cast<const std::function<void()>*>(argument))();
    return nullptr;
  };
  EXPECT_EQ(pthread_create(&thread, &attributes, run, const_cast<std::function<void()>*>(&body)),
            0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  std::size_t found = 0;
  for (auto at = stack.begin();
       (at = std::search(at, stack.end(), pattern.begin(), pattern.end())) != stack.end(); ++at) {
    ++found;
  }
  return found;
}

TEST(Records, LeaveNoKeysBehindWhenTheyAreDecoded) {
  SessionInstall session = install();
  for (std::size_t i = 0; i < session.send_key.size(); ++i) {
    session.send_key[i] = static_cast<std::uint8_t>(0xa1 + 7 * i);
    session.receive_key[i] = static_cast<std::uint8_t>(0x53 + 11 * i);
  }
  const std::span pattern = std::span(session.receive_key).first<16>();
  SessionInstall bad = session;
  bad.window = 0;
  for (const auto& [command, valid] : {std::pair{session, true}, std::pair{bad, false}}) {
    const Record record = encode(CommandBody(command), 1);
    const auto decode = [&record, valid = valid](bool wipe) {
      auto body = decode_command(record);
      EXPECT_EQ(body.has_value(), valid);
      if (auto* taken = body ? std::get_if<SessionInstall>(&*body) : nullptr; taken && wipe) {
        taken->send_key.fill(0);
        taken->receive_key.fill(0);
        asm volatile("" : : "r"(taken) : "memory");
      }
    };
    EXPECT_EQ(left_on_stack([&] { decode(true); }, pattern), 0U) << "valid: " << valid;
    if (valid) {
      EXPECT_GT(left_on_stack([&] { decode(false); }, pattern), 0U) << "it would not be found";
    }
  }
}

TEST(Records, RefusesOtherVersionsAndTypes) {
  Record record = encode(CommandBody(install()), 1);
  record.version = kVersion + 1;
  EXPECT_FALSE(decode_command(record).has_value());
  record = encode(CommandBody(install()), 1);
  record.type = std::variant_size_v<CommandBody>;
  EXPECT_FALSE(decode_command(record).has_value());
}

TEST(Records, RefusesFieldsOutOfRange) {
  const auto refused = [](const CommandBody& body) {
    return !decode_command(encode(body, 1)).has_value();
  };
  SessionInstall session = install();
  session.local_id = kLowestSessionId - 1;
  EXPECT_TRUE(refused(session));
  session = install();
  session.message_limit = (1ULL << 63) + 1;
  EXPECT_TRUE(refused(session));
  session = install();
  session.peer = kMaxPeers;
  EXPECT_TRUE(refused(session));
  PrefixSet prefix{.length = 33, .value = 1};
  prefix.address.family = Family::ipv4;
  EXPECT_TRUE(refused(prefix));
  prefix.length = 32;
  EXPECT_FALSE(refused(prefix));
  InterfaceSet interface { .mtu = 1420 };
  interface.name.fill('x');  // not terminated
  EXPECT_TRUE(refused(interface));
}

using SmallRing = RingMemory<std::uint64_t, 4>;

TEST(Ring, FillsAndEmptiesInOrder) {
  auto memory = std::make_unique<SmallRing>();
  RingProducer producer(memory.get());
  RingConsumer consumer(memory.get());
  std::uint64_t value = 0;
  for (std::uint64_t round = 0; round < 100; ++round) {
    for (std::uint64_t i = 0; i < 4; ++i) {
      EXPECT_TRUE(producer.push(round * 4 + i));
    }
    EXPECT_FALSE(producer.push(0));
    for (std::uint64_t i = 0; i < 4; ++i) {
      ASSERT_TRUE(consumer.pop(&value));
      EXPECT_EQ(value, round * 4 + i);
    }
    EXPECT_FALSE(consumer.pop(&value));
  }
}

TEST(Ring, ConsumerRefusesAnImpossibleHead) {
  auto memory = std::make_unique<SmallRing>();
  RingConsumer consumer(memory.get());
  memory->head = 5;
  std::uint64_t value = 0;
  EXPECT_FALSE(consumer.pop(&value));
  EXPECT_TRUE(consumer.broken());
}

TEST(Ring, ProducerRefusesAnImpossibleTail) {
  auto memory = std::make_unique<SmallRing>();
  RingProducer producer(memory.get());
  memory->tail = 1;  // nothing was ever sent
  EXPECT_FALSE(producer.push(1));
}

TEST(Ring, WipesWhatItTook) {
  auto memory = std::make_unique<SmallRing>();
  RingProducer producer(memory.get());
  RingConsumer consumer(memory.get());
  ASSERT_TRUE(producer.push(0x5ec7e7));
  std::uint64_t value = 0;
  ASSERT_TRUE(consumer.pop(&value, true));
  EXPECT_EQ(memory->slots[0], 0U);
}

}  // namespace
}  // namespace gotthard::abi
