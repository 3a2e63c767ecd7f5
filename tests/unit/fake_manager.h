// The data plane's end of an attachment, in the test's own process: what the manager does with
// control's records, and what a hostile one could do.
#pragma once

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <array>
#include <cstring>
#include <functional>
#include <new>
#include <utility>
#include <vector>

#include "base/memfd.h"
#include "base/socket.h"
#include "dataplane/abi/channel.h"
#include "dataplane/abi/directory.h"

namespace gotthard::control::test {

class FakeManager {
 public:
  explicit FakeManager(std::uint64_t instance = 1, std::uint64_t epoch = 1) {
    auto ends = seqpacket_pair();
    socket = std::move(ends->first);
    control_end = std::move(ends->second);
    rings_fd = *memfd_create_sized("test-rings", sizeof(abi::Rings));
    directory_fd = *memfd_create_sized("test-directory", sizeof(abi::Directory));
    EXPECT_TRUE(memfd_seal_size(rings_fd.get()));
    rings_memory = *memfd_map(rings_fd.get(), sizeof(abi::Rings), MapAccess::read_write, false);
    directory_memory = *memfd_map_unsealed(directory_fd.get(), sizeof(abi::Directory));
    EXPECT_TRUE(memfd_seal_read_only(directory_fd.get()));
    wake_manager = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    wake_control = UniqueFd(eventfd(0, EFD_CLOEXEC));
    rings = new (rings_memory.data()) abi::Rings;
    directory = new (directory_memory.data()) abi::Directory;
    directory->header.version = abi::kVersion;
    directory->header.epoch = epoch;
    directory->header.instance = instance;
    directory->header.workers = 1;
    commands = abi::RingConsumer(&rings->command);
    events = abi::RingProducer(&rings->event);
    punts = abi::RingProducer(&rings->punt);
    injected = abi::RingConsumer(&rings->inject);
    message.epoch = epoch;
    message.directory_size = sizeof(abi::Directory);
  }

  void announce() const {
    const std::array<int, abi::kAttachFds> fds = {rings_fd.get(), directory_fd.get(),
                                                  wake_manager.get(), wake_control.get()};
    EXPECT_TRUE(send_message(socket.get(), std::as_bytes(std::span(&message, 1)), fds));
  }

  std::vector<abi::CommandBody> take_commands(std::size_t limit = 1U << 20) {
    std::vector<abi::CommandBody> taken;
    abi::Record record;
    while (taken.size() < limit && commands.pop(&record, true)) {
      EXPECT_EQ(record.serial, ++last_serial);
      const auto body = abi::decode_command(record);
      EXPECT_TRUE(body.has_value()) << "type " << record.type;
      if (body) {
        taken.push_back(*body);
      }
    }
    return taken;
  }
  bool tell(const abi::EventBody& event) { return events.push(abi::encode(event, ++event_serial)); }

  UniqueFd socket, control_end, rings_fd, directory_fd, wake_manager, wake_control;
  Mapping rings_memory, directory_memory;
  abi::Rings* rings = nullptr;
  abi::Directory* directory = nullptr;
  abi::RingConsumer<abi::Record, abi::CommandRing::kCapacity> commands;
  abi::RingProducer<abi::Record, abi::EventRing::kCapacity> events;
  abi::RingProducer<abi::PacketRecord, abi::PuntRing::kCapacity> punts;
  abi::RingConsumer<abi::PacketRecord, abi::InjectRing::kCapacity> injected;
  abi::AttachMessage message;
  std::uint64_t last_serial = 0;
  std::uint64_t event_serial = 0;
};

}  // namespace gotthard::control::test
